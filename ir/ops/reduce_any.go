package ops

import (
	"github.com/dlc-ml/dlc/ir/loop"
)

// ReduceAny tells whether any element along axes is true.
var ReduceAny = Register(reduction{
	Operator: Operator{
		Name:    "reduce_any",
		Doc:     "Whether any element over axes is true, or any of all where none are named.",
		Formula: "y[n] = x[n, 0] or x[n, 1] or …",
		Example: "found = reduce_any(x, axes=[-1])",
		NoGrad:  "it is a truth value",
		ONNX:    ONNX{Name: "ReduceMax", Min: 20, Max: 25, Note: "of truth values; " + reductionNote},
	},
	takes: truths,
	fold:  loop.FoldMax,
	start: 0,
	step:  func(acc, x float64) float64 { return max(acc, x) },
}.operator())
