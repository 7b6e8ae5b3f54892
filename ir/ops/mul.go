package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Mul is a * b.
var Mul = Register(elementwise{
	Operator: Operator{
		Name:     "mul",
		Doc:      "The product of two tensors, element by element. Shapes broadcast as in NumPy. Whole numbers wrap around.",
		Formula:  "y = a * b",
		Example:  "y = mul(h, gate)",
		Category: "elementwise",
		Same: func(op *ir.Op) (*ir.Value, string) {
			if isFilledWith(op.Args[0], 1) {
				return op.Args[1], "1 times " + op.Args[1].Name
			}
			return neutral(1, " times 1")(op)
		},
		Exact:   true,
		Args:    binary,
		ONNX:    ONNX{Name: "Mul", Min: 7, Max: 25},
		Samples: append(broadcastSamples(), intSample()),
	},
	takes: numbers,
	value: func(x []float64) float64 { return x[0] * x[1] },
	ints:  func(x []int64) int64 { return x[0] * x[1] },
	expr:  node(loop.Mul),
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return []*ir.Value{b.apply("mul", dy, x[1]), b.apply("mul", dy, x[0])}
	},
}.operator())
