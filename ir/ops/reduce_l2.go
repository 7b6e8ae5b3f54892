package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// ReduceL2 takes the Euclidean norm along axes.
var ReduceL2 = Register(reduction{
	Operator: Operator{
		Name:    "reduce_l2",
		Doc:     "The Euclidean norm of elements over axes, or of all where none are named. Where it is 0 its gradient is 0.",
		Formula: "y[n] = sqrt(Σ_i x[n, i]²)",
		Example: "norm = x |> reduce_l2(axes=[-1])",
		ONNX:    ONNX{Name: "ReduceL2", Min: 1, Max: 25},
	},
	fold:   loop.FoldSum,
	of:     func(x *loop.Expr) *loop.Expr { return loop.E(loop.Mul, x, x) },
	finish: func(total *loop.Expr) *loop.Expr { return loop.E(loop.Sqrt, total) },
	step:   func(acc, x float64) float64 { return acc + x*x },
	end:    math.Sqrt,
	grad: func(b *Builder, r *reduced, dy *ir.Value) *ir.Value {
		zero := b.scalar(0)
		share := b.apply("where", b.apply("equal", r.y, zero), zero, b.apply("div", dy, r.y))
		return b.apply("mul", r.x, r.expand(b, share, false))
	},
}.operator())
