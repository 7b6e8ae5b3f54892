package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// IsNaN finds what is no number.
var IsNaN = Register(elementwise{
	Operator: Operator{
		Name:     "isnan",
		Doc:      "True where an element is NaN.",
		Formula:  "y = x != x",
		Example:  "bad = isnan(x)",
		Category: "elementwise",
		Args:     unary,
		NoGrad:   "it is constant almost everywhere, so no gradient flows",
		ONNX:     ONNX{Name: "IsNaN", Min: 9, Max: 25},
		Samples:  unarySamples(),
	},
	gives: ir.Bool,
	value: func(x []float64) float64 { return bit(math.IsNaN(x[0])) },
	expr:  func(x []*loop.Expr) *loop.Expr { return loop.E(loop.NotEq, x[0], x[0]) },
}.operator())
