package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// ReduceMean averages elements along axes.
var ReduceMean = Register(reduction{
	Operator: Operator{
		Name:    "reduce_mean",
		Doc:     "The mean over axes; over all of them, the batch too, where none are named. A mean over the batch divides by the number of examples of the call.",
		Formula: "y[n] = (Σ_i x[n, i]) / I",
		Example: "pooled = x |> reduce_mean(axes=[1, 2])",
		ONNX:    ONNX{Name: "ReduceMean", Min: 1, Max: 25},
	},
	fold: loop.FoldSum,
	mean: true,
	step: func(acc, x float64) float64 { return acc + x },
	grad: func(b *Builder, r *reduced, dy *ir.Value) *ir.Value { return r.expand(b, dy, true) },
}.operator())
