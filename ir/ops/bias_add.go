package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// BiasAdd adds a vector to the last axis.
var BiasAdd = Register(&Operator{
	Name:     "bias_add",
	Doc:      "Adds a vector [C] to the last axis of x [..,C], as the layers dense and conv2d do by themselves.",
	Formula:  "y[..,c] = x[..,c] + bias[c]",
	Example:  "y = bias_add(x, b)",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "f32[..,C]"}, {Name: "bias", Doc: "f32[C]"}},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x, bias := args[0], args[1]
		if x.Elem != ir.F32 || len(x.Shape) == 0 {
			return nil, WithNote("add joins a scalar with anything", "bias_add needs f32[..,C], not %v", x)
		}
		c := x.Shape[len(x.Shape)-1]
		if !c.Static() || !bias.Equal(ir.T(ir.F32, ir.Shape{c})) {
			return nil, fmt.Errorf("bias_add has an input %v, so it needs a bias of as many elements as the last axis, not %v", x, bias)
		}
		return []ir.Type{x}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, bias := args[0], args[1]
		y := NewTensor(ir.F32, x.Shape...)
		for i, v := range x.Data {
			y.Data[i] = v + bias.Data[i%len(bias.Data)]
		}
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return make([]*ir.Value, 2)
		}
		return []*ir.Value{grads[0], sumTo(b, grads[0], op.Args[1].Type)}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		rank := len(op.Args[0].Type.Shape)
		l.mapOver(l.Buf(op.Results[0]), loop.E(loop.Add,
			loop.Read(l.Buf(op.Args[0]), plainIndex(rank)...), loop.Read(l.Buf(op.Args[1]), loop.Ax(rank-1))))
	},
	ONNX: ONNX{Note: "written as Add"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(5), ir.S(5))},
		{Args: f32Types(ir.NS(3, 2, 4), ir.S(4)), Batch: 1},
		{Args: f32Types(ir.S(3), ir.S(3))},
	},
})
