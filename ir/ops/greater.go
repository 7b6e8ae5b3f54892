package ops

import (
	"github.com/dlc-ml/dlc/ir/loop"
)

// Greater says where a is larger.
var Greater = Register(compares(Operator{
	Name:    "greater",
	Doc:     "True where a is larger than b; false where one is NaN. Shapes broadcast as in NumPy.",
	Formula: "y = a > b",
	Example: "high = greater(x, limit)",
	ONNX:    ONNX{Name: "Greater", Min: 7, Max: 25},
}, numbers, func(a, b float64) bool { return a > b }, func(a, b *loop.Expr) *loop.Expr { return less(b, a) }))
