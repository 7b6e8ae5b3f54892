package fusion

import (
	"slices"
	"sort"

	"github.com/dlc-ml/dlc/ir/loop"
)

// epilogue merges nest j, where it is a map, into the stores of a nest that makes one of its inputs. Of several it takes the last, since
// the others are done by then.
func (u *fuser) epilogue(j int) bool {
	c := u.f.Nests[j]
	if c.Form != loop.Map {
		return false
	}
	return u.intoProducer(j)
}

// copied does the same for a copy that keeps the order of the dimensions and could not be written through: it becomes a second store.
func (u *fuser) copied(j int) bool {
	c := u.f.Nests[j]
	if c.Form != loop.Copy || reshapes(c) || transposes(c) {
		return false
	}
	return u.intoProducer(j)
}

func (u *fuser) intoProducer(j int) bool {
	c := u.f.Nests[j]
	if c.Value != nil || len(c.Red) > 0 || !plainStores(c) {
		return false
	}
	type candidate struct {
		t *loop.Buffer
		i int
	}
	var list []candidate
	for _, t := range u.touch(c).Reads {
		if p, i := u.maker(t); p != nil && i < j {
			list = append(list, candidate{t, i})
		}
	}
	sort.SliceStable(list, func(a, b int) bool { return list[a].i > list[b].i })
	for _, x := range list {
		merge := u.mergeStores
		if storeTo(u.f.Nests[x.i], x.t) < 0 {
			merge = u.mergePieces
		}
		if merge(x.i, j, x.t) {
			return true
		}
	}
	return false
}

// plainStores reports whether no store of n adds or goes to an index that was loaded.
func plainStores(n *loop.Nest) bool {
	for _, s := range n.Stores {
		if s.Add || dynamic(s.To) {
			return false
		}
	}
	return true
}

func dynamic(a loop.Access) bool {
	for _, d := range a.Dyn {
		if d != nil {
			return true
		}
	}
	return false
}

// mergeStores makes the stores of nest j stores of nest i, which writes t.
func (u *fuser) mergeStores(i, j int, t *loop.Buffer) bool {
	p, c := u.f.Nests[i], u.f.Nests[j]
	if p.Form == loop.Scan || !plainStores(p) {
		return u.refuse(c, "%s is a %s", p.Name, p.Form)
	}
	st := p.Stores[storeTo(p, t)]
	if p.Form == loop.Copy && (reshapes(p) && still(p) || len(u.readers(t)) > 1) {
		return u.refuse(c, "%s only moves elements", p.Name)
	}
	if loop.Meets(u.touch(p).Reads, t) {
		return u.refuse(c, "%s updates %s in place", p.Name, t.Name)
	}
	if !onto(p, t, st.To.Index) {
		return u.refuse(c, "%s does not write %s element by element", p.Name, t.Name)
	}
	axes, ok := pointsOf(c, t, st.To.Index)
	if !ok {
		return u.refuse(c, "it reads %s at other points than its own", t.Name)
	}
	made, why := u.storedValues(p, c, axes)
	if why != "" {
		return u.refuse(c, "%s", why)
	}
	at, ok := u.joins(i, j)
	if ok {
		u.mergeAt(i, j, at, axes, made, t, u.drops(t))
	}
	return ok
}

// joins decides whether the stores of nest j may become stores of nest i, as far as what the two and the nests between them touch is concerned, and where the
// nest of both stands.
func (u *fuser) joins(i, j int) (at int, ok bool) {
	p, c := u.f.Nests[i], u.f.Nests[j]
	pt, ct := u.touch(p), u.touch(c)
	if len(union(pt, ct)) > most {
		return 0, u.refuse(c, "with %s it would touch more than %d tensors", p.Name, most)
	}
	if b := loop.Clash(ct.Writes, slices.Concat(pt.Reads, pt.Writes)); b != nil {
		return 0, u.refuse(c, "%s uses %s, which it overwrites", p.Name, b.Name)
	}
	at = i
	if up := u.rises(j, i); up != nil {
		if u.sinks(i, j) != nil {
			return 0, u.refuse(c, "%s changes between %s and it", up.Name, p.Name)
		}
		at = j
	}
	if !u.cfg.Rewrite("fuse " + c.Name + " into " + p.Name) {
		return 0, false
	}
	u.note(c.Pos, "%s is computed in the stores of %s", c.Name, p.Name)
	return at, true
}

// drops reports whether t goes when the only nest that reads it gets its elements in registers.
func (u *fuser) drops(t *loop.Buffer) bool {
	return t.Space == loop.Temp && len(u.readers(t)) == 1 && !u.outside[t]
}

// mergeAt replaces nests i and j by one that stands where at did.
func (u *fuser) mergeAt(i, j, at int, axes []loop.Affine, made func(loop.Access) *loop.Expr, t *loop.Buffer, drop bool) {
	p, c := u.f.Nests[i], u.f.Nests[j]
	n := *p
	n.Stores = nil
	for _, s := range p.Stores {
		if s.To.Buf != t || !drop {
			n.Stores = append(n.Stores, s)
		}
	}
	n.Stores = append(n.Stores, storesOn(c, axes, made)...)
	n.Ops = append(append([]string(nil), p.Ops...), c.Ops...)
	reform(&n, 0)
	u.f.Nests[at] = &n
	u.remove(i + j - at)
}

// reform makes a map of a copy that computes something, and what is left of a gather whose computed indices are gone; a fold that has come to
// slide over what it reads is a window, and one that no longer does is none. n stands in that many scans.
func reform(n *loop.Nest, steps int) {
	if n.Form == loop.Gather && !gathers(n) {
		n.Form = loop.Map
		if n.Value != nil {
			n.Form = loop.Reduce
		}
	}
	if n.Form == loop.Reduce || n.Form == loop.Window {
		n.Form = loop.Reduce
		if slides(n, steps+len(n.Axes)) {
			n.Form = loop.Window
		}
	}
	if n.Form == loop.Copy && (len(n.Stores) != 1 || n.Stores[0].Expr.Code != loop.Load) {
		n.Form = loop.Map
	}
}

// gathers reports whether some index of n is computed.
func gathers(n *loop.Nest) bool {
	for _, a := range n.Loads() {
		if dynamic(a) {
			return true
		}
	}
	return slices.ContainsFunc(n.Stores, func(s loop.Store) bool { return dynamic(s.To) })
}

// slides reports whether some index of n adds a reduction axis to a parallel one, which come before number axes.
func slides(n *loop.Nest, axes int) bool {
	for _, a := range n.Loads() {
		for _, ix := range a.Index {
			par, red := false, false
			for _, t := range ix.Terms {
				par, red = par || t.Axis < axes, red || t.Axis >= axes
			}
			if par && red {
				return true
			}
		}
	}
	return false
}

// pointsOf returns, for each axis of map c, the index over another nest's axes that takes its place, where c reads t only at the point
// that it computes and the other nest stores to t at index.
func pointsOf(c *loop.Nest, t *loop.Buffer, index []loop.Affine) ([]loop.Affine, bool) {
	var first []loop.Affine
	for _, a := range c.Loads() {
		if a.Buf != t {
			continue
		}
		if dynamic(a) || first != nil && !sameIndex(c, first, a.Index) {
			return nil, false
		}
		if first == nil {
			first = a.Index
		}
	}
	dim, ok := plain(c, t, first)
	if !ok {
		return nil, false
	}
	axes := make([]loop.Affine, len(c.Axes))
	for a, d := range dim {
		if d >= 0 {
			axes[a] = index[d]
		} else if isStep(c, a) {
			axes[a] = loop.Ax(a)
		}
	}
	return axes, true
}

// storedValues returns a function that gives the expression for each load by c, on p's axes, of what p stores at the same point; or
// why there is none.
func (u *fuser) storedValues(p, c *loop.Nest, axes []loop.Affine) (func(loop.Access) *loop.Expr, string) {
	made := func(a loop.Access) *loop.Expr {
		if k := storeTo(p, a.Buf); k >= 0 {
			return p.Stores[k].Expr
		}
		return nil
	}
	for _, a := range c.Loads() {
		if !loop.Meets(u.touch(p).Writes, a.Buf) {
			continue
		}
		k := storeTo(p, a.Buf)
		if k < 0 || dynamic(a) || !sameIndex(p, substituteAll(a.Index, axes), p.Stores[k].To.Index) {
			return nil, "it reads " + a.Buf.Name + " of " + p.Name + " at other points than its own"
		}
		if p.Stores[k].Expr.Type != a.Buf.Elem {
			return nil, a.Buf.Name + " is stored as another type than it is computed in"
		}
	}
	return made, ""
}

// union lists the buffers that two nests touch.
func union(a, b *loop.Touch) []*loop.Buffer {
	var list []*loop.Buffer
	for _, l := range [][]*loop.Buffer{a.Reads, a.Writes, b.Reads, b.Writes} {
		for _, x := range l {
			if !slices.Contains(list, x) {
				list = append(list, x)
			}
		}
	}
	return list
}
