package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Min is the smaller of a and b.
var Min = Register(elementwise{
	Operator: Operator{
		Name:     "min",
		Doc:      "The smaller of two f32 tensors, element by element; NaN where either is. Shapes broadcast as in NumPy. Where both are equal the gradient goes to a.",
		Formula:  "y = b < a ? b : a",
		Example:  "y = min(h, limit)",
		Category: "elementwise",
		Args:     binary,
		ONNX:     ONNX{Name: "Min", Min: 8, Max: 25, Note: "two operands, f32 only"},
		Samples:  withKinks(broadcastSamples(), 0.02),
	},
	value: func(x []float64) float64 {
		switch {
		case x[0] != x[0] || x[1] != x[1]:
			return math.NaN()
		case x[1] < x[0]:
			return x[1]
		}
		return x[0]
	},
	expr: func(x []*loop.Expr) *loop.Expr { return loop.E(loop.Min, x...) },
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		zero := b.scalar(0)
		return []*ir.Value{
			b.apply("select_less", x[1], x[0], zero, dy),
			b.apply("select_less", x[1], x[0], dy, zero),
		}
	},
}.operator())

// withKinks marks samples of functions that have a kink.
func withKinks(list []Sample, distance float64) []Sample {
	for i := range list {
		list[i].Kinks = distance
	}
	return list
}
