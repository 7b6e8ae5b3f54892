package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
)

// sortAttrs are the attributes of sort and argsort.
var sortAttrs = []AttrDef{
	{Name: "axis", Doc: "the axis along which to sort; -1 is the last", Default: -1},
	{Name: "descending", Doc: "the greatest first", Default: false},
}

// Sort puts elements in order along an axis.
var Sort = Register(&Operator{
	Name:     "sort",
	Doc:      "The elements in order along an axis, and, as a second result, the place that each came from, as i32. " + sortNote + " The gradient goes back to where an element came from.",
	Formula:  "y[n, i] = x[n, p[n, i]], with y[n, i] ≤ y[n, i+1]",
	Example:  "ordered, places = sort(x)",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "any shape; f32, i32 or i64"}},
	Attrs:    sortAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if _, err := inferOrder("sort", args[0], a); err != nil {
			return nil, err
		}
		return []ir.Type{args[0], ir.T(ir.I32, args[0].Shape)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		axis := mustAxis(a.Int("axis"), len(args[0].Shape))
		return evalOrder(args[0], axis, args[0].Shape[axis], a.Bool("descending"))
	},
	Grad: gradOrder,
	Lower: func(l *Lowering, op *ir.Op) {
		x := l.Buf(op.Args[0])
		axis := mustAxis(op.Attrs.Int("axis"), len(x.Shape))
		order, _ := l.order(x, axis, x.Shape[axis].Size, op.Attrs.Bool("descending"))
		l.pickOrdered(l.Buf(op.Results[0]), l.Buf(op.Results[1]), x, order, axis)
	},
	Samples: append(sortSamples(),
		Sample{Args: f32Types(ir.NS(1500)), Batch: 1, NoGrad: true},
		Sample{Args: f32Types(ir.S(1025, 2)), Attrs: ir.Attrs{{Name: "axis", Value: 0}, {Name: "descending", Value: true}}, NoGrad: true, Data: map[int][]float64{0: wave(2050)}},
		Sample{Args: f32Types(ir.S(1280)), NoGrad: true, Data: map[int][]float64{0: wave(1280)}}),
})

// sortSamples are operands with ties, extremes and what is no number.
func sortSamples() []Sample {
	nan, inf := math.NaN(), math.Inf(1)
	return []Sample{
		{Args: f32Types(ir.NS(7)), Kinks: 0.01},
		{Args: f32Types(ir.NS(5, 3)), Attrs: ir.Attrs{{Name: "axis", Value: 1}, {Name: "descending", Value: true}}, Batch: 2, Kinks: 0.01},
		{Args: f32Types(ir.NS(6)), Batch: 2, NoGrad: true, Data: map[int][]float64{0: {1, 1, math.Copysign(0, -1), 0, math.Copysign(0, -1), 1, nan, inf, -inf, nan, 1e-40, -1e-40}}},
		{Args: f32Types(ir.NS(6)), Batch: 2, NoGrad: true, Attrs: ir.Attrs{{Name: "descending", Value: true}},
			Data: map[int][]float64{0: {1, 1, math.Copysign(0, -1), 0, math.Copysign(0, -1), 1, nan, inf, -inf, nan, 1e-40, -1e-40}}},
		{Args: f32Types(ir.S(1))},
		{Args: []ir.Type{ir.T(ir.I32, ir.NS(6))}, Batch: 1, Data: map[int][]float64{0: {3, -2147483648, 2147483647, 3, 0, -1}}},
		{Args: []ir.Type{ir.T(ir.I32, ir.S(6))}, Attrs: ir.Attrs{{Name: "descending", Value: true}}, Data: map[int][]float64{0: {3, -2147483648, 2147483647, 3, 0, -1}}},
	}
}

// wave is n numbers that go up and down and meet again.
func wave(n int) []float64 {
	list := make([]float64, n)
	for i := range list {
		list[i] = float64(i * 37 % 311)
	}
	return list
}
