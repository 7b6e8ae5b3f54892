package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Acosh is the inverse of the hyperbolic cosine.
var Acosh = Register(inverse(Operator{
	Name:    "acosh",
	Doc:     "The inverse of the hyperbolic cosine, element by element; NaN below 1. The error is at most 4 ULP.",
	Formula: "y = ln(x + sqrt(x² - 1))",
	Example: "y = acosh(x)",
	ONNX:    ONNX{Name: "Acosh", Min: 9, Max: 25},
}, 1.3, 6, math.Acosh,
	// ln(1 + t + sqrt(2t + t²)) for t = x-1, and ln(2x) where the square would overflow.
	func(x *loop.Expr) *loop.Expr {
		t := minus(x, loop.F(1))
		near := loop.E(loop.Log1p, plus(t, loop.E(loop.Sqrt, plus(plus(t, t), times(t, t)))))
		y := choose(less(x, loop.F(1e9)), near, logTwice(x))
		return choose(less(x, loop.F(1)), loop.F(math.NaN()), y)
	},
	func(b *Builder, x *ir.Value) *ir.Value {
		return b.apply("rsqrt", b.apply("mul", b.offset(x, -1), b.offset(x, 1)))
	}))
