package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Acos is the inverse of the cosine.
var Acos = Register(inverse(Operator{
	Name:    "acos",
	Doc:     "The angle, within 0 … π, whose cosine is given; NaN outside -1 … 1. The error is at most 4 ULP.",
	Formula: "y = arccos(x)",
	Example: "angle = acos(cosine)",
	ONNX:    ONNX{Name: "Acos", Min: 7, Max: 25},
}, -0.9, 0.9, math.Acos,
	func(x *loop.Expr) *loop.Expr {
		half := loop.E(loop.Atan, loop.E(loop.Sqrt, over(minus(loop.F(1), x), plus(loop.F(1), x))))
		return plus(half, half)
	},
	func(b *Builder, x *ir.Value) *ir.Value { return b.apply("neg", b.apply("rsqrt", b.complement(x))) }))
