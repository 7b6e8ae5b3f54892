package ops

import (
	"github.com/dlc-ml/dlc/ir/loop"
)

// ArgMin finds the place of the least element along an axis.
var ArgMin = Register(extremeIndex{
	Operator: Operator{
		Name:    "argmin",
		Doc:     "The place of the least element along an axis, as i32; of equal elements the first. NaN counts as less than all.",
		Formula: "y[n] = the first i with x[n, i] = min x[n, ..]",
		Example: "nearest = argmin(distances)",
		ONNX:    ONNX{Name: "ArgMin", Min: 1, Max: 25},
	},
	fold:   loop.FoldMin,
	beyond: func(x, best float64) bool { return x < best },
}.operator())
