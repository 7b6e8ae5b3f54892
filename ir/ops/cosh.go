package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Cosh is the hyperbolic cosine.
var Cosh = Register(inverse(Operator{
	Name:    "cosh",
	Doc:     "The hyperbolic cosine, element by element. The error is at most 4 ULP.",
	Formula: "y = (exp(x) + exp(-x)) / 2",
	Example: "y = cosh(x)",
	ONNX:    ONNX{Name: "Cosh", Min: 9, Max: 25},
}, -4, 4, math.Cosh,
	// exp(|x|/2) is squared only after it is halved, so that it overflows no earlier than the result.
	func(x *loop.Expr) *loop.Expr {
		h := loop.E(loop.Exp, times(loop.E(loop.Abs, x), loop.F(0.5)))
		return plus(times(times(loop.F(0.5), h), h), over(over(loop.F(0.5), h), h))
	},
	func(b *Builder, x *ir.Value) *ir.Value { return b.apply("sinh", x) }))
