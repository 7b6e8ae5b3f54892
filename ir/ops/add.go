package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// broadcastSamples are operands of binary operators: equal, stretched on either side, of unequal rank, with and without the batch.
func broadcastSamples() []Sample {
	return []Sample{
		{Args: f32Types(ir.NS(7), ir.NS(7))},
		{Args: f32Types(ir.NS(5, 3, 2), ir.S(2))},
		{Args: f32Types(ir.S(3, 1), ir.NS(3, 5))},
		{Args: f32Types(ir.NS(1, 4), ir.S(3, 1))},
		{Args: f32Types(ir.NS(9), nil)},
		{Args: f32Types(nil, nil)},
		{Args: f32Types(ir.S(4, 1, 2), ir.S(1, 3, 1))},
		{Args: f32Types(ir.S(1, 6), ir.NS(6)), Batch: 5},
		{Args: f32Types(ir.NS(3), ir.NS(1)), Batch: 1},
	}
}

// intSample has i32 operands, which have no gradient.
func intSample() Sample {
	t := ir.T(ir.I32, ir.NS(3))
	return Sample{Args: []ir.Type{t, t}, Batch: 2, NoGrad: true,
		Data: map[int][]float64{0: {-7, 0, 3, 2147483647, 65536, -2147483648}, 1: {5, -9, 4, 1, 65537, 3}}}
}

// Add is a + b.
var Add = Register(elementwise{
	Operator: Operator{
		Name:     "add",
		Doc:      "The sum of two tensors, element by element. Shapes broadcast as in NumPy. Whole numbers wrap around.",
		Formula:  "y = a + b",
		Example:  "y = add(h, skip)",
		Category: "elementwise",
		Same:     neutral(math.Copysign(0, -1), " plus -0"), // x + 0 makes +0 of -0
		Exact:    true,
		Args:     binary,
		ONNX:     ONNX{Name: "Add", Min: 7, Max: 25, Note: "Sum of several is a chain of it"},
		Samples:  append(broadcastSamples(), intSample()),
	},
	takes: numbers,
	value: func(x []float64) float64 { return x[0] + x[1] },
	ints:  func(x []int64) int64 { return x[0] + x[1] },
	expr:  node(loop.Add),
	grad:  func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value { return []*ir.Value{dy, dy} },
}.operator())
