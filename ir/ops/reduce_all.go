package ops

import (
	"github.com/dlc-ml/dlc/ir/loop"
)

// ReduceAll tells whether all elements along axes are true.
var ReduceAll = Register(reduction{
	Operator: Operator{
		Name:    "reduce_all",
		Doc:     "Whether all elements over axes are true, or all of the whole where none are named.",
		Formula: "y[n] = x[n, 0] and x[n, 1] and …",
		Example: "valid = reduce_all(x, axes=[-1])",
		NoGrad:  "it is a truth value",
		ONNX:    ONNX{Name: "ReduceMin", Min: 20, Max: 25, Note: "of truth values; " + reductionNote},
	},
	takes: truths,
	fold:  loop.FoldMin,
	start: 1,
	step:  func(acc, x float64) float64 { return min(acc, x) },
}.operator())
