package fusion

import (
	"sort"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// times returns k*a.
func times(a loop.Affine, k int) loop.Affine {
	if k == 0 {
		return loop.Affine{}
	}
	r := loop.Affine{Const: a.Const * k}
	for _, t := range a.Terms {
		r.Terms = append(r.Terms, loop.Term{Axis: t.Axis, Coef: t.Coef * k})
	}
	return r
}

// sum returns a + b.
func sum(a, b loop.Affine) loop.Affine {
	r := a
	r.Const += b.Const
	for _, t := range b.Terms {
		r = r.Plus(t.Axis, t.Coef, 0)
	}
	return r
}

// substitute replaces every axis of a by an index over other axes.
func substitute(a loop.Affine, axes []loop.Affine) loop.Affine {
	r := loop.At(a.Const)
	for _, t := range a.Terms {
		r = sum(r, times(axes[t.Axis], t.Coef))
	}
	return r
}

// substituteAll does so for each dimension of an index.
func substituteAll(index []loop.Affine, axes []loop.Affine) []loop.Affine {
	r := make([]loop.Affine, len(index))
	for i, a := range index {
		r[i] = substitute(a, axes)
	}
	return r
}

// onAxes returns e with the axes of its loads and indices replaced, and with each load for which swap returns an expression replaced by
// that, which is over the new axes already. swap may be nil.
func onAxes(e *loop.Expr, axes []loop.Affine, swap func(a loop.Access) *loop.Expr) *loop.Expr {
	return e.Rewrite(mover(axes, swap))
}

// storesOn returns the stores of a nest without computed indices, moved so too.
func storesOn(n *loop.Nest, axes []loop.Affine, swap func(a loop.Access) *loop.Expr) []loop.Store {
	list := n.Rewrite(mover(axes, swap)).Stores
	for i := range list {
		list[i].To.Index = substituteAll(list[i].To.Index, axes)
	}
	return list
}

// mover is what onAxes does to a node.
func mover(axes []loop.Affine, swap func(a loop.Access) *loop.Expr) func(*loop.Expr) *loop.Expr {
	return func(e *loop.Expr) *loop.Expr {
		switch e.Code {
		case loop.Load:
			c := *e
			c.From.Index = substituteAll(e.From.Index, axes)
			if swap != nil {
				if r := swap(c.From); r != nil {
					return r
				}
			}
			return &c
		case loop.Index:
			c := *e
			c.Idx = substitute(e.Idx, axes)
			return &c
		}
		return e
	}
}

// sameIndex reports whether two indices name the same element at every point. An axis of extent 1 is always 0.
func sameIndex(n *loop.Nest, a, b []loop.Affine) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := tidy(n, a[i]), tidy(n, b[i])
		if x.Const != y.Const || len(x.Terms) != len(y.Terms) {
			return false
		}
		for k := range x.Terms {
			if x.Terms[k] != y.Terms[k] {
				return false
			}
		}
	}
	return true
}

// one is the extent of a loop that runs once.
var one = ir.D(1)

// tidy drops the axes of extent 1 from an index.
func tidy(n *loop.Nest, a loop.Affine) loop.Affine {
	r := loop.Affine{Const: a.Const}
	for _, t := range a.Terms {
		if n.AxisAt(t.Axis).Extent != one {
			r.Terms = append(r.Terms, t)
		}
	}
	return r
}

// plain matches an index that walks a whole buffer, each dimension by an axis of its own: dim[a] is the dimension that axis a walks,
// -1 for axes of extent 1, and for the step of a scan. ok is false where any parallel axis of n is left over, or a dimension is not walked from end to end.
func plain(n *loop.Nest, b *loop.Buffer, index []loop.Affine) (dim []int, ok bool) {
	dim = make([]int, len(n.Axes))
	for i := range dim {
		dim[i] = -1
	}
	for d, ix := range index {
		if atStep(n, ix) {
			continue
		}
		ix = tidy(n, ix)
		if ix.Const != 0 || len(ix.Terms) > 1 {
			return nil, false
		}
		if len(ix.Terms) == 0 {
			if b.Shape[d] != one {
				return nil, false
			}
			continue
		}
		t := ix.Terms[0]
		if t.Coef != 1 || t.Axis >= len(n.Axes) || dim[t.Axis] >= 0 || n.Axes[t.Axis].Extent != b.Shape[d] {
			return nil, false
		}
		dim[t.Axis] = d
	}
	for a := range dim {
		if dim[a] < 0 && n.Axes[a].Extent != one && !isStep(n, a) {
			return nil, false
		}
	}
	return dim, true
}

// onto reports whether an index over the parallel axes of n takes every element of b exactly once: each axis moves in one
// dimension, and in each dimension the axes are the digits of a number in mixed radix, as y = 2*py + ky is.
func onto(n *loop.Nest, b *loop.Buffer, index []loop.Affine) bool {
	used := make([]bool, len(n.Axes))
	for d, ix := range index {
		if atStep(n, ix) {
			continue
		}
		ix = tidy(n, ix)
		if ix.Const != 0 {
			return false
		}
		terms := append([]loop.Term(nil), ix.Terms...)
		sort.Slice(terms, func(i, j int) bool { return terms[i].Coef < terms[j].Coef })
		reach := one
		for _, t := range terms {
			if t.Axis >= len(n.Axes) || used[t.Axis] || !reach.Static() || t.Coef != reach.Size {
				return false
			}
			used[t.Axis] = true
			var ok bool
			if reach, ok = reach.Mul(n.Axes[t.Axis].Extent); !ok {
				return false
			}
		}
		if reach != b.Shape[d] {
			return false
		}
	}
	for a := range used {
		if !used[a] && n.Axes[a].Extent != one && !isStep(n, a) {
			return false
		}
	}
	return true
}
