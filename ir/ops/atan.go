package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Atan is the inverse of the tangent.
var Atan = Register(inverse(Operator{
	Name:    "atan",
	Doc:     "The angle, within -π/2 … π/2, whose tangent is given. The error is at most 2 ULP.",
	Formula: "y = arctan(x)",
	Example: "angle = atan(slope)",
	ONNX:    ONNX{Name: "Atan", Min: 7, Max: 25},
}, -6, 6, math.Atan,
	func(x *loop.Expr) *loop.Expr { return loop.E(loop.Atan, x) },
	func(b *Builder, x *ir.Value) *ir.Value {
		return b.apply("reciprocal", b.offset(b.apply("square", x), 1))
	}))
