package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Sinh is the hyperbolic sine.
var Sinh = Register(inverse(Operator{
	Name:    "sinh",
	Doc:     "The hyperbolic sine, element by element. The error is at most 4 ULP.",
	Formula: "y = (exp(x) - exp(-x)) / 2",
	Example: "y = sinh(x)",
	ONNX:    ONNX{Name: "Sinh", Min: 9, Max: 25},
}, -4, 4, math.Sinh,
	// With t = exp(|x|) - 1 it is (t + t/(t+1)) / 2; where t would overflow, exp(|x|/2) squared and halved.
	func(x *loop.Expr) *loop.Expr {
		a := loop.E(loop.Abs, x)
		t := loop.E(loop.Expm1, a)
		near := times(loop.F(0.5), plus(t, over(t, plus(t, loop.F(1)))))
		h := loop.E(loop.Exp, times(a, loop.F(0.5)))
		return signedBy(choose(less(a, loop.F(80)), near, times(times(loop.F(0.5), h), h)), x)
	},
	func(b *Builder, x *ir.Value) *ir.Value { return b.apply("cosh", x) }))
