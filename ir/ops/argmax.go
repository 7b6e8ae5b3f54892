package ops

import (
	"github.com/dlc-ml/dlc/ir/loop"
)

// ArgMax finds the place of the greatest element along an axis.
var ArgMax = Register(extremeIndex{
	Operator: Operator{
		Name:    "argmax",
		Doc:     "The place of the greatest element along an axis, as i32; of equal elements the first. NaN counts as greater than all.",
		Formula: "y[n] = the first i with x[n, i] = max x[n, ..]",
		Example: "class = argmax(logits)",
		ONNX:    ONNX{Name: "ArgMax", Min: 1, Max: 25},
	},
	fold:   loop.FoldMax,
	beyond: func(x, best float64) bool { return x > best },
}.operator())
