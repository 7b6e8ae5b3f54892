package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// BroadcastTo stretches a tensor to a shape.
var BroadcastTo = Register(&Operator{
	Name: "broadcast_to",
	Doc: "Stretches x to the shape that it and shape broadcast to: axes that x lacks, or has with extent 1, are repeated. Shapes are aligned at their last axes; where x has a batch it is kept, " +
		"and shape says the extents behind it.",
	Formula:  "y[n, i, j] = x[n, 0, j]",
	Example:  "grid = broadcast_to(row, [28, 28])",
	Category: "tensor",
	Spreads:  always,
	Same:     keepsShape,
	Exact:    true,
	Args:     []Arg{{Name: "x", Doc: "any shape and element type"}},
	Attrs:    []AttrDef{{Name: "shape", Doc: "the extents to stretch to, without the batch; 1 leaves that of x", Kind: []int{}}},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x := args[0]
		if err := wantAny("broadcast_to", "x", x); err != nil {
			return nil, err
		}
		want, err := fixedShape("broadcast_to", a.Ints("shape"))
		if err != nil {
			return nil, err
		}
		s, err := broadcast("broadcast_to", x.Shape, want)
		if err != nil {
			return nil, err
		}
		return []ir.Type{ir.T(x.Elem, s)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, shape := args[0], slices.Clone(a.Ints("shape"))
		for len(shape) < len(x.Shape) {
			shape = slices.Insert(shape, 0, 1)
		}
		for i, d := range x.Shape {
			if k := len(shape) - len(x.Shape) + i; shape[k] == 1 {
				shape[k] = d
			}
		}
		y, n := NewTensor(x.Elem, shape...), 0
		eachIndex(shape, func(ix []int) {
			y.Data[n] = x.Data[x.at(ix)]
			n++
		})
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil}
		}
		return []*ir.Value{sumTo(b, grads[0], op.Args[0].Type)}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x, y := l.Buf(op.Args[0]), l.Buf(op.Results[0])
		l.mapOver(y, loop.Read(x, stretchIndex(x.Shape, y.Shape)...))
	},
	ONNX: ONNX{Name: "Expand", Min: 8, Max: 25, Attrs: map[string]string{"shape": "shape"}, Note: "the shape must be a constant"},
	Samples: []Sample{
		{Args: f32Types(ir.S(3)), Attrs: ir.Attrs{{Name: "shape", Value: []int{2, 3}}}},
		{Args: f32Types(ir.NS(1, 3)), Attrs: ir.Attrs{{Name: "shape", Value: []int{5, 1}}}, Batch: 2},
		{Args: f32Types(ir.NS(1)), Attrs: ir.Attrs{{Name: "shape", Value: []int{9}}}},
		{Args: f32Types(nil), Attrs: ir.Attrs{{Name: "shape", Value: []int{2, 2}}}},
		{Args: f32Types(ir.NS(3)), Attrs: ir.Attrs{{Name: "shape", Value: []int{}}}, Batch: 1},
		{Args: f32Types(ir.NS(4, 3)), Attrs: ir.Attrs{{Name: "shape", Value: []int{3}}}},
		{Args: []ir.Type{ir.T(ir.I32, ir.S(2, 1))}, Attrs: ir.Attrs{{Name: "shape", Value: []int{2, 3}}}, Data: map[int][]float64{0: {-3, 4}}},
	},
})
