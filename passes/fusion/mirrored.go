package fusion

import "github.com/dlc-ml/dlc/ir/loop"

// mirrored removes copy j, and the fill before it, where the padded tensor that they make exists already: the backward part of a convolution
// pads the image that its forward part has padded.
func (u *fuser) mirrored(j int) bool {
	c := u.f.Nests[j]
	if c.Form != loop.Copy || !plainStores(c) || c.Stores[0].Expr.Code != loop.Load || dynamic(c.Stores[0].Expr.From) {
		return false
	}
	d := c.Stores[0].To.Buf
	w := u.writers(d)
	if d.Space != loop.Temp || d.Alias != nil || u.aliased[d] || len(w) != 2 || w[1] != j {
		return false
	}
	k := w[0]
	fill, ok := fillOf(u.f.Nests[k], d)
	if !ok {
		return false
	}
	for _, r := range u.readers(d) {
		if r <= j || u.f.Nests[r].Form == loop.Scan {
			return false
		}
	}
	s := u.original(j, fill)
	if s == nil {
		s = u.twin(j, k)
	}
	if s == nil || s == d || !u.cfg.Rewrite("read "+s.Name+" for "+d.Name) {
		return false
	}
	u.note(c.Pos, "%s holds the same as %s", d.Name, s.Name)
	u.reread(d, s)
	u.remove(j)
	u.remove(k)
	return true
}

// writers returns the nests that write b, in order.
func (u *fuser) writers(b *loop.Buffer) []int {
	var list []int
	for i, n := range u.f.Nests {
		if loop.Meets(u.touch(n).Writes, b) {
			list = append(list, i)
		}
	}
	return list
}

// fillOf returns the constant that n stores in every element of b and does nothing else.
func fillOf(n *loop.Nest, b *loop.Buffer) (*loop.Expr, bool) {
	if n.Form != loop.Map || len(n.Stores) != 1 || !plainStores(n) || n.Stores[0].To.Buf != b || n.Stores[0].Expr.Code != loop.Const {
		return nil, false
	}
	_, ok := plain(n, b, n.Stores[0].To.Index)
	return n.Stores[0].Expr, ok
}

// original returns the tensor that copy j reads, where that is a padded one itself, with the same fill, and the copy takes all of
// it that is not fill to the same place.
func (u *fuser) original(j int, fill *loop.Expr) *loop.Buffer {
	c := u.f.Nests[j]
	to, from := c.Stores[0].To, c.Stores[0].Expr.From
	s := from.Buf
	if s.Elem != to.Buf.Elem || !s.Shape.Equal(to.Buf.Shape) || s.Alias != nil || u.aliased[s] || !sameIndex(c, to.Index, from.Index) || !box(c, to.Index) {
		return nil
	}
	w := u.writers(s)
	if len(w) == 0 || w[len(w)-1] >= j {
		return nil
	}
	if x, ok := fillOf(u.f.Nests[w[0]], s); !ok || x.Type != fill.Type || x.Bits != fill.Bits {
		return nil
	}
	for _, i := range w[1:] {
		n := u.f.Nests[i]
		if n.Form == loop.Scan || !plainStores(n) {
			return nil
		}
		for _, st := range n.Stores {
			if st.To.Buf.Overlaps(s) && (st.To.Buf != s || !inside(n, st.To.Index, c, s, to.Index)) {
				return nil
			}
		}
	}
	return s
}

// box reports whether an index takes every element of a box: each dimension by an axis of its own, one by one, or at one place.
func box(n *loop.Nest, index []loop.Affine) bool {
	used := map[int]bool{}
	for _, ix := range index {
		ix = tidy(n, ix)
		if len(ix.Terms) == 0 {
			continue
		}
		t := ix.Terms[0]
		if len(ix.Terms) > 1 || t.Coef != 1 || used[t.Axis] {
			return false
		}
		used[t.Axis] = true
	}
	return true
}

// inside reports whether a store by n to b at index a stays in the box that c takes at index in.
func inside(n *loop.Nest, a []loop.Affine, c *loop.Nest, b *loop.Buffer, in []loop.Affine) bool {
	for d := range a {
		ix := tidy(c, in[d])
		if ix.Const == 0 && len(ix.Terms) == 1 && c.AxisAt(ix.Terms[0].Axis).Extent == b.Shape[d] {
			continue // the whole dimension
		}
		lo, hi, ok := ix.Span(c.AllAxes())
		l, h, known := a[d].Span(n.AllAxes())
		if !ok || !known || l < lo || h > hi {
			return false
		}
	}
	return true
}

// twin returns a tensor that an earlier fill and copy made as nests k and j make theirs, from a source that did not change since.
func (u *fuser) twin(j, k int) *loop.Buffer {
	c := u.f.Nests[j]
	for i := range j {
		p := u.f.Nests[i]
		if p.Form != loop.Copy || !sameNest(p, c) {
			continue
		}
		s := p.Stores[0].To.Buf
		w := u.writers(s)
		if s.Alias != nil || u.aliased[s] || len(w) != 2 || w[1] != i || !sameNest(u.f.Nests[w[0]], u.f.Nests[k]) {
			continue
		}
		changed := false
		for q := i; q < j; q++ {
			changed = changed || loop.Clash(u.touch(c).Reads, u.touch(u.f.Nests[q]).Writes) != nil
		}
		if !changed {
			return s
		}
	}
	return nil
}
