package ops

import (
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// TopK finds the k greatest or least elements along an axis.
var TopK = Register(&Operator{
	Name: "topk",
	Doc: "The k greatest elements along an axis, or the least, and, as a second result, the place of each, as i32. They come in order, with sorted=false too, which would allow any. " +
		sortNote + " The gradient goes back to where an element came from.",
	Formula:  "y[n, i] = x[n, p[n, i]], with y[n, i] ≥ y[n, i+1] ≥ all others",
	Example:  "best, places = topk(logits, 5)",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "any shape; f32, i32 or i64"}},
	Attrs: []AttrDef{
		{Name: "k", Doc: "how many", Kind: 0},
		{Name: "axis", Doc: "the axis along which to look; -1 is the last", Default: -1},
		{Name: "largest", Doc: "the greatest; else the least", Default: true},
		{Name: "sorted", Doc: "whether they must come in order", Default: true},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		axis, err := inferOrder("topk", args[0], a)
		if err != nil {
			return nil, err
		}
		k, n := a.Int("k"), args[0].Shape[axis]
		if k < 1 || k > n.Size {
			return nil, WithNote("k is at least 1 and at most the extent of the axis", "topk cannot find %d of the %s elements along axis %d of %s", k, n, axis, args[0])
		}
		s := slices.Clone(args[0].Shape)
		s[axis] = ir.D(k)
		return []ir.Type{ir.T(args[0].Elem, s), ir.T(ir.I32, s)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		return evalOrder(args[0], mustAxis(a.Int("axis"), len(args[0].Shape)), a.Int("k"), a.Bool("largest"))
	},
	Grad: gradOrder,
	Lower: func(l *Lowering, op *ir.Op) {
		x := l.Buf(op.Args[0])
		axis := mustAxis(op.Attrs.Int("axis"), len(x.Shape))
		order, _ := l.order(x, axis, op.Attrs.Int("k"), op.Attrs.Bool("largest"))
		l.pickOrdered(l.Buf(op.Results[0]), l.Buf(op.Results[1]), x, order, axis)
	},
	ONNX: ONNX{Name: "TopK", Min: 1, Max: 25, Attrs: map[string]string{"axis": "axis", "largest": "largest", "sorted": "sorted"},
		Note: "k must be a constant (an input from opset 10 on); the places are i32"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(7)), Attrs: ir.Attrs{{Name: "k", Value: 3}}, Kinks: 0.01},
		{Args: f32Types(ir.NS(7)), Attrs: ir.Attrs{{Name: "k", Value: 7}, {Name: "largest", Value: false}}, Kinks: 0.01},
		{Args: f32Types(ir.NS(5, 3)), Attrs: ir.Attrs{{Name: "k", Value: 2}, {Name: "axis", Value: 1}, {Name: "sorted", Value: false}}, Batch: 2, Kinks: 0.01},
		{Args: f32Types(ir.NS(6)), Attrs: ir.Attrs{{Name: "k", Value: 4}}, Batch: 2, NoGrad: true,
			Data: map[int][]float64{0: {1, 1, math.Copysign(0, -1), 0, math.Copysign(0, -1), 1, math.NaN(), math.Inf(1), math.Inf(-1), math.NaN(), 1e-40, -1e-40}}},
		{Args: f32Types(ir.NS(2, 1)), Attrs: ir.Attrs{{Name: "k", Value: 1}}, Batch: 1},
		{Args: f32Types(ir.S(1200)), Attrs: ir.Attrs{{Name: "k", Value: 5}}, NoGrad: true, Data: map[int][]float64{0: wave(1200)}},
		{Args: []ir.Type{ir.T(ir.I32, ir.S(6))}, Attrs: ir.Attrs{{Name: "k", Value: 3}, {Name: "largest", Value: false}},
			Data: map[int][]float64{0: {3, -2147483648, 2147483647, 3, 0, -1}}},
	},
})
