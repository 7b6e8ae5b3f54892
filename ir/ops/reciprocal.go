package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Reciprocal is 1/x.
var Reciprocal = Register(elementwise{
	Operator: Operator{
		Name:     "reciprocal",
		Doc:      "One over each element; infinite at 0.",
		Formula:  "y = 1 / x",
		Example:  "y = reciprocal(x)",
		Category: "elementwise",
		Args:     unary,
		ONNX:     ONNX{Name: "Reciprocal", Min: 6, Max: 25},
		Samples:  append(inRange(unarySamples(), 0.3, 4), inRange(unarySamples()[:1], -3, -0.4)...),
	},
	value: func(x []float64) float64 { return 1 / x[0] },
	expr:  func(x []*loop.Expr) *loop.Expr { return over(loop.F(1), x[0]) },
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return []*ir.Value{b.mul(b.apply("neg", dy), b.apply("square", y))}
	},
}.operator())
