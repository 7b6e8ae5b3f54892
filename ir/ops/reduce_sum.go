package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// ReduceSum adds elements along axes.
var ReduceSum = Register(reduction{
	Operator: Operator{
		Name:    "reduce_sum",
		Doc:     "The sum over axes; over all of them, the batch too, where none are named.",
		Formula: "y[n] = Σ_i x[n, i]",
		Example: "total = x |> reduce_sum(axes=[-1])",
		ONNX:    ONNX{Name: "ReduceSum", Min: 1, Max: 25},
	},
	takes: numbers,
	fold:  loop.FoldSum,
	step:  func(acc, x float64) float64 { return acc + x },
	grad:  func(b *Builder, r *reduced, dy *ir.Value) *ir.Value { return r.expand(b, dy, false) },
}.operator())
