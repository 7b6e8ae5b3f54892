package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Rsqrt is 1/sqrt(x).
var Rsqrt = Register(elementwise{
	Operator: Operator{
		Name:     "rsqrt",
		Doc:      "One over the square root, element by element; infinite at 0, NaN below.",
		Formula:  "y = 1 / sqrt(x)",
		Example:  "scale = rsqrt(variance)",
		Category: "elementwise",
		Args:     unary,
		ONNX:     ONNX{Note: "written as Reciprocal of Sqrt"},
		Samples:  inRange(unarySamples(), 0.3, 4),
	},
	value: func(x []float64) float64 { return 1 / math.Sqrt(x[0]) },
	expr:  func(x []*loop.Expr) *loop.Expr { return over(loop.F(1), loop.E(loop.Sqrt, x[0])) },
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return []*ir.Value{b.mul(b.scaled(dy, -0.5), y, b.apply("square", y))}
	},
}.operator())
