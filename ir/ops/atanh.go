package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Atanh is the inverse of the hyperbolic tangent.
var Atanh = Register(inverse(Operator{
	Name:    "atanh",
	Doc:     "The inverse of the hyperbolic tangent, element by element; infinite at -1 and 1, NaN beyond. The error is at most 4 ULP.",
	Formula: "y = ln((1 + x) / (1 - x)) / 2",
	Example: "y = atanh(x)",
	ONNX:    ONNX{Name: "Atanh", Min: 9, Max: 25},
}, -0.9, 0.9, math.Atanh,
	func(x *loop.Expr) *loop.Expr {
		a := loop.E(loop.Abs, x)
		y := times(loop.F(0.5), loop.E(loop.Log1p, over(plus(a, a), minus(loop.F(1), a))))
		return signedBy(y, x)
	},
	func(b *Builder, x *ir.Value) *ir.Value { return b.apply("reciprocal", b.complement(x)) }))
