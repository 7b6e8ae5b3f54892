package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Log is the natural logarithm.
var Log = Register(elementwise{
	Operator: Operator{
		Name:     "log",
		Doc:      "The natural logarithm, element by element; minus infinity at 0, NaN below. The error is at most 2 ULP.",
		Formula:  "y = ln(x)",
		Example:  "y = log(x)",
		Category: "elementwise",
		Args:     unary,
		ONNX:     ONNX{Name: "Log", Min: 6, Max: 25},
		Samples:  inRange(unarySamples(), 0.3, 5),
	},
	value: func(x []float64) float64 { return math.Log(x[0]) },
	expr:  node(loop.Log),
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return []*ir.Value{b.apply("div", dy, x[0])}
	},
}.operator())
