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
		ONNX:    ONNX{Name: "ReduceSum", Min: 1, Max: 25, Note: "axes must be constants (an input from opset 13 on); keepdims is 1 where ONNX leaves it out"},
	},
	fold: loop.FoldSum,
	step: func(acc, x float64) float64 { return acc + x },
	grad: func(b *Builder, op *ir.Op, dy *ir.Value) *ir.Value { return expandTo(b, op, dy, false) },
}.operator())
