package ops

import (
	"github.com/dlc-ml/dlc/ir/loop"
)

// BitwiseAnd keeps the bits that both operands have.
var BitwiseAnd = Register(combines(Operator{
	Name:    "bitwise_and",
	Doc:     "The bits that both whole numbers have set. Shapes broadcast as in NumPy.",
	Formula: "y = a & b",
	Example: "low = bitwise_and(code, mask)",
	Args:    binary,
	ONNX:    ONNX{Name: "BitwiseAnd", Min: 18, Max: 25},
}, integers, func(x []int64) int64 { return x[0] & x[1] }, node(loop.And)))
