package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Square is x*x.
var Square = Register(elementwise{
	Operator: Operator{
		Name:     "square",
		Doc:      "The square, element by element.",
		Formula:  "y = x * x",
		Example:  "energy = square(x) |> reduce_sum",
		Category: "elementwise",
		Args:     unary,
		ONNX:     ONNX{Note: "written as Mul of a tensor with itself"},
		Samples:  unarySamples(),
	},
	takes: numbers,
	value: func(x []float64) float64 { return x[0] * x[0] },
	ints:  func(x []int64) int64 { return x[0] * x[0] },
	expr:  func(x []*loop.Expr) *loop.Expr { return times(x[0], x[0]) },
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return []*ir.Value{b.apply("mul", dy, b.apply("add", x[0], x[0]))}
	},
}.operator())
