package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Sigmoid is the logistic function.
var Sigmoid = Register(elementwise{
	Operator: Operator{
		Name:     "sigmoid",
		Doc:      "The logistic function, which maps any number into 0 … 1. The error is at most 3 ULP.",
		Formula:  "y = 1 / (1 + exp(-x))",
		Example:  "gate = x |> dense(64) |> sigmoid",
		Category: "activation",
		Args:     unary,
		ONNX:     ONNX{Name: "Sigmoid", Min: 6, Max: 25},
		Samples:  append(unarySamples(), inRange(unarySamples()[:1], -20, 20)...),
	},
	value: func(x []float64) float64 { return 1 / (1 + math.Exp(-x[0])) },
	expr:  node(loop.Sigmoid),
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		slope := b.apply("mul", y, b.apply("sub", b.scalar(1), y))
		return []*ir.Value{b.apply("mul", dy, slope)}
	},
}.operator())
