package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// ReduceL1 adds magnitudes along axes.
var ReduceL1 = Register(reduction{
	Operator: Operator{
		Name:    "reduce_l1",
		Doc:     "The sum of the magnitudes of elements over axes, or of all where none are named.",
		Formula: "y[n] = Σ_i |x[n, i]|",
		Example: "norm = x |> reduce_l1(axes=[-1])",
		ONNX:    ONNX{Name: "ReduceL1", Min: 1, Max: 25},
	},
	takes: numbers,
	fold:  loop.FoldSum,
	of:    func(x *loop.Expr) *loop.Expr { return loop.E(loop.Abs, x) },
	step:  func(acc, x float64) float64 { return acc + math.Abs(x) },
	kinks: 0.02,
	grad: func(b *Builder, r *reduced, dy *ir.Value) *ir.Value {
		return b.apply("mul", b.apply("sign", r.x), r.expand(b, dy, false))
	},
}.operator())
