package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Hardmax marks the first of the largest elements.
var Hardmax = Register(&Operator{
	Name:     "hardmax",
	Doc:      "1 at the first of the largest elements along an axis, 0 elsewhere. A line with a NaN becomes 0.",
	Formula:  "y[n, i] = (i == argmax_j x[n, j])",
	Example:  "choice = hardmax(logits)",
	Category: "activation",
	Args:     []Arg{{Name: "x", Doc: "any shape with at least one axis beside the batch"}},
	Attrs:    []AttrDef{{Name: "axis", Doc: "the axis that gets one 1; -1 is the last", Default: -1}},
	Infer:    inferAlong("hardmax"),
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		return []*Tensor{evalRows(args[0], a.Int("axis"), func(row []float64) {
			best, bad := 0, false
			for i, x := range row {
				bad = bad || math.IsNaN(x)
				if x > row[best] {
					best = i
				}
			}
			for i := range row {
				row[i] = bit(i == best && !bad)
			}
		})}
	},
	NoGrad: "it is constant almost everywhere, so no gradient flows; train through softmax",
	Lower: func(l *Lowering, op *ir.Op) {
		x, y := l.Buf(op.Args[0]), l.Buf(op.Results[0])
		axis := mustAxis(op.Attrs.Int("axis"), len(x.Shape))
		_, top := l.shifted(x, axis)
		none := loop.F(float64(x.Shape[axis].Size))
		place := func(at []loop.Affine) *loop.Expr { return loop.E(loop.ToF32, loop.IndexOf(at[axis])) }
		// The least number of an element that has the largest value; where a NaN is the largest there is none.
		first := l.rowFold("first", x.Shape, axis, loop.FoldMin, func(at []loop.Affine) *loop.Expr {
			return choose(loop.E(loop.Eq, loop.Read(x, at...), top(at)), place(at), none)
		}, asIs)
		at := plainIndex(len(x.Shape))
		l.mapOver(y, choose(loop.E(loop.Eq, place(at), first(at)), loop.F(1), loop.F(0)))
	},
	ONNX: ONNX{Name: "Hardmax", Min: 13, Max: 25, Attrs: map[string]string{"axis": "axis"}},
	Samples: append(alongSamples(),
		Sample{Args: f32Types(ir.S(3, 4)), Data: map[int][]float64{0: {1, 2, 2, 0, math.NaN(), 1, 2, 3, math.Inf(-1), math.Inf(-1), math.Inf(-1), math.Inf(-1)}}}),
})
