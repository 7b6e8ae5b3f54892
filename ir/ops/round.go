package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir/loop"
)

// Round rounds to the nearest whole number.
var Round = Register(steps(Operator{
	Name:    "round",
	Doc:     "The nearest whole number; of two that are equally near the even one.",
	Formula: "y = round(x)",
	Example: "level = round(x)",
	ONNX:    ONNX{Name: "Round", Min: 11, Max: 25},
}, math.RoundToEven, loop.Round))
