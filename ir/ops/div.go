package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Div is a / b.
var Div = Register(elementwise{
	Operator: Operator{
		Name: "div",
		Doc: "The quotient of two tensors, element by element. Shapes broadcast as in NumPy. Dividing by zero gives an infinity, or NaN for 0/0. Whole numbers are divided towards zero, " +
			"and by zero to 0.",
		Formula:  "y = a / b",
		Example:  "y = div(total, count)",
		Category: "elementwise",
		Same:     neutral(1, " divided by 1"),
		Exact:    true,
		Args:     binary,
		ONNX:     ONNX{Name: "Div", Min: 7, Max: 25},
		Samples:  append(awayFromZero(broadcastSamples(), 1), intSample()),
	},
	takes: numbers,
	value: func(x []float64) float64 { return x[0] / x[1] },
	ints: func(x []int64) int64 {
		if x[1] == 0 {
			return 0
		}
		return x[0] / x[1]
	},
	expr: node(loop.Div),
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
