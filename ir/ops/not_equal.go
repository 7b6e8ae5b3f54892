package ops

import (
	"github.com/dlc-ml/dlc/ir/loop"
)

// NotEqual says where two tensors differ.
var NotEqual = Register(compares(Operator{
	Name:    "not_equal",
	Doc:     "True where two tensors differ, also where one is NaN. Shapes broadcast as in NumPy.",
	Formula: "y = a != b",
	Example: "changed = not_equal(a, b)",
	ONNX:    ONNX{Note: "written as Not of Equal"},
}, anyElem, func(a, b float64) bool { return a != b }, func(a, b *loop.Expr) *loop.Expr { return loop.E(loop.NotEq, a, b) }))
