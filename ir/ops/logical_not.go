package ops

import (
	"github.com/dlc-ml/dlc/ir/loop"
)

// LogicalNot turns truth values over.
var LogicalNot = Register(combines(Operator{
	Name:    "logical_not",
	Doc:     "True where the operand is not.",
	Formula: "y = !x",
	Example: "rest = logical_not(mask)",
	Args:    unary,
	ONNX:    ONNX{Name: "Not", Min: 1, Max: 25},
}, truths, func(x []int64) int64 { return 1 - x[0] }, func(x []*loop.Expr) *loop.Expr { return loop.E(loop.Xor, x[0], loop.I(1)) }))
