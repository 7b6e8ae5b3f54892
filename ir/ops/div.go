package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Div is a / b.
var Div = Register(elementwise{
	Operator: Operator{
		Name:     "div",
		Doc:      "The quotient of two f32 tensors, element by element. Shapes broadcast as in NumPy. Dividing by zero gives an infinity, or NaN for 0/0.",
		Formula:  "y = a / b",
		Example:  "y = div(total, count)",
		Category: "elementwise",
		Args:     binary,
		ONNX:     ONNX{Name: "Div", Min: 7, Max: 25, Note: "f32 only"},
		Samples:  awayFromZero(broadcastSamples(), 1),
	},
	value: func(x []float64) float64 { return x[0] / x[1] },
	expr:  func(x []*loop.Expr) *loop.Expr { return loop.E(loop.Div, x...) },
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		da := b.apply("div", dy, x[1])
		return []*ir.Value{da, b.apply("neg", b.apply("mul", da, y))} // db = -dy*y/b
	},
}.operator())

// awayFromZero draws one operand of every sample from 0.5 … 3.
func awayFromZero(list []Sample, operand int) []Sample {
	for i := range list {
		list[i].Range = map[int][2]float64{operand: {0.5, 3}}
	}
	return list
}
