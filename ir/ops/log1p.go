package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Log1p is the natural logarithm of 1+x.
var Log1p = Register(elementwise{
	Operator: Operator{
		Name:     "log1p",
		Doc:      "The natural logarithm of 1 plus each element; exact also near 0, where log(1 + x) is not. Minus infinity at -1, NaN below. The error is at most 2 ULP.",
		Formula:  "y = ln(1 + x)",
		Example:  "y = log1p(count)",
		Category: "elementwise",
		Args:     unary,
		ONNX:     ONNX{Note: "written as Log of 1 plus x"},
		Samples:  append(inRange(unarySamples(), -0.7, 5), inRange(unarySamples()[:1], -1e-6, 1e-6)...),
	},
	value: func(x []float64) float64 { return math.Log1p(x[0]) },
	expr:  node(loop.Log1p),
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return []*ir.Value{b.apply("div", dy, b.offset(x[0], 1))}
	},
}.operator())
