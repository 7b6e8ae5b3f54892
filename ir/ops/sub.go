package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Sub is a - b.
var Sub = Register(elementwise{
	Operator: Operator{
		Name:     "sub",
		Doc:      "The difference of two tensors, element by element. Shapes broadcast as in NumPy. Whole numbers wrap around.",
		Formula:  "y = a - b",
		Example:  "y = sub(a, b)",
		Category: "elementwise",
		Same:     neutral(0, " minus 0"),
		Exact:    true,
		Args:     binary,
		ONNX:     ONNX{Name: "Sub", Min: 7, Max: 25},
		Samples:  append(broadcastSamples(), intSample()),
	},
	takes: numbers,
	value: func(x []float64) float64 { return x[0] - x[1] },
	ints:  func(x []int64) int64 { return x[0] - x[1] },
	expr:  node(loop.Sub),
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return []*ir.Value{dy, b.apply("neg", dy)}
	},
}.operator())
