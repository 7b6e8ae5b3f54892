package ops

import (
	"math"
	"slices"
	"sort"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Sorting is a program of fixed length. Elements become whole numbers that have the same order. In a run of at most longestRank elements the place of each
// is the number of those before it, which is counted. Longer rows are cut into runs of firstRun that are sorted so; then pairs of runs are
// merged, pass after pass: the place of an element is its place in its own run plus the number of elements before it in the other, which
// a search in halves finds.
const (
	longestRank = 1024
	firstRun    = 256
)

// sortNote says what all sorting operators do with what is not ordered.
const sortNote = "Equal elements keep their order. NaN counts as greater than all numbers."

// sorter sorts along one axis. Its buffers have the shape of what is sorted.
type sorter struct {
	l    *Lowering
	s    ir.Shape
	axis int
	keys *loop.Buffer // the elements as i32, each run in order
	from *loop.Buffer // where each came from; nil at first, when each is at its place
}

// order returns a buffer of i32 with the place in x, along axis, of the first, second … element in order, and one with their keys, which are
// equal where the elements are. They have at least the first k.
func (l *Lowering) order(x *loop.Buffer, axis, k int, descending bool) (from, keys *loop.Buffer) {
	t := &sorter{l: l, s: x.Shape, axis: axis}
	t.keys = l.Temp("keys", ir.T(ir.I32, x.Shape))
	l.mapOver(t.keys, sortKey(loop.Read(x, plainIndex(len(x.Shape))...), descending))
	n := x.Shape[axis].Size
	if n <= longestRank {
		t.rank(1, n, k)
		return t.from, t.keys
	}
	t.rank(n/firstRun, firstRun, n)
	for run := firstRun; run < n; run *= 2 {
		t.pass(run)
	}
	return t.from, t.keys
}

// sortKey is an i32 that is less than another's where x sorts before the other.
func sortKey(x *loop.Expr, descending bool) *loop.Expr {
	key := x
	if x.Type == ir.F32 {
		// The bits of an f32 are its magnitude, so those of negative numbers are turned over. Adding 0 makes one zero of both.
		bits := loop.E(loop.ToBits, loop.E(loop.Add, x, loop.F(0)))
		key = loop.E(loop.Select, loop.E(loop.Less, bits, loop.I(0)), loop.E(loop.Xor, bits, loop.I(math.MaxInt32)), bits)
		key = loop.E(loop.Select, loop.E(loop.NotEq, x, x), loop.I(math.MaxInt32), key)
	}
	if descending {
		key = loop.E(loop.Xor, key, loop.I(-1))
	}
	return key
}

// span is a part of the sorted axis that is some runs, or pairs of runs, long: loops over them and over the elements of one take the place
// of the axis. Where there is one run there is no loop over runs.
type span struct {
	t                 *sorter
	runs, size, start int
	stride            int // from a run to the next
}

func (s span) loops() int { return min(s.runs, 2) }

// axes are the loops of a nest over the span.
func (s span) axes() []loop.Axis {
	all, a := axesOf(s.t.s), s.t.axis
	mid := []loop.Axis{axis("run", s.runs), axis("at", s.size)}[2-s.loops():]
	return slices.Concat(all[:a], mid, all[a+1:])
}

// first is where each run starts, plus some elements.
func (s span) first(more int) loop.Affine {
	p := loop.At(s.start + more)
	if s.loops() == 2 {
		p = p.Plus(s.t.axis, s.stride, 0)
	}
	return p
}

// inner is the number of the loop over the elements of a run.
func (s span) inner() int { return s.t.axis + s.loops() - 1 }

// at is the index of place p on the sorted axis.
func (s span) at(p loop.Affine) []loop.Affine {
	ix := make([]loop.Affine, len(s.t.s))
	for d := range ix {
		switch {
		case d < s.t.axis:
			ix[d] = loop.Ax(d)
		case d == s.t.axis:
			ix[d] = p
		default:
			ix[d] = loop.Ax(d - 1 + s.loops())
		}
	}
	return ix
}

// put is an access at p plus a computed number on the sorted axis.
func (s span) put(b *loop.Buffer, p loop.Affine, more *loop.Expr) loop.Access {
	t := s.t
	a := loop.Access{Buf: b, Index: s.at(p), Dyn: make([]*loop.Expr, len(t.s))}
	a.Dyn[t.axis] = more
	return a
}

// rank sorts runs of size elements, and what is left behind the last as a shorter one. Only the first k places of a run are of interest.
func (t *sorter) rank(runs, size, k int) {
	l, n := t.l, t.s[t.axis].Size
	shape := slices.Clone(t.s)
	if k < n {
		// What comes behind the first k goes to one place behind them.
		shape[t.axis] = ir.D(k + 1)
	}
	ranks := l.Temp("ranks", ir.T(ir.I32, t.s))
	keys, from := l.Temp("sorted", ir.T(ir.I32, shape)), l.Temp("order", ir.T(ir.I32, shape))
	for _, s := range []span{{t, runs, size, 0, size}, {t, 1, n - runs*size, runs * size, 0}} {
		if s.size == 0 {
			continue
		}
		axes := s.axes()
		here, there := s.first(0).Plus(s.inner(), 1, 0), s.first(0).Plus(len(axes), 1, 0)
		mine, other := loop.Read(t.keys, s.at(here)...), loop.Read(t.keys, s.at(there)...)
		before := loop.E(loop.Select, loop.E(loop.Less, loop.IndexOf(loop.Ax(len(axes))), loop.IndexOf(loop.Ax(s.inner()))),
			loop.E(loop.LessEq, other, mine), loop.E(loop.Less, other, mine))
		form := []loop.Form{loop.Reduce, loop.Window}[s.loops()-1]
		l.Emit(&loop.Nest{Form: form, Name: ranks.Name, Axes: axes, Red: []loop.Axis{axis("other", s.size)}, Fold: loop.FoldSum,
			Value: loop.E(loop.Select, before, loop.I(1), loop.I(0)), Stores: []loop.Store{storeAt(ranks, loop.Total(ir.I32), s.at(here)...)}})
		rank := loop.Read(ranks, s.at(here)...)
		if k < n {
			rank = loop.E(loop.Min, rank, loop.I(k))
		}
		l.Emit(&loop.Nest{Form: loop.Gather, Name: from.Name, Axes: axes, Fold: loop.FoldNone, Stores: []loop.Store{
			{To: s.put(keys, s.first(0), rank), Expr: mine}, {To: s.put(from, s.first(0), rank), Expr: loop.IndexOf(here)}}})
	}
	t.keys, t.from = keys, from
}

// pass merges pairs of runs. What is left behind the last pair is a run and part of one, or part of one, which stays as it is.
func (t *sorter) pass(run int) {
	n := t.s[t.axis].Size
	keys, from := t.l.Temp("sorted", ir.T(ir.I32, t.s)), t.l.Temp("order", ir.T(ir.I32, t.s))
	pairs, rest := n/(2*run), n%(2*run)
	t.merge(keys, from, pairs, 0, run, run)
	switch start := n - rest; {
	case rest > run:
		t.merge(keys, from, 1, start, run, rest-run)
	case rest > 0:
		s := span{t, 1, rest, start, 0}
		place := s.at(s.first(0).Plus(s.inner(), 1, 0))
		t.l.Emit(&loop.Nest{Form: loop.Map, Name: from.Name, Axes: s.axes(), Fold: loop.FoldNone, Stores: []loop.Store{
			storeAt(keys, loop.Read(t.keys, place...), place...), storeAt(from, loop.Read(t.from, place...), place...)}})
	}
	t.keys, t.from = keys, from
}

// merge merges pairs of runs of a and b elements, from start on.
func (t *sorter) merge(keys, from *loop.Buffer, pairs, start, a, b int) {
	if pairs == 0 {
		return
	}
	for _, side := range []struct {
		mine, other int // where the two runs start in their pair
		size, most  int
		ties        bool // whether equal elements of the other run come before
	}{{0, a, a, b, false}, {a, 0, b, a, true}} {
		s := span{t, pairs, side.size, start, a + b}
		here := s.at(s.first(side.mine).Plus(s.inner(), 1, 0))
		key := loop.Read(t.keys, here...)
		before := s.search(s.first(side.other), side.most, key, side.ties)
		to := s.first(0).Plus(s.inner(), 1, 0)
		t.l.Emit(&loop.Nest{Form: loop.Gather, Name: from.Name, Axes: s.axes(), Fold: loop.FoldNone, Stores: []loop.Store{
			{To: s.put(keys, to, before), Expr: key}, {To: s.put(from, to, before), Expr: loop.Read(t.from, here...)}}})
	}
}

// search is how many of the n elements from place first on come before key. It halves its step: count+step elements come before where the
// last of them does.
func (s span) search(first loop.Affine, n int, key *loop.Expr, ties bool) *loop.Expr {
	step := 1
	for 2*step <= n {
		step *= 2
	}
	count := loop.I(0)
	for ; step > 0; step /= 2 {
		try := loop.E(loop.Add, count, loop.I(step))
		last := readAt(s.put(s.t.keys, first.Plus(0, 0, -1), try))
		before := loop.E(loop.Less, last, key)
		if ties {
			before = loop.E(loop.LessEq, last, key)
		}
		count = loop.E(loop.Select, loop.E(loop.And, before, loop.E(loop.LessEq, try, loop.I(n))), try, count)
	}
	return count
}

// pickOrdered emits the first elements of x in an order, and their places.
func (l *Lowering) pickOrdered(values, places, x, order *loop.Buffer, axis int) {
	at := plainIndex(len(x.Shape))
	place := loop.Read(order, at...)
	from := loop.Access{Buf: x, Index: plainIndex(len(x.Shape)), Dyn: make([]*loop.Expr, len(x.Shape))}
	from.Index[axis], from.Dyn[axis] = loop.Affine{}, place
	l.Emit(&loop.Nest{Form: loop.Gather, Name: values.Name, Axes: axesOf(values.Shape), Fold: loop.FoldNone,
		Stores: []loop.Store{storeAt(values, readAt(from), at...), storeAt(places, place, at...)}})
}

// evalOrder returns the first k elements of x in order along axis, and their places.
func evalOrder(x *Tensor, axis, k int, descending bool) []*Tensor {
	shape := slices.Clone(x.Shape)
	shape[axis] = k
	values, places := NewTensor(x.Elem, shape...), NewTensor(ir.I32, shape...)
	less := func(a, b float64) bool { return a < b || math.IsNaN(b) && !math.IsNaN(a) }
	shape = slices.Clone(shape)
	shape[axis] = 1
	eachIndex(shape, func(ix []int) {
		at := func(t *Tensor, i int) int {
			full := slices.Clone(ix)
			full[axis] = i
			n := 0
			for d, e := range t.Shape {
				n = n*e + full[d]
			}
			return n
		}
		list := make([]int, x.Shape[axis])
		for i := range list {
			list[i] = i
		}
		sort.SliceStable(list, func(i, j int) bool {
			a, b := x.Data[at(x, list[i])], x.Data[at(x, list[j])]
			if descending {
				a, b = b, a
			}
			return less(a, b)
		})
		for i := range k {
			values.Data[at(values, i)], places.Data[at(places, i)] = x.Data[at(x, list[i])], float64(list[i])
		}
	})
	return []*Tensor{values, places}
}

// inferOrder checks an operand that is sorted.
func inferOrder(op string, x ir.Type, a ir.Attrs) (axis int, err error) {
	if err := wantElem(op, "x", x, numberElem...); err != nil {
		return 0, err
	}
	if axis, err = plainAxis(op, a.Int("axis"), x.Shape); err != nil {
		return 0, err
	}
	if !x.Shape[axis].Static() {
		return 0, WithNote("axis=-1 is the last", "%s cannot order the axis %v of %v, whose extent is known only at run time", op, x.Shape[axis], x)
	}
	return axis, nil
}

// gradOrder passes the gradient of ordered elements back to where they came from.
func gradOrder(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
	if grads[0] == nil || !op.Args[0].Type.Elem.Float() {
		return []*ir.Value{nil}
	}
	return []*ir.Value{b.Must("scatter_elements", op.Args[0].Name, []*ir.Value{b.zeros(op.Args[0]), op.Results[1], grads[0]},
		ir.Attr{Name: "axis", Value: op.Attrs.Int("axis")}, ir.Attr{Name: "reduction", Value: "add"})}
}
