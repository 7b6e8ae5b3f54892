package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir/loop"
)

// Ceil rounds up.
var Ceil = Register(steps(Operator{
	Name:    "ceil",
	Doc:     "The least whole number not below each element.",
	Formula: "y = ⌈x⌉",
	Example: "cells = ceil(x)",
	ONNX:    ONNX{Name: "Ceil", Min: 6, Max: 25},
}, math.Ceil, loop.Ceil))
