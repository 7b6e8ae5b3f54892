package fusion

import (
	"slices"

	"github.com/dlc-ml/dlc/ir/loop"
)

// repeated removes nest j where an earlier one computes the same: its temporaries are read where the other stores them. Different
// operators often need the same row maximum or sum.
func (u *fuser) repeated(j int) bool {
	c := u.f.Nests[j]
	if c.Form == loop.Scan || !plainStores(c) {
		return false
	}
	for _, s := range c.Stores {
		if w, _ := u.writer(s.To.Buf); w != c || s.To.Buf.Space != loop.Temp || u.outside[s.To.Buf] {
			return false
		}
	}
	for i := range j {
		if u.repeats(i, j) && u.cfg.Rewrite("use "+u.f.Nests[i].Name+" for "+c.Name) {
			u.note(c.Pos, "%s was computed for %s already", c.Name, u.f.Nests[i].Name)
			for k, s := range c.Stores {
				u.reread(s.To.Buf, u.f.Nests[i].Stores[k].To.Buf)
			}
			u.remove(j)
			return true
		}
	}
	return false
}

// repeats reports whether nest j computes what nest i stored, from tensors that did not change since.
func (u *fuser) repeats(i, j int) bool {
	p, c := u.f.Nests[i], u.f.Nests[j]
	if !sameNest(p, c) {
		return false
	}
	for k, s := range p.Stores {
		if w, _ := u.writer(s.To.Buf); w != p {
			return false
		}
		for _, r := range u.readers(c.Stores[k].To.Buf) {
			if r <= j || u.f.Nests[r].Form == loop.Scan {
				return false
			}
		}
	}
	reads := u.touch(c).Reads
	for k := i; k < j; k++ {
		if loop.Clash(reads, u.touch(u.f.Nests[k]).Writes) != nil {
			return false
		}
	}
	return true
}

// reread makes every load of t a load of d, which has the same shape.
func (u *fuser) reread(t, d *loop.Buffer) {
	load := func(e *loop.Expr) *loop.Expr {
		if e.Code != loop.Load || e.From.Buf != t {
			return e
		}
		r := *e
		r.From.Buf = d
		return &r
	}
	for _, k := range u.readers(t) {
		u.f.Nests[k] = u.f.Nests[k].Rewrite(load)
	}
}

// sameNest reports whether two nests compute the same values in the same order and store them at the same indices, in buffers of
// the same type.
func sameNest(p, c *loop.Nest) bool {
	if p.Form != c.Form || p.Fold != c.Fold || p.Lanes != c.Lanes || len(p.Stores) != len(c.Stores) || !plainStores(p) ||
		!sameExtents(p.Axes, c.Axes) || !sameExtents(p.Red, c.Red) {
		return false
	}
	done := map[[2]*loop.Expr]bool{}
	if !sameExpr(p.Value, c.Value, done) {
		return false
	}
	for k, s := range p.Stores {
		r := c.Stores[k]
		if s.To.Buf.Elem != r.To.Buf.Elem || !s.To.Buf.Shape.Equal(r.To.Buf.Shape) || !sameIndex(p, s.To.Index, r.To.Index) || !sameExpr(s.Expr, r.Expr, done) {
			return false
		}
	}
	return true
}

func sameExtents(a, b []loop.Axis) bool {
	return slices.EqualFunc(a, b, func(x, y loop.Axis) bool { return x.Extent == y.Extent })
}

// sameExpr compares expressions over the same axes. done holds pairs of nodes that are known to be the same.
func sameExpr(a, b *loop.Expr, done map[[2]*loop.Expr]bool) bool {
	if a == b || done[[2]*loop.Expr{a, b}] {
		return true
	}
	if a == nil || b == nil || a.Code != b.Code || a.Type != b.Type || a.Bits != b.Bits || len(a.Args) != len(b.Args) ||
		a.From.Buf != b.From.Buf || len(a.From.Index) != len(b.From.Index) || len(a.From.Dyn) != len(b.From.Dyn) || !sameAffine(a.Idx, b.Idx) {
		return false
	}
	for i := range a.From.Index {
		if !sameAffine(a.From.Index[i], b.From.Index[i]) {
			return false
		}
	}
	for i := range a.Args {
		if !sameExpr(a.Args[i], b.Args[i], done) {
			return false
		}
	}
	for i := range a.From.Dyn {
		if !sameExpr(a.From.Dyn[i], b.From.Dyn[i], done) {
			return false
		}
	}
	done[[2]*loop.Expr{a, b}] = true
	return true
}

func sameAffine(a, b loop.Affine) bool { return a.Const == b.Const && slices.Equal(a.Terms, b.Terms) }
