package ops

import (
	"github.com/dlc-ml/dlc/ir/loop"
)

// LogicalXor holds where one operand alone does.
var LogicalXor = Register(combines(Operator{
	Name:    "logical_xor",
	Doc:     "True where one operand is, and the other is not. Shapes broadcast as in NumPy.",
	Formula: "y = a != b",
	Example: "differ = logical_xor(p, q)",
	Args:    binary,
	ONNX:    ONNX{Name: "Xor", Min: 7, Max: 25},
}, truths, func(x []int64) int64 { return x[0] ^ x[1] }, node(loop.Xor)))
