package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// classLowering makes the nests of a classLoss or its gradient.
type classLowering struct {
	l       *Lowering
	a       ir.Attrs
	softmax bool
	x       *loop.Buffer
	label   *loop.Buffer
	weights *loop.Buffer // of classes; nil for 1
	soft    bool         // the target is a distribution
	last    int          // the axis of the classes
}

// plain says that the target is the label alone, so that a row needs but one class.
func (w *classLowering) plain() bool { return !w.soft && w.weights == nil && smoothing(w.a) == 0 }

// skipped is the truth value of "this row does not count"; nil where every row does.
func (w *classLowering) skipped(at []loop.Affine) *loop.Expr {
	var skip *loop.Expr
	for _, k := range w.a.Ints("ignore") {
		hit := loop.E(loop.Eq, loop.Read(w.label, at[:w.last]...), loop.I(k))
		if skip == nil {
			skip = hit
		} else {
			skip = loop.E(loop.Or, skip, hit)
		}
	}
	return skip
}

// unless is x, or 0 in a row that does not count.
func (w *classLowering) unless(at []loop.Affine, x *loop.Expr) *loop.Expr {
	if skip := w.skipped(at); skip != nil {
		return loop.E(loop.Select, skip, loop.F(0), x)
	}
	return x
}

// target is q_c at a point of the scores.
func (w *classLowering) target(at []loop.Affine) *loop.Expr {
	var q *loop.Expr
	if w.soft {
		q = loop.Read(w.label, at...)
	} else {
		q = loop.E(loop.Select, isLabel(w.label, at), loop.F(1), loop.F(0))
	}
	if s := smoothing(w.a); s > 0 {
		even := loop.F(s / float64(w.x.Shape[w.last].Size))
		q = loop.E(loop.Add, loop.E(loop.Mul, q, loop.F(1-s)), even)
	}
	if w.weights != nil {
		q = loop.E(loop.Mul, q, loop.Read(w.weights, at[w.last]))
	}
	return w.unless(at, q)
}

// surprise returns s_c at a point of the scores, emitting the sums that it takes. label is what it is for the right class, given its score.
func (w *classLowering) surprise() (at func(at []loop.Affine) *loop.Expr, label func(at []loop.Affine, score *loop.Expr) *loop.Expr) {
	if !w.softmax {
		return func(at []loop.Affine) *loop.Expr { return loop.E(loop.Neg, loop.Read(w.x, at...)) },
			func(at []loop.Affine, score *loop.Expr) *loop.Expr { return loop.E(loop.Neg, score) }
	}
	less, top := w.l.shifted(w.x, w.last)
	logSum := w.l.rowFold("log_sum", w.x.Shape, w.last, loop.FoldSum,
		func(at []loop.Affine) *loop.Expr { return loop.E(loop.Exp, less(at)) },
		func(total *loop.Expr) *loop.Expr { return loop.E(loop.Log, total) })
	return func(at []loop.Affine) *loop.Expr { return loop.E(loop.Sub, logSum(at), less(at)) },
		func(at []loop.Affine, score *loop.Expr) *loop.Expr {
			return loop.E(loop.Add, logSum(at), loop.E(loop.Sub, top(at), score))
		}
}

// loss emits the loss into y.
func (w *classLowering) loss(y *loop.Buffer) {
	rowShape := w.x.Shape[:w.last]
	rows := y
	reduction := w.a.Str("reduction")
	if reduction != "none" {
		rows = w.l.Temp("rows", ir.T(ir.F32, rowShape))
	}
	at := plainIndex(w.last + 1)
	surprise, ofLabel := w.surprise()
	if w.plain() {
		// The score of the label is the only term of a sum that is not 0.
		w.l.foldAxes(rows, false, w.x.Shape, []int{w.last}, loop.FoldSum,
			func(at []loop.Affine) *loop.Expr {
				return loop.E(loop.Select, isLabel(w.label, at), loop.Read(w.x, at...), loop.F(0))
			},
			func(total *loop.Expr) *loop.Expr { return w.unless(at, ofLabel(at, total)) })
	} else {
		// A class without a share adds nothing, even where its score is infinite.
		w.l.foldAxes(rows, false, w.x.Shape, []int{w.last}, loop.FoldSum,
			func(at []loop.Affine) *loop.Expr {
				q := w.target(at)
				return loop.E(loop.Select, loop.E(loop.Eq, q, loop.F(0)), loop.F(0), loop.E(loop.Mul, q, surprise(at)))
			}, asIs)
	}
	switch {
	case reduction == "none":
	case reduction == "sum":
		w.l.sumRows(y, rows)
	case w.uneven():
		total := w.l.Temp("total", ir.T(ir.F32, nil))
		w.l.sumRows(total, rows)
		w.l.mapOver(y, w.overWeights(loop.Read(total), w.rowWeights()))
	default:
		w.l.meanRows(y, rows)
	}
}

// uneven says that rows do not all weigh 1 in a mean.
func (w *classLowering) uneven() bool {
	return !w.soft && (w.weights != nil || len(w.a.Ints("ignore")) > 0)
}

// rowWeights emits the sum of the rows' weights.
func (w *classLowering) rowWeights() *loop.Buffer {
	rowShape := w.x.Shape[:w.last]
	each := w.l.Temp("weight", ir.T(ir.F32, rowShape))
	at := plainIndex(w.last)
	if w.weights == nil {
		w.l.mapOver(each, w.unless(at, loop.F(1)))
	} else {
		w.l.foldAxes(each, false, w.x.Shape, []int{w.last}, loop.FoldSum,
			func(at []loop.Affine) *loop.Expr {
				return loop.E(loop.Select, isLabel(w.label, at), loop.Read(w.weights, at[w.last]), loop.F(0))
			},
			func(total *loop.Expr) *loop.Expr { return w.unless(at, total) })
	}
	sum := w.l.Temp("weights", ir.T(ir.F32, nil))
	w.l.sumRows(sum, each)
	return sum
}

// overWeights divides by the weights, where they are not 0.
func (w *classLowering) overWeights(x *loop.Expr, weights *loop.Buffer) *loop.Expr {
	sum := loop.Read(weights)
	return loop.E(loop.Div, x, loop.E(loop.Select, loop.E(loop.Eq, sum, loop.F(0)), loop.F(1), sum))
}

// sumRows emits the sum of a buffer of one number a row into the scalar y.
func (l *Lowering) sumRows(y, rows *loop.Buffer) {
	l.foldAxes(y, false, rows.Shape, mustAxes(nil, rows.Shape), loop.FoldSum,
		func(at []loop.Affine) *loop.Expr { return loop.Read(rows, at...) }, asIs)
}

// gradient emits the gradient by the scores into dx.
func (w *classLowering) gradient(dx, dy *loop.Buffer) {
	at := plainIndex(w.last + 1)
	var scale *loop.Expr
	switch reduction := w.a.Str("reduction"); {
	case reduction == "none":
		scale = loop.Read(dy, at[:w.last]...)
	case reduction == "sum":
		scale = loop.Read(dy)
	case w.uneven():
		each := w.l.Temp("scale", ir.T(ir.F32, nil))
		w.l.mapOver(each, w.overWeights(loop.Read(dy), w.rowWeights()))
		scale = loop.Read(each)
	default:
		scale = w.l.over(loop.Read(dy), w.x.Shape[:w.last])
	}
	if !w.softmax {
		w.l.mapOver(dx, loop.E(loop.Mul, loop.E(loop.Neg, w.target(at)), scale))
		return
	}
	less, _ := w.l.shifted(w.x, w.last)
	e := w.l.Temp("exp", ir.T(ir.F32, w.x.Shape))
	w.l.mapOver(e, loop.E(loop.Exp, less(at)))
	sum := w.l.rowFold("sum", w.x.Shape, w.last, loop.FoldSum, func(at []loop.Affine) *loop.Expr { return loop.Read(e, at...) }, asIs)
	p := loop.E(loop.Div, loop.Read(e, at...), sum(at))
	var miss *loop.Expr
	if w.plain() {
		miss = w.unless(at, loop.E(loop.Sub, p, loop.E(loop.Select, isLabel(w.label, at), loop.F(1), loop.F(0))))
	} else {
		mass := w.l.rowFold("mass", w.x.Shape, w.last, loop.FoldSum, w.target, asIs)
		miss = loop.E(loop.Sub, loop.E(loop.Mul, p, mass(at)), w.target(at))
	}
	w.l.mapOver(dx, loop.E(loop.Mul, miss, scale))
}
