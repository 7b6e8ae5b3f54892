package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Abs is |x|.
var Abs = Register(elementwise{
	Operator: Operator{
		Name:     "abs",
		Doc:      "The absolute value, element by element. Its gradient at 0 is 0. The least whole number of its type is its own absolute value.",
		Formula:  "y = |x|",
		Example:  "y = abs(x)",
		Category: "elementwise",
		Exact:    true,
		Args:     unary,
		ONNX:     ONNX{Name: "Abs", Min: 6, Max: 25},
		Samples:  withKinks(unarySamples(), 0.02),
	},
	takes: numbers,
	value: func(x []float64) float64 { return math.Abs(x[0]) },
	ints:  func(x []int64) int64 { return max(x[0], -x[0]) },
	expr:  node(loop.Abs),
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return []*ir.Value{b.apply("mul", dy, b.apply("sign", x[0]))}
	},
}.operator())
