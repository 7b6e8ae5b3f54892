package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Exp is e to the x.
var Exp = Register(elementwise{
	Operator: Operator{
		Name:     "exp",
		Doc:      "e to the power of each element. In f32 the result is infinite above about 88.7. The error is at most 2 ULP.",
		Formula:  "y = exp(x)",
		Example:  "y = exp(x)",
		Category: "elementwise",
		Args:     unary,
		ONNX:     ONNX{Name: "Exp", Min: 6, Max: 25},
		Samples:  append(unarySamples(), inRange(unarySamples()[:1], -30, 5)...),
	},
	value: func(x []float64) float64 { return math.Exp(x[0]) },
	expr:  node(loop.Exp),
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return []*ir.Value{b.apply("mul", dy, y)}
	},
}.operator())
