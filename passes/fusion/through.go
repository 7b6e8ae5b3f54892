package fusion

import (
	"maps"
	"slices"

	"github.com/dlc-ml/dlc/ir/loop"
)

// image says where a temporary lies in the tensor that copy moves it to: dimension d of that is scale*i + shift, where i is the index of the
// temporary's dimension dim, or shift alone where dim is -1.
type image []struct{ dim, scale, shift int }

// of returns where the element of the temporary at index lies.
func (m image) of(index []loop.Affine) []loop.Affine {
	r := make([]loop.Affine, len(m))
	for d, p := range m {
		if p.dim >= 0 {
			r[d] = times(index[p.dim], p.scale)
		}
		r[d].Const += p.shift
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
	p, i := u.maker(t)
	if p == nil || i > j || !plainStores(p) {
		return u.refuse(c, "%s has no single nest that makes it", t.Name)
	}
	if loop.Meets(u.touch(p).Reads, d) || loop.Meets(u.touch(p).Writes, d) || loop.Meets(u.touch(p).Reads, t) {
		return u.refuse(c, "%s uses %s already", p.Name, d.Name)
	}
	for _, k := range u.readers(t) {
		n := u.f.Nests[k]
		if k < i || n.Form == loop.Scan || k != j && loop.Meets(u.touch(n).Writes, d) || readsDynamically(n, t) {
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

// imageOf returns where copy c moves the elements of a whole temporary. The dimensions keep their order; the tensor may have others beside them.
func imageOf(c *loop.Nest, from, to loop.Access) (image, bool) {
	dim, ok := plain(c, from.Buf, from.Index)
	if !ok || dynamic(from) {
		return nil, false
	}
	m := make(image, len(to.Index))
	last := -1
	for d := range to.Index {
		ix := tidy(c, to.Index[d])
		m[d].dim, m[d].shift = -1, ix.Const
		if len(ix.Terms) == 0 {
			continue
		}
		t := ix.Terms[0]
		if len(ix.Terms) > 1 || t.Coef < 1 || dim[t.Axis] <= last {
			return nil, false
		}
		m[d].dim, m[d].scale = dim[t.Axis], t.Coef
		for last++; last < dim[t.Axis]; last++ {
			if from.Buf.Shape[last] != one {
				return nil, false
			}
		}
	}
	for last++; last < len(from.Buf.Shape); last++ {
		if from.Buf.Shape[last] != one {
			return nil, false
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
		if k > i && k < j && loop.Meets(t.Reads, d) {
			return nil, n.Name + " reads " + d.Name + " before it is complete"
		}
		if k <= i || k == j || !loop.Meets(t.Writes, d) {
			continue
		}
		s := storeTo(n, d)
		switch {
		case n.Form == loop.Scan || s < 0 || !plainStores(n):
			return nil, n.Name + " writes " + d.Name + " too"
		case loop.Apart(n.Stores[s].To, n.AllAxes(), c.Stores[0].To, c.AllAxes()):
		case k < j && len(n.Stores) == 1 && len(t.Reads) == 0 && n.Value == nil:
			fills = append(fills, k)
		default:
			return nil, n.Name + " writes the same part of " + d.Name
		}
	}
	// A fill that moves up must not pass a write to d that stays.
	for _, k := range fills {
		for q := i; q < k; q++ {
			n := u.f.Nests[q]
			if loop.Meets(u.touch(n).Writes, d) && !contains(fills, q) {
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
		if old == c || !loop.Meets(u.touch(old).Reads, t) && !loop.Meets(u.touch(old).Writes, t) {
			continue
		}
		n := old.Rewrite(load)
		for s := range n.Stores {
			st := &n.Stores[s]
			if st.To.Buf == t {
				st.To.Buf, st.To.Index = d, m.of(st.To.Index)
			}
		}
		reform(n, 0)
		u.f.Nests[k] = n
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

// shifts reports whether a copy takes a part of a tensor as it lies: it keeps the order of the dimensions and takes neighbours for neighbours.
func shifts(n *loop.Nest) bool {
	if n.Form != loop.Copy {
		return false
	}
	to, from := n.Stores[0].To, n.Stores[0].Expr.From
	dim, ok := plain(n, to.Buf, to.Index)
	if !ok || dynamic(from) {
		return false
	}
	last := -1
	for _, ix := range from.Index {
		ix = tidy(n, ix)
		if len(ix.Terms) == 0 {
			continue
		}
		if len(ix.Terms) > 1 || ix.Terms[0].Coef != 1 || dim[ix.Terms[0].Axis] <= last {
			return false
		}
		last = dim[ix.Terms[0].Axis]
	}
	return true
}

// still reports whether a copy between dense tensors leaves every element where it is, as most reshapes do: pass layout makes a view of it.
func still(n *loop.Nest) bool {
	place := func(a loop.Access) map[int]int {
		p := map[int]int{-1: 0}
		for d, stride := range loop.RowMajor(a.Buf.Shape) {
			ix := tidy(n, a.Index[d])
			p[-1] += ix.Const * stride
			for _, t := range ix.Terms {
				p[t.Axis] += t.Coef * stride
			}
		}
		return p
	}
	to, from := n.Stores[0].To, n.Stores[0].Expr.From
	size, _ := to.Buf.Shape.Elems()
	other, _ := from.Buf.Shape.Elems()
	return size == other && maps.Equal(place(to), place(from))
}
