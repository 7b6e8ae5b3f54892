package ops

import (
	"github.com/dlc-ml/dlc/ir/loop"
)

// LogicalOr holds where either operand does.
var LogicalOr = Register(combines(Operator{
	Name:    "logical_or",
	Doc:     "True where either operand is. Shapes broadcast as in NumPy.",
	Formula: "y = a || b",
	Example: "outside = logical_or(less(x, 0), greater(x, 1))",
	Args:    binary,
	ONNX:    ONNX{Name: "Or", Min: 7, Max: 25},
}, truths, func(x []int64) int64 { return x[0] | x[1] }, node(loop.Or)))
