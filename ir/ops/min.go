package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Min is the smallest of its operands.
var Min = Register(elementwise{
	Operator: Operator{
		Name:     "min",
		Doc:      "The smallest of two or more tensors, element by element; NaN where any is. Shapes broadcast as in NumPy. Where several are equal the gradient goes to the first.",
		Formula:  "y = b < a ? b : a",
		Example:  "y = min(h, limit)",
		Category: "elementwise",
		Exact:    true,
		Args:     several,
		ONNX:     ONNX{Name: "Min", Min: 8, Max: 25, Note: "one operand alone is the identity"},
		Samples:  append(withKinks(broadcastSamples(), 0.02), severalSamples()...),
	},
	takes: numbers,
	value: func(x []float64) float64 {
		least := x[0]
		for _, v := range x {
			if v < least || v != v {
				least = v
			}
		}
		return least
	},
	expr: chain(loop.Min),
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return b.toWinner(x, dy, "min", func(first, next *ir.Value) *ir.Value { return b.apply("less", next, first) })
	},
}.operator())

// withKinks marks samples of functions that have a kink.
func withKinks(list []Sample, distance float64) []Sample {
	for i := range list {
		list[i].Kinks = distance
	}
	return list
}
