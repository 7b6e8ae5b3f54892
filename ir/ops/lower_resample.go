package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// A sparse matrix that comes from geometry repeats itself: row first + step*k adds columns that are affine in k, with the same weights. Such
// rows are one nest, with nothing to look up. What does not repeat is looked up in tables.

// band is rows first, first+step … of a sparse matrix, count of them, in which tap t is column tap[t].at + tap[t].move*k. With phases > 1 each
// of the rows stands for that many behind one another, whose columns move by tap[t].drift.
type band struct {
	first, step, count int
	phases             int
	taps               []bandTap
}

type bandTap struct {
	at, move, drift int
	weight          float64
}

// The most nests that a matrix is cut into before tables are better, and the most steps between rows that belong together.
const (
	maxBands  = 8
	maxPeriod = 8
)

// bands cuts m into as few bands as it finds.
func (m sparse) bands() []band {
	var best []band
	for period := 1; period <= min(maxPeriod, len(m)); period++ {
		if list := m.cut(period); best == nil || len(list) < len(best) {
			best = list
		}
	}
	if n := m.repeats(); n > maxPeriod {
		if list := m.cut(n); len(list) < len(best) {
			best = list
		}
	}
	return best
}

// repeats is how many rows at the start are the same.
func (m sparse) repeats() int {
	n := 1
	for n < len(m) && slices.Equal(m[n], m[0]) {
		n++
	}
	return n
}

// cut makes bands of rows that are period apart, and joins those of neighbouring rows.
func (m sparse) cut(period int) []band {
	var list []band
	for phase := range period {
		for o := phase; o < len(m); {
			b := m.grow(o, period)
			list = append(list, b)
			o += b.count * period
		}
	}
	if period == 1 {
		return list
	}
	slices.SortStableFunc(list, func(a, b band) int { return a.first - b.first })
	var joined []band
	for _, b := range list {
		if n := len(joined); n == 0 || !joined[n-1].join(b, period) {
			joined = append(joined, b)
		}
	}
	return joined
}

// grow makes the longest band that starts at row first.
func (m sparse) grow(first, step int) band {
	b := band{first: first, step: step, count: 1, phases: 1}
	for _, e := range m[first] {
		b.taps = append(b.taps, bandTap{at: e.column, weight: e.weight})
	}
	for o := first + step; o < len(m) && len(m[o]) == len(b.taps); o += step {
		for t, e := range m[o] {
			move := e.column - b.taps[t].at
			if e.weight != b.taps[t].weight || b.count > 1 && move != b.taps[t].move*b.count {
				return b
			}
		}
		if b.count == 1 {
			for t, e := range m[o] {
				b.taps[t].move = e.column - b.taps[t].at
			}
		}
		b.count++
	}
	return b
}

// join takes next, the band of the following row, into b where the two move alike.
func (b *band) join(next band, period int) bool {
	if next.first != b.first+b.phases || b.phases == period || next.count != b.count || len(next.taps) != len(b.taps) {
		return false
	}
	for t, n := range next.taps {
		own := b.taps[t]
		drift := n.at - own.at
		if n.weight != own.weight || n.move != own.move && b.count > 1 || b.phases > 1 && drift != own.drift*b.phases {
			return false
		}
	}
	if b.phases == 1 {
		for t, n := range next.taps {
			b.taps[t].drift = n.at - b.taps[t].at
		}
	}
	b.phases++
	return true
}

func lowerResample(l *Lowering, op *ir.Op) {
	x, y, axis := l.Buf(op.Args[0]), l.Buf(op.Results[0]), op.Attrs.Int("axis")
	m, fill := newSparse(op.Attrs), op.Attrs.Float("fill")
	list := m.bands()
	if len(list) > maxBands && m.widest() <= maxLookups {
		l.lookUp(y, x, axis, m, fill)
		return
	}
	for _, b := range list {
		l.emitBand(y, x, axis, b, fill)
	}
}

// emitBand emits the nest of one band.
func (l *Lowering) emitBand(y, x *loop.Buffer, axis int, b band, fill float64) {
	shape := slices.Clone(x.Shape)
	shape[axis] = ir.D(b.count)
	axes := axesOf(shape)
	to, from := plainIndex(len(shape)), plainIndex(len(shape))
	to[axis] = loop.At(b.first).Plus(axis, b.step, 0)
	if b.phases > 1 { // a loop of its own, behind the others
		axes = append(axes, loop.Axis{Name: "phase", Extent: ir.D(b.phases)})
		to[axis] = to[axis].Plus(len(shape), 1, 0)
	}
	read := func(t bandTap) *loop.Expr {
		from[axis] = loop.At(t.at).Plus(axis, t.move, 0)
		if b.phases > 1 {
			from[axis] = from[axis].Plus(len(shape), t.drift, 0)
		}
		return loop.Read(x, slices.Clone(from)...)
	}
	n := &loop.Nest{Form: loop.Map, Name: y.Name, Axes: axes, Fold: loop.FoldNone}
	var total *loop.Expr
	switch {
	case len(b.taps) == 0:
		total = cell(y.Elem, fill)
	case len(b.taps) == 1 && b.taps[0].weight == 1:
		n.Form, total = loop.Copy, read(b.taps[0])
	case len(b.taps) > maxUnrolled && b.evenTaps():
		total = l.foldBand(n, b, axis, read)
	default:
		for _, t := range b.taps {
			total = weighted(total, read(t), loop.F(t.weight), t.weight == 1)
		}
	}
	n.Stores = []loop.Store{storeAt(y, total, to...)}
	l.Emit(n)
}

// weighted adds w*x to a sum, which is nil at first.
func weighted(sum, x, w *loop.Expr, one bool) *loop.Expr {
	switch {
	case sum == nil && one:
		return x
	case sum == nil:
		return loop.E(loop.Mul, x, w)
	case one:
		return loop.E(loop.Add, sum, x)
	}
	return loop.E(loop.FMA, x, w, sum)
}

// maxUnrolled is how many taps a store computes without a loop.
const maxUnrolled = 8

// evenTaps reports whether the taps lie at a constant distance, so that a loop can run over them.
func (b band) evenTaps() bool {
	gap := b.taps[1].at - b.taps[0].at
	for t, p := range b.taps {
		if p.at != b.taps[0].at+t*gap || p.move != b.taps[0].move || p.drift != b.taps[0].drift {
			return false
		}
	}
	return true
}

// foldBand makes n a fold over the taps of b and returns what it stores.
func (l *Lowering) foldBand(n *loop.Nest, b band, axis int, read func(bandTap) *loop.Expr) *loop.Expr {
	tap := len(n.Axes)
	n.Red = []loop.Axis{{Name: "tap", Extent: ir.D(len(b.taps))}}
	n.Fold, n.Form = loop.FoldSum, loop.Reduce
	first, gap := b.taps[0], b.taps[1].at-b.taps[0].at
	load := read(first)
	load.From.Index[axis] = load.From.Index[axis].Plus(tap, gap, 0)
	if gap != 0 && len(load.From.Index[axis].Terms) > 1 {
		n.Form = loop.Window
	}
	weights := make([]float64, len(b.taps))
	alike := true
	for t, p := range b.taps {
		weights[t] = p.weight
		alike = alike && p.weight == first.weight
	}
	n.Value = load
	total := loop.Total(ir.F32)
	switch {
	case alike && first.weight == 1:
	case alike:
		total = loop.E(loop.Mul, total, loop.F(first.weight))
	default:
		if n.Form == loop.Reduce {
			n.Form = loop.Contract
		}
		w := l.Table("weights", ir.T(ir.F32, ir.S(len(weights))), weights)
		n.Value = loop.E(loop.Mul, load, loop.Read(w, loop.Ax(tap)))
	}
	return total
}

// maxLookups is how many elements a row may add that are looked up in tables.
const maxLookups = 32

// widest is the greatest number of entries of a row.
func (m sparse) widest() int {
	n := 0
	for _, row := range m {
		n = max(n, len(row))
	}
	return n
}

// lookUp emits one nest that reads the columns and weights of each row from tables. A column of -1 marks an entry that a shorter row lacks.
func (l *Lowering) lookUp(y, x *loop.Buffer, axis int, m sparse, fill float64) {
	taps := max(m.widest(), 1)
	columns, weights := make([]float64, len(m)*taps), make([]float64, len(m)*taps)
	plain, short := true, make([]bool, taps)
	for o, row := range m {
		for t := range taps {
			if t >= len(row) {
				columns[o*taps+t], short[t] = -1, true
				continue
			}
			columns[o*taps+t], weights[o*taps+t] = float64(row[t].column), row[t].weight
			plain = plain && row[t].weight == 1
		}
	}
	s := ir.S(len(m), taps)
	index := l.Table("index", ir.T(ir.I32, s), columns)
	var factors *loop.Buffer
	if !plain {
		factors = l.Table("weights", ir.T(ir.F32, s), weights)
	}
	axes := axesOf(y.Shape)
	var total *loop.Expr
	for t := range taps {
		column := loop.Read(index, loop.Ax(axis), loop.At(t))
		from := loop.Access{Buf: x, Index: plainIndex(len(x.Shape)), Dyn: make([]*loop.Expr, len(x.Shape))}
		from.Index[axis], from.Dyn[axis] = loop.At(0), column
		load := &loop.Expr{Code: loop.Load, Type: x.Elem, From: from}
		w := loop.F(1)
		if !plain {
			w = loop.Read(factors, loop.Ax(axis), loop.At(t))
		}
		with := weighted(total, load, w, plain)
		if short[t] {
			without := total
			if t == 0 {
				without = cell(y.Elem, fill)
			}
			with = loop.E(loop.Select, loop.E(loop.Less, column, loop.I(0)), without, with)
		}
		total = with
	}
	l.Emit(&loop.Nest{
		Form: loop.Gather, Name: y.Name, Axes: axes, Fold: loop.FoldNone,
		Stores: []loop.Store{storeAt(y, total, plainIndex(len(y.Shape))...)},
	})
}
