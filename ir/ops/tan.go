package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Tan is the tangent.
var Tan = Register(periodic(Operator{
	Name:    "tan",
	Doc:     "The tangent of an angle in radians; NaN of infinities. The error is at most 4 ULP for |x| up to 1e5, and grows beyond.",
	Formula: "y = sin(x) / cos(x)",
	Example: "y = tan(angle)",
	ONNX:    ONNX{Name: "Tan", Min: 7, Max: 25},
}, math.Tan, func(x []*loop.Expr) *loop.Expr { return over(loop.E(loop.Sin, x[0]), loop.E(loop.Cos, x[0])) },
	func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return []*ir.Value{b.apply("mul", dy, b.offset(b.apply("square", y), 1))}
	}))
