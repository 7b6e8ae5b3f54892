package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Erf is the error function.
var Erf = Register(inverse(Operator{
	Name:    "erf",
	Doc:     "The error function, the integral of the normal distribution, element by element. The error is at most 2 ULP.",
	Formula: "y = 2/sqrt(π) ∫ exp(-t²) dt, t from 0 to x",
	Example: "y = erf(x)",
	ONNX:    ONNX{Name: "Erf", Min: 9, Max: 25},
}, -3, 3, math.Erf,
	func(x *loop.Expr) *loop.Expr { return loop.E(loop.Erf, x) },
	func(b *Builder, x *ir.Value) *ir.Value {
		return b.scaled(b.apply("exp", b.apply("neg", b.apply("square", x))), 2/math.Sqrt(math.Pi))
	}))
