package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// Stack joins tensors along a new axis.
var Stack = Register(&Operator{
	Name:     "stack",
	Doc:      "Joins tensors of one type along a new axis.",
	Formula:  "y[…, k, …] = x_k[…, …]",
	Example:  "pair = stack(left, right, axis=1)",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "tensors of one type", Variadic: true}},
	Attrs:    []AttrDef{{Name: "axis", Doc: "the number of the new axis in the result, or from -1, the last; not 0 where there is a batch", Default: -1}},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		parts := make([]*ir.Value, len(args))
		for i, x := range args {
			if !x.Type.Equal(args[0].Type) {
				return nil, WithNote("concat joins tensors that differ along one axis", "stack cannot join %s and %s", args[0].Type, x.Type)
			}
			s, err := withAxes("stack", x.Type, []int{a.Int("axis")})
			if err != nil {
				return nil, err
			}
			p, err := b.reshaped(x, s)
			if err != nil {
				return nil, err
			}
			parts[i] = p[0]
		}
		return b.Ops("concat", "stack", parts, a...)
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[0]
		axis := a.Int("axis")
		if axis < 0 {
			axis += len(x.Shape) + 1
		}
		y, n := NewTensor(x.Elem, slices.Insert(slices.Clone(x.Shape), axis, len(args))...), 0
		eachIndex(y.Shape, func(ix []int) {
			from := args[ix[axis]]
			y.Data[n] = from.Data[from.at(slices.Delete(slices.Clone(ix), axis, axis+1))]
			n++
		})
		return []*Tensor{y}
	},
	ONNX: ONNX{Note: "Unsqueeze and Concat"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(3), ir.NS(3))},
		{Args: f32Types(ir.NS(3, 2), ir.NS(3, 2), ir.NS(3, 2)), Attrs: ir.Attrs{{Name: "axis", Value: 1}}, Batch: 2},
		{Args: f32Types(ir.NS(), ir.NS())},
		{Args: f32Types(nil, nil), Attrs: ir.Attrs{{Name: "axis", Value: 0}}},
		{Args: f32Types(ir.S(2, 5)), Attrs: ir.Attrs{{Name: "axis", Value: -2}}},
		{Args: []ir.Type{ir.T(ir.I32, ir.S(2)), ir.T(ir.I32, ir.S(2))}, Data: map[int][]float64{0: {1, 2}, 1: {3, -4}}},
	},
})
