package ops

import (
	"github.com/dlc-ml/dlc/ir/loop"
)

// LessEqual says where a is not larger.
var LessEqual = Register(compares(Operator{
	Name:    "less_equal",
	Doc:     "True where a is smaller than b or equal; false where one is NaN. Shapes broadcast as in NumPy.",
	Formula: "y = a <= b",
	Example: "low = less_equal(x, limit)",
	ONNX:    ONNX{Name: "LessOrEqual", Min: 12, Max: 25},
}, numbers, func(a, b float64) bool { return a <= b }, func(a, b *loop.Expr) *loop.Expr { return loop.E(loop.LessEq, a, b) }))
