package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// unarySamples are operands of unary operators in several ranks, with odd sizes.
func unarySamples() []Sample {
	return []Sample{
		{Args: f32Types(ir.NS(17))},
		{Args: f32Types(ir.NS(3, 5, 2)), Batch: 2},
		{Args: f32Types(ir.S(9))},
		{Args: f32Types(nil)},
	}
}

// inRange draws the only operand of every sample from an interval.
func inRange(list []Sample, lo, hi float64) []Sample {
	for i := range list {
		list[i].Range = map[int][2]float64{0: {lo, hi}}
	}
	return list
}

// Neg is -x.
var Neg = Register(elementwise{
	Operator: Operator{
		Name:     "neg",
		Doc:      "The tensor with every sign turned. The least whole number of its type is its own negative.",
		Formula:  "y = -x",
		Example:  "y = neg(x)",
		Category: "elementwise",
		Same:     undoes,
		Exact:    true,
		Args:     unary,
		ONNX:     ONNX{Name: "Neg", Min: 6, Max: 25},
		Samples: append(unarySamples(), Sample{
			Args: []ir.Type{ir.T(ir.I32, ir.NS(2))}, Batch: 2, NoGrad: true,
			Data: map[int][]float64{0: {0, 5, -2147483648, -3}},
		}),
	},
	takes: numbers,
	value: func(x []float64) float64 { return -x[0] },
	ints:  func(x []int64) int64 { return -x[0] },
	expr:  node(loop.Neg),
	grad:  func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value { return []*ir.Value{b.apply("neg", dy)} },
}.operator())
