package fusion

import (
	"slices"

	"github.com/dlc-ml/dlc/ir/loop"
)

// image says where each dimension of a temporary lies in the tensor that copy moves it to: at scale*i + shift in the same dimension.
type image struct {
	scale, shift []int
}

// of returns where the element of the temporary at index lies.
func (m image) of(index []loop.Affine) []loop.Affine {
	r := make([]loop.Affine, len(index))
	for d, ix := range index {
		r[d] = times(ix, m.scale[d])
		r[d].Const += m.shift[d]
	}
	return r
}

// through removes copy j where it moves a whole temporary into another tensor, dimension by dimension: the nest that makes the
// temporary stores into the tensor, and others read it there. A fill of the tensor that stands between is moved before that nest.
func (u *fuser) through(j int) bool {
	c := u.f.Nests[j]
	if c.Form != loop.Copy || !plainStores(c) || c.Stores[0].Expr.Code != loop.Load {
		return false
	}
	to, from := c.Stores[0].To, c.Stores[0].Expr.From
	t, d := from.Buf, to.Buf
	if t.Space != loop.Temp || t.Elem != d.Elem || d.Alias != nil || u.aliased[d] || t == d {
		return false
	}
	if d.Space != loop.Temp && d.Space != loop.Output && d.Space != loop.Grad {
		return false
	}
	m, ok := imageOf(c, from, to)
	if !ok {
		return false
	}
	p, i := u.writer(t)
	if p == nil || i > j || !plainStores(p) {
		return u.refuse(c, "%s has no single nest that makes it", t.Name)
	}
	if meets(u.touch(p).reads, d) || meets(u.touch(p).writes, d) || meets(u.touch(p).reads, t) {
		return u.refuse(c, "%s uses %s already", p.Name, d.Name)
	}
	for _, k := range u.readers(t) {
		n := u.f.Nests[k]
		if k < i || n.Form == loop.Scan || k != j && meets(u.touch(n).writes, d) || readsDynamically(n, t) {
			return u.refuse(c, "%s reads %s", n.Name, t.Name)
		}
	}
	fills, why := u.clears(c, t, i, j, d)
	if why != "" {
		return u.refuse(c, "%s", why)
	}
	if !u.cfg.Rewrite("write " + t.Name + " straight into " + d.Name) {
		return false
	}
	u.note(c.Pos, "%s is written straight into %s", t.Name, d.Name)
	u.redirect(c, t, d, m)
	u.remove(j)
	for _, k := range fills {
		u.move(k, i)
		i++
	}
	return true
}

// readsDynamically reports whether n loads t at an index that was loaded. Such an index is kept inside the tensor that it reads, so that
// the tensor cannot be exchanged for a larger one.
func readsDynamically(n *loop.Nest, t *loop.Buffer) bool {
	for _, a := range n.Loads() {
		if a.Buf == t && dynamic(a) {
			return true
		}
	}
	return false
}

// imageOf returns where copy c moves the elements of a whole temporary.
func imageOf(c *loop.Nest, from, to loop.Access) (image, bool) {
	dim, ok := plain(c, from.Buf, from.Index)
	if !ok || dynamic(from) || len(from.Index) != len(to.Index) {
		return image{}, false
	}
	m := image{make([]int, len(to.Index)), make([]int, len(to.Index))}
	for d := range to.Index {
		ix := tidy(c, to.Index[d])
		m.scale[d], m.shift[d] = 1, ix.Const
		if len(ix.Terms) > 1 || len(ix.Terms) == 0 && from.Buf.Shape[d] != one {
			return image{}, false
		}
		if len(ix.Terms) == 1 {
			if dim[ix.Terms[0].Axis] != d || ix.Terms[0].Coef < 1 {
				return image{}, false
			}
			m.scale[d] = ix.Terms[0].Coef
		}
	}
	return m, true
}

// clears decides what to do with the other nests that touch d when copy c, at j, is done by nest i already. Nothing may read d
// between the two, and nothing else may write to where c writes from i on as long as t, which c reads, is read; but for fills between the
// two, which it lists: they can run before i.
func (u *fuser) clears(c *loop.Nest, t *loop.Buffer, i, j int, d *loop.Buffer) (fills []int, why string) {
	last := slices.Max(u.readers(t)) // at least j
	for k, n := range u.f.Nests[:last+1] {
		t := u.touch(n)
		if k > i && k < j && meets(t.reads, d) {
			return nil, n.Name + " reads " + d.Name + " before it is complete"
		}
		if k <= i || k == j || !meets(t.writes, d) {
			continue
		}
		s := storeTo(n, d)
		switch {
		case n.Form == loop.Scan || s < 0 || !plainStores(n):
			return nil, n.Name + " writes " + d.Name + " too"
		case apart(n, n.Stores[s].To.Index, c, c.Stores[0].To.Index):
		case k < j && len(n.Stores) == 1 && len(t.reads) == 0 && n.Value == nil:
			fills = append(fills, k)
		default:
			return nil, n.Name + " writes the same part of " + d.Name
		}
	}
	// A fill that moves up must not pass a write to d that stays.
	for _, k := range fills {
		for q := i; q < k; q++ {
			n := u.f.Nests[q]
			if meets(u.touch(n).writes, d) && !contains(fills, q) {
				return nil, n.Name + " writes " + d.Name + " before it is filled"
			}
		}
	}
	return fills, ""
}

func contains(list []int, x int) bool {
	for _, y := range list {
		if x == y {
			return true
		}
	}
	return false
}

// redirect makes every nest but c that uses t use its image in d.
func (u *fuser) redirect(c *loop.Nest, t, d *loop.Buffer, m image) {
	load := func(e *loop.Expr) *loop.Expr {
		if e.Code != loop.Load || e.From.Buf != t {
			return e
		}
		r := *e
		r.From.Buf, r.From.Index = d, m.of(e.From.Index)
		return &r
	}
	for k, old := range u.f.Nests {
		if old == c || !meets(u.touch(old).reads, t) && !meets(u.touch(old).writes, t) {
			continue
		}
		n := *old
		n.Value = old.Value.Rewrite(load)
		n.Stores = append([]loop.Store(nil), old.Stores...)
		for s := range n.Stores {
			st := &n.Stores[s]
			*st = rewriteStore(*st, load)
			if st.To.Buf == t {
				st.To.Buf, st.To.Index = d, m.of(st.To.Index)
			}
		}
		u.f.Nests[k] = &n
	}
}

// reshapes reports whether a copy joins or splits dimensions: pass layout makes views of those, which cost nothing.
func reshapes(n *loop.Nest) bool {
	to, from := n.Stores[0].To, n.Stores[0].Expr.From
	if len(to.Index) != len(from.Index) {
		return true
	}
	for _, index := range [][]loop.Affine{to.Index, from.Index} {
		for _, ix := range index {
			if len(tidy(n, ix).Terms) > 1 {
				return true
			}
		}
	}
	return false
}

// transposes reports whether a copy that does not reshape changes the order of the dimensions.
func transposes(n *loop.Nest) bool {
	to, from := n.Stores[0].To, n.Stores[0].Expr.From
	for d := range to.Index {
		a, b := tidy(n, to.Index[d]), tidy(n, from.Index[d])
		if len(a.Terms) == 1 && len(b.Terms) == 1 && a.Terms[0].Axis != b.Terms[0].Axis {
			return true
		}
	}
	return false
}
