package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// never is the logarithm of the probability of what cannot be: far below all that can, and yet no infinity, whose differences are NaN.
const never = -1e30

// ctcLowering makes the nests of ctc. It works on the label with blanks around its symbols, S = 2L+1 places, of which the odd ones are
// symbols, and in logarithms. Buffers of steps by places are wider by a row and two columns, so that no place has an edge.
type ctcLowering struct {
	l              *Lowering
	a              ir.Attrs
	logs, label    *loop.Buffer
	steps, lengths *loop.Buffer // nil where all count
	batch          ir.Dim
	time, places   int

	score *loop.Buffer // [N,T+1,S+2]: of the symbol at a place, at a step
	skip  *loop.Buffer // [N,S+2]: 0 where a place may be reached from the one two before it, else never
	begin *loop.Buffer // [N,T+1,S+2]: of all beginnings; row t+1 is after step t, column s+2 is place s
	end   *loop.Buffer // [N,T+1,S+2]: of all ends behind step t at place s
}

func newCTCLowering(l *Lowering, x []*ir.Value, a ir.Attrs) *ctcLowering {
	w := &ctcLowering{l: l, a: a, logs: l.Buf(x[0]), label: l.Buf(x[1]), steps: l.optional(x[2]), lengths: l.optional(x[3])}
	w.batch, w.time, w.places = w.logs.Shape[0], w.logs.Shape[1].Size, 2*w.label.Shape[1].Size+1
	return w
}

// wide makes a buffer of steps by places.
func (w *ctcLowering) wide(suffix string) *loop.Buffer {
	return w.l.Temp(suffix, ir.T(ir.F32, ir.Shape{w.batch, ir.D(w.time + 1), ir.D(w.places + 2)}))
}

// over is a map over the batch and further axes.
func (w *ctcLowering) over(form loop.Form, name string, store loop.Store, extents ...int) *loop.Nest {
	axes := []loop.Axis{{Name: "n", Extent: w.batch}}
	for i, n := range extents {
		axes = append(axes, axis([]string{"i", "j"}[i], n))
	}
	return &loop.Nest{Form: form, Name: name, Axes: axes, Fold: loop.FoldNone, Stores: []loop.Store{store}}
}

// stepsOf and lengthOf are how many steps and symbols of an example count.
func (w *ctcLowering) stepsOf(n loop.Affine) *loop.Expr { return clampCount(w.steps, n, w.time) }

func (w *ctcLowering) lengthOf(n loop.Affine) *loop.Expr {
	return clampCount(w.lengths, n, w.places/2)
}

func clampCount(b *loop.Buffer, n loop.Affine, most int) *loop.Expr {
	if b == nil {
		return loop.I(most)
	}
	return loop.E(loop.Max, loop.I(0), loop.E(loop.Min, loop.I(most), loop.Read(b, n)))
}

// prepare emits the scores by place, and where blanks may be skipped.
func (w *ctcLowering) prepare() {
	n, i, j := loop.Ax(0), loop.Ax(1), loop.Ax(2)
	symbol := w.l.Temp("symbol", ir.T(ir.I32, ir.Shape{w.batch, ir.D(w.places)}))
	w.skip = w.l.Temp("skip", ir.T(ir.F32, ir.Shape{w.batch, ir.D(w.places + 2)}))
	w.score = w.wide("score")
	w.l.mapOver(symbol, loop.I(w.a.Int("blank")))
	w.l.mapOver(w.skip, loop.F(never))
	w.l.mapOver(w.score, loop.F(never))
	odd := loop.At(1).Plus(1, 2, 0)
	here := loop.Read(w.label, n, i)
	w.l.Emit(w.over(loop.Map, symbol.Name, storeAt(symbol, here, n, odd), w.places/2))
	// The first symbol may be the first of all; others follow a symbol that differs.
	w.l.Emit(w.over(loop.Map, w.skip.Name, storeAt(w.skip, loop.F(0), n, loop.At(1))))
	if w.places > 3 {
		repeated := loop.E(loop.Eq, here, loop.Read(w.label, n, i.Plus(0, 0, 1)))
		free := loop.E(loop.Select, repeated, loop.F(never), loop.F(0))
		w.l.Emit(w.over(loop.Map, w.skip.Name, storeAt(w.skip, free, n, odd.Plus(0, 0, 2)), w.places/2-1))
	}
	from := loop.Access{Buf: w.logs, Index: []loop.Affine{n, i, loop.At(0)}, Dyn: []*loop.Expr{nil, nil, loop.Read(symbol, n, j)}}
	value := loop.E(loop.Max, &loop.Expr{Code: loop.Load, Type: ir.F32, From: from}, loop.F(never))
	w.l.Emit(w.over(loop.Gather, w.score.Name, storeAt(w.score, value, n, i, j), w.time, w.places))
}

// forward emits the beginnings.
func (w *ctcLowering) forward() {
	w.prepare()
	w.begin = w.wide("begin")
	// Before the first step every path is just before the first place.
	first := loop.E(loop.And, loop.E(loop.Eq, loop.IndexOf(loop.Ax(1)), loop.I(0)), loop.E(loop.Eq, loop.IndexOf(loop.Ax(2)), loop.I(1)))
	w.l.mapOver(w.begin, loop.E(loop.Select, first, loop.F(0), loop.F(never)))
	n, s := batchAx, unitAx
	before := func(back int) *loop.Expr { return loop.Read(w.begin, n, stepAx, s.Plus(0, 0, 2-back)) }
	sum := logSum3(before(0), before(1), loop.E(loop.Add, before(2), loop.Read(w.skip, n, s)))
	now := loop.E(loop.Add, sum, loop.Read(w.score, n, stepAx, s))
	body := w.over(loop.Map, w.begin.Name, storeAt(w.begin, now, n, stepAx.Plus(0, 0, 1), s.Plus(0, 0, 2)), w.places)
	w.l.Emit(&loop.Nest{Form: loop.Scan, Name: w.begin.Name, Axes: []loop.Axis{axis("t", w.time)}, Body: []*loop.Nest{w.inner(body)}})
}

// backward emits the ends.
func (w *ctcLowering) backward() {
	w.end = w.wide("end")
	w.l.mapOver(w.end, loop.F(0)) // behind the last step; the scores there are never
	n, s := batchAx, unitAx
	after := func(on int) *loop.Expr {
		at := s.Plus(0, 0, on)
		return loop.E(loop.Add, loop.Read(w.end, n, stepAx.Plus(0, 0, 1), at), loop.Read(w.score, n, stepAx.Plus(0, 0, 1), at))
	}
	sum := logSum3(after(0), after(1), loop.E(loop.Add, after(2), loop.Read(w.skip, n, s.Plus(0, 0, 2))))
	// A path ends at the last symbol or at the blank behind it.
	place := loop.IndexOf(s)
	behind := loop.E(loop.Mul, w.lengthOf(n), loop.I(2))
	last := loop.E(loop.And, loop.E(loop.LessEq, place, behind), loop.E(loop.LessEq, behind, loop.E(loop.Add, place, loop.I(1))))
	ended := loop.E(loop.LessEq, w.stepsOf(n), loop.IndexOf(stepAx.Plus(0, 0, 1)))
	now := loop.E(loop.Select, ended, loop.E(loop.Select, last, loop.F(0), loop.F(never)), sum)
	body := w.over(loop.Map, w.end.Name, storeAt(w.end, now, n, stepAx, s), w.places)
	w.l.Emit(&loop.Nest{Form: loop.Scan, Name: w.end.Name, Axes: []loop.Axis{axis("t", w.time)}, Body: []*loop.Nest{w.inner(body)}, Reverse: true})
}

// inner completes a nest of a scan's body, as Emit does for others.
func (w *ctcLowering) inner(n *loop.Nest) *loop.Nest {
	n.Lanes, n.Pos, n.Ops = 1, w.l.op.Pos, []string{w.l.op.Kind}
	return n
}

// logSum3 is ln(exp(a) + exp(b) + exp(c)).
func logSum3(a, b, c *loop.Expr) *loop.Expr {
	top := loop.E(loop.Max, a, loop.E(loop.Max, b, c))
	e := func(x *loop.Expr) *loop.Expr { return loop.E(loop.Exp, loop.E(loop.Sub, x, top)) }
	return loop.E(loop.Add, top, loop.E(loop.Log, loop.E(loop.Add, e(a), loop.E(loop.Add, e(b), e(c)))))
}

// log is the logarithm of the probability of the label, in a nest whose axis n is the batch. It is far below 0 where that is none.
func (w *ctcLowering) log() *loop.Buffer {
	total := w.l.Temp("log", ir.T(ir.F32, ir.Shape{w.batch}))
	n := loop.Ax(0)
	at := func(back int) *loop.Expr {
		place := loop.E(loop.Add, loop.E(loop.Mul, w.lengthOf(n), loop.I(2)), loop.I(2-back))
		from := loop.Access{Buf: w.begin, Index: []loop.Affine{n, loop.At(0), loop.At(0)}, Dyn: []*loop.Expr{nil, w.stepsOf(n), place}}
		return &loop.Expr{Code: loop.Load, Type: ir.F32, From: from}
	}
	a, b := at(0), at(1)
	w.l.Emit(w.over(loop.Gather, total.Name, storeAt(total, logSum3(a, b, loop.F(never)), n)))
	return total
}

// cost is what an example costs.
func (w *ctcLowering) cost(n loop.Affine) *loop.Expr {
	log := loop.Read(w.log(), n)
	none := loop.F(math.Inf(1))
	if w.a.Bool("zero_infinity") {
		none = loop.F(0)
	}
	return loop.E(loop.Select, loop.E(loop.Less, log, loop.F(never/2)), none, loop.E(loop.Neg, log))
}

// scatter emits the gradient: each place's share of all paths at a step, added up by symbol.
func (w *ctcLowering) scatter(dx, dy *loop.Buffer) {
	total := w.log()
	n, t, s := loop.Ax(0), loop.Ax(1), loop.Ax(2)
	log := loop.Read(total, n)
	ways := loop.E(loop.Add, loop.Read(w.begin, n, t.Plus(0, 0, 1), s.Plus(0, 0, 2)), loop.Read(w.end, n, t, s))
	share := loop.E(loop.Mul, loop.E(loop.Exp, loop.E(loop.Sub, ways, log)), loop.E(loop.Neg, loop.Read(dy, n)))
	counts := loop.E(loop.And, loop.E(loop.Less, loop.IndexOf(t), w.stepsOf(n)), loop.E(loop.Less, loop.F(never/2), log))
	shares := w.l.Temp("shares", ir.T(ir.F32, ir.Shape{w.batch, ir.D(w.time), ir.D(w.places)}))
	w.l.Emit(w.over(loop.Map, shares.Name, storeAt(shares, loop.E(loop.Select, counts, share, loop.F(0)), n, t, s), w.time, w.places))
	w.l.mapOver(dx, loop.F(0))
	to := func(odd int, symbol *loop.Expr) loop.Access {
		return loop.Access{Buf: dx, Index: []loop.Affine{n, t, loop.At(0)}, Dyn: []*loop.Expr{nil, nil, symbol}}
	}
	place := loop.At(0).Plus(2, 2, 0)
	w.l.Emit(w.over(loop.Gather, dx.Name, loop.Store{To: to(0, loop.I(w.a.Int("blank"))), Expr: loop.Read(shares, n, t, place), Add: true}, w.time, w.places/2+1))
	w.l.Emit(w.over(loop.Gather, dx.Name, loop.Store{To: to(1, loop.Read(w.label, n, s)), Expr: loop.Read(shares, n, t, place.Plus(0, 0, 1)), Add: true}, w.time, w.places/2))
}
