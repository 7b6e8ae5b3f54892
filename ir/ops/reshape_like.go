package ops

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// ReshapeLike gives a tensor the shape of another.
var ReshapeLike = Register(&Operator{
	Name:     "reshape_like",
	Doc:      "The elements of x in the shape of like, of which only the shape matters. It is the gradient of a reshape that joins axes with the batch.",
	Formula:  "y[…] = x[…]",
	Example:  "y = reshape_like(x, like)",
	Category: "gradient",
	Same:     keepsShape,
	Exact:    true,
	Internal: true,
	Args:     []Arg{{Name: "x", Doc: "as many elements as like"}, {Name: "like", Doc: "the shape of the result"}},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		n, ok := args[0].Shape.Elems()
		if m, _ := args[1].Shape.Elems(); !ok || n != m {
			return nil, fmt.Errorf("reshape_like cannot make %s of %s", args[1].Shape, args[0])
		}
		return []ir.Type{ir.T(args[0].Elem, args[1].Shape)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		return []*Tensor{{Elem: args[0].Elem, Shape: slices.Clone(args[1].Shape), Data: slices.Clone(args[0].Data)}}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil, nil}
		}
		return []*ir.Value{b.reshape(op.Args[0].Name, grads[0], op.Args[0]), nil}
	},
	Lower: func(l *Lowering, op *ir.Op) { l.copyReshaped(l.Buf(op.Results[0]), l.Buf(op.Args[0])) },
	Samples: []Sample{
		{Args: f32Types(ir.Shape{{Size: 6, Sym: "N"}, ir.D(2)}, ir.NS(2, 3, 2))},
		{Args: f32Types(ir.NS(12), ir.Shape{{Size: 4, Sym: "N"}, ir.D(3)}), Batch: 2},
		{Args: f32Types(ir.Shape{{Size: 4, Sym: "N"}}, ir.Shape{{Size: 2, Sym: "N"}, ir.D(2)}), Batch: 1},
		{Args: f32Types(ir.S(4, 6), ir.S(9-1, 3))},
		{Args: f32Types(ir.Shape{{Size: 5, Sym: "N"}, ir.D(6)}, ir.Shape{{Size: 3, Sym: "N"}, ir.D(10)})},
	},
})
