package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Sqrt is the square root.
var Sqrt = Register(elementwise{
	Operator: Operator{
		Name:     "sqrt",
		Doc:      "The square root, element by element; NaN below 0. Its gradient at 0 is infinite.",
		Formula:  "y = sqrt(x)",
		Example:  "norm = square(x) |> reduce_sum(axes=[-1]) |> sqrt",
		Category: "elementwise",
		Exact:    true,
		Args:     unary,
		ONNX:     ONNX{Name: "Sqrt", Min: 6, Max: 25},
		Samples:  inRange(unarySamples(), 0.3, 4),
	},
	value: func(x []float64) float64 { return math.Sqrt(x[0]) },
	expr:  node(loop.Sqrt),
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return []*ir.Value{b.apply("div", dy, b.apply("add", y, y))}
	},
}.operator())
