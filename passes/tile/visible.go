package tile

import (
	"math"

	"github.com/dlc-ml/dlc/ir/loop"
)

// sight is what a cluster knows of a causal mask: a place of the tiled role meets those of the free dimension from 0 up to its own number plus shift; what it makes of others
// is hidden, and counts nothing in any sum or maximum.
type sight struct {
	shift int
	axis  map[*work]int // the axis of each nest that is the free dimension; none where it has none
}

// of returns the axis of a nest that is the free dimension; ok is false where it has none.
func (s *sight) of(w *work) (axis int, ok bool) {
	axis, ok = s.axis[w]
	return axis, ok
}

// state is what an element is at a hidden place.
type state uint8

const (
	anything state = iota
	score          // a product, at hidden places as at others
	masked         // so far below every score of the row that its exponential is 0
	zero
)

// lowest is a number below which scores are taken to be masked.
const lowest = -1e29

// looker follows the nests of a cluster.
type looker struct {
	c     *cluster
	role  int
	dims  map[*loop.Buffer]int // the dimension of each matrix that is the free one
	now   map[*loop.Buffer]state
	sight sight
	found bool
}

// sees returns the sight of a cluster; nil where some place meets all others, or what is hidden shows somewhere.
func (c *cluster) sees(role int) *sight {
	l := &looker{c: c, role: role, dims: map[*loop.Buffer]int{}, now: map[*loop.Buffer]state{}, sight: sight{axis: map[*work]int{}}}
	for i, w := range c.work() {
		if !l.follow(w, i == 0) {
			return nil
		}
	}
	// Each place must see one at least: a row of which all is hidden is treated as one of which nothing is.
	if !l.found || l.sight.shift < 0 {
		return nil
	}
	return &l.sight
}

// follow notes what a nest makes of hidden places, and reports whether they may be left out of it.
func (l *looker) follow(w *work, first bool) bool {
	n, axis := w.nest, -1
	if first {
		a, ok := plain(n.Stores[0].To.Index[l.c.free])
		if !ok {
			return false
		}
		axis = a
	}
	for _, a := range n.Loads() {
		d, ok := l.dims[a.Buf]
		if !ok {
			continue
		}
		x, ok := plain(a.Index[d])
		if !ok || axis >= 0 && x != axis {
			return false
		}
		axis = x
	}
	if axis < 0 {
		return true
	}
	l.sight.axis[w] = axis
	if axis >= len(n.Axes) {
		s := l.of(n.Value, w, axis)
		return n.Fold == loop.FoldMax && s == masked || n.Fold == loop.FoldSum && s == zero
	}
	own := l.c.private()
	after := map[*loop.Buffer]state{}
	for _, s := range n.Stores {
		b := s.To.Buf
		if !own[b] {
			if !w.m.sum { // of a sum over tiles, a hidden place adds nothing
				return false
			}
			continue
		}
		found := false
		for d, ix := range s.To.Index {
			if a, ok := plain(ix); ok && a == axis {
				l.dims[b], found = d, true
			}
		}
		if !found {
			return false
		}
		after[b] = l.of(s.Expr, w, axis)
	}
	for b, s := range after {
		l.now[b] = s
	}
	return !w.m.sum || l.of(n.Value, w, axis) == zero
}

// of is the state of an expression of a nest whose axis is the free dimension.
func (l *looker) of(e *loop.Expr, w *work, axis int) state {
	arg := func(i int) state { return l.of(e.Args[i], w, axis) }
	switch e.Code {
	case loop.Const:
		if math.Float32frombits(e.Bits) == 0 {
			return zero
		}
	case loop.Acc:
		return score
	case loop.Load:
		if _, ok := l.dims[e.From.Buf]; ok {
			return l.now[e.From.Buf]
		}
	case loop.Mul:
		switch x, y := arg(0), arg(1); {
		case x == zero || y == zero:
			return zero
		case x == score && e.Args[1].Code == loop.Const, y == score && e.Args[0].Code == loop.Const:
			return score
		}
	case loop.Div, loop.Neg:
		if arg(0) == zero {
			return zero
		}
	case loop.Add, loop.Sub:
		if arg(0) == zero && arg(1) == zero {
			return zero
		}
	case loop.FMA:
		if (arg(0) == zero || arg(1) == zero) && arg(2) == zero {
			return zero
		}
	case loop.Exp:
		if x := e.Args[0]; x.Code == loop.Sub && l.of(x.Args[0], w, axis) == masked && !depends(x.Args[1], axis) {
			return zero
		}
	case loop.Select:
		return l.chosen(e, w, axis)
	}
	return anything
}

// chosen is the state of a selection: where the condition is a causal mask, that of the other branch.
func (l *looker) chosen(e *loop.Expr, w *work, axis int) state {
	x, y := l.of(e.Args[1], w, axis), l.of(e.Args[2], w, axis)
	shift, ok := l.causal(e.Args[0], w, axis)
	switch {
	case x == zero && y == zero:
		return zero
	case !ok:
		return anything
	case y == zero:
		l.note(shift)
		return zero
	case x == score && e.Args[2].Code == loop.Const && math.Float32frombits(e.Args[2].Bits) <= lowest:
		l.note(shift)
		return masked
	}
	return anything
}

// note takes a causal mask into account: of several the one that hides least.
func (l *looker) note(shift int) {
	if !l.found || shift > l.sight.shift {
		l.sight.shift = shift
	}
	l.found = true
}

// causal returns by how much the last place that a condition lets through is behind the own number of a place of the tiled role.
func (l *looker) causal(e *loop.Expr, w *work, axis int) (shift int, ok bool) {
	if e.Code != loop.LessEq || e.Args[0].Code != loop.Index || e.Args[1].Code != loop.Index {
		return 0, false
	}
	key, ok := plain(e.Args[0].Idx)
	query := e.Args[1].Idx
	if !ok || key != axis || len(query.Terms) != 1 || query.Terms[0] != (loop.Term{Axis: w.m.axis[l.role], Coef: 1}) {
		return 0, false
	}
	return query.Const, true
}

// depends reports whether an expression depends on an axis.
func depends(e *loop.Expr, axis int) bool {
	found := false
	e.Walk(func(x *loop.Expr) {
		found = found || x.Idx.Coef(axis) != 0
		for _, ix := range x.From.Index {
			found = found || ix.Coef(axis) != 0
		}
	})
	return found
}
