package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// ReduceLogSum takes the logarithm of a sum along axes.
var ReduceLogSum = Register(reduction{
	Operator: Operator{
		Name:    "reduce_log_sum",
		Doc:     "The logarithm of the sum of elements over axes, or of all where none are named.",
		Formula: "y[n] = log(Σ_i x[n, i])",
		Example: "y = x |> reduce_log_sum(axes=[-1])",
		ONNX:    ONNX{Name: "ReduceLogSum", Min: 1, Max: 25},
	},
	fold:   loop.FoldSum,
	finish: func(total *loop.Expr) *loop.Expr { return loop.E(loop.Log, total) },
	step:   func(acc, x float64) float64 { return acc + x },
	end:    math.Log,
	lo:     0.25,
	hi:     3,
	grad: func(b *Builder, r *reduced, dy *ir.Value) *ir.Value {
		return r.expand(b, b.apply("mul", dy, b.apply("exp", b.apply("neg", r.y))), false)
	},
}.operator())
