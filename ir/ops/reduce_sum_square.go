package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// ReduceSumSquare adds squares along axes.
var ReduceSumSquare = Register(reduction{
	Operator: Operator{
		Name:    "reduce_sum_square",
		Doc:     "The sum of the squares of elements over axes, or of all where none are named, as one chain of fused multiply-adds.",
		Formula: "y[n] = Σ_i x[n, i]²",
		Example: "energy = x |> reduce_sum_square(axes=[-1])",
		ONNX:    ONNX{Name: "ReduceSumSquare", Min: 1, Max: 25},
	},
	takes: numbers,
	fold:  loop.FoldSum,
	of:    func(x *loop.Expr) *loop.Expr { return loop.E(loop.Mul, x, x) },
	step:  func(acc, x float64) float64 { return acc + x*x },
	grad: func(b *Builder, r *reduced, dy *ir.Value) *ir.Value {
		return b.apply("mul", r.x, r.expand(b, b.apply("mul", dy, b.scalar(2)), false))
	},
}.operator())
