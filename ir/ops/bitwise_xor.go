package ops

import (
	"github.com/dlc-ml/dlc/ir/loop"
)

// BitwiseXor keeps the bits in which the operands differ.
var BitwiseXor = Register(combines(Operator{
	Name:    "bitwise_xor",
	Doc:     "The bits in which two whole numbers differ. Shapes broadcast as in NumPy.",
	Formula: "y = a ^ b",
	Example: "delta = bitwise_xor(a, b)",
	Args:    binary,
	ONNX:    ONNX{Name: "BitwiseXor", Min: 18, Max: 25},
}, integers, func(x []int64) int64 { return x[0] ^ x[1] }, node(loop.Xor)))
