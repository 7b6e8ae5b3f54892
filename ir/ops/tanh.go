package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Tanh is the hyperbolic tangent.
var Tanh = Register(elementwise{
	Operator: Operator{
		Name:     "tanh",
		Doc:      "The hyperbolic tangent, which maps any number into -1 … 1. The error is at most 3 ULP.",
		Formula:  "y = (exp(x) - exp(-x)) / (exp(x) + exp(-x))",
		Example:  "h = x |> dense(64) |> tanh",
		Category: "activation",
		Args:     unary,
		ONNX:     ONNX{Name: "Tanh", Min: 6, Max: 25},
		Samples:  append(unarySamples(), inRange(unarySamples()[:1], -12, 12)...),
	},
	value: func(x []float64) float64 { return math.Tanh(x[0]) },
	expr:  node(loop.Tanh),
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return []*ir.Value{b.apply("mul", dy, b.apply("sub", b.scalar(1), b.apply("square", y)))}
	},
}.operator())
