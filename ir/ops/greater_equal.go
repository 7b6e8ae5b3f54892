package ops

import (
	"github.com/dlc-ml/dlc/ir/loop"
)

// GreaterEqual says where a is not smaller.
var GreaterEqual = Register(compares(Operator{
	Name:    "greater_equal",
	Doc:     "True where a is larger than b or equal; false where one is NaN. Shapes broadcast as in NumPy.",
	Formula: "y = a >= b",
	Example: "high = greater_equal(x, limit)",
	ONNX:    ONNX{Name: "GreaterOrEqual", Min: 12, Max: 25},
}, numbers, func(a, b float64) bool { return a >= b }, func(a, b *loop.Expr) *loop.Expr { return loop.E(loop.LessEq, b, a) }))
