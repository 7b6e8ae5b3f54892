package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Max is the larger of a and b.
var Max = Register(elementwise{
	Operator: Operator{
		Name:     "max",
		Doc:      "The larger of two f32 tensors, element by element; NaN where either is. Shapes broadcast as in NumPy. Where both are equal the gradient goes to a.",
		Formula:  "y = b > a ? b : a",
		Example:  "y = max(h, floor)",
		Category: "elementwise",
		Args:     binary,
		ONNX:     ONNX{Name: "Max", Min: 8, Max: 25, Note: "two operands, f32 only"},
		Samples:  withKinks(broadcastSamples(), 0.02),
	},
	value: func(x []float64) float64 {
		switch {
		case x[0] != x[0] || x[1] != x[1]:
			return math.NaN()
		case x[1] > x[0]:
			return x[1]
		}
		return x[0]
	},
	expr: func(x []*loop.Expr) *loop.Expr { return loop.E(loop.Max, x...) },
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		zero := b.scalar(0)
		return []*ir.Value{
			b.apply("select_less", x[0], x[1], zero, dy),
			b.apply("select_less", x[0], x[1], dy, zero),
		}
	},
}.operator())
