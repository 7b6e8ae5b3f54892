package ops

import (
	"github.com/dlc-ml/dlc/ir/loop"
)

// BitwiseOr keeps the bits that either operand has.
var BitwiseOr = Register(combines(Operator{
	Name:    "bitwise_or",
	Doc:     "The bits that either whole number has set. Shapes broadcast as in NumPy.",
	Formula: "y = a | b",
	Example: "flags = bitwise_or(flags, more)",
	Args:    binary,
	ONNX:    ONNX{Name: "BitwiseOr", Min: 18, Max: 25},
}, integers, func(x []int64) int64 { return x[0] | x[1] }, node(loop.Or)))
