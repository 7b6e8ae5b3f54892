package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Expm1 is e to the x, less 1.
var Expm1 = Register(elementwise{
	Operator: Operator{
		Name:     "expm1",
		Doc:      "e to the power of each element, less 1; exact also near 0, where exp(x) - 1 is not. The error is at most 2 ULP.",
		Formula:  "y = exp(x) - 1",
		Example:  "y = expm1(x)",
		Category: "elementwise",
		Args:     unary,
		ONNX:     ONNX{Note: "written as Exp less 1"},
		Samples:  append(unarySamples(), inRange(unarySamples()[:1], -30, 5)...),
	},
	value: func(x []float64) float64 { return math.Expm1(x[0]) },
	expr:  node(loop.Expm1),
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return []*ir.Value{b.apply("add", dy, b.apply("mul", dy, y))}
	},
}.operator())
