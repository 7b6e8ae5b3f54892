package ops

import (
	"github.com/dlc-ml/dlc/ir"
)

// Size counts the elements of a tensor.
var Size = Register(&Operator{
	Name:     "size",
	Doc:      "The number of elements of x: a constant where all extents are known at compile time, else a multiple of the number of examples of the call.",
	Formula:  "y = the product of all extents of x",
	Example:  "count = size(x)",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "any shape and element type"}},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		n, _ := args[0].Type.Shape.Elems()
		if n.Static() {
			return []*ir.Value{b.literal("size", ir.I64, nil, float64(n.Size))}, nil
		}
		v, err := b.extent(args[0], n.Size/args[0].Type.Shape[0].Size)
		return []*ir.Value{v}, err
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		return []*Tensor{{Elem: ir.I64, Shape: []int{}, Data: []float64{float64(len(args[0].Data))}}}
	},
	NoGrad: "the number of elements does not depend on them",
	ONNX:   ONNX{Name: "Size", Min: 1, Max: 25},
	Samples: []Sample{
		{Args: f32Types(ir.S(3, 4)), NoGrad: true},
		{Args: f32Types(ir.NS(3, 4)), Batch: 2, NoGrad: true},
		{Args: f32Types(nil), NoGrad: true},
	},
})
