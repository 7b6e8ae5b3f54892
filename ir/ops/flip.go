package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// Flip turns axes around.
var Flip = Register(&Operator{
	Name:     "flip",
	Doc:      "Turns axes around: the last element comes first. For an image [N,H,W,C], axes=[2] mirrors left and right.",
	Formula:  "y[…, i, …] = x[…, I-1-i, …]",
	Example:  "mirrored = flip(image, axes=[2])",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "any shape and element type"}},
	Attrs:    []AttrDef{{Name: "axes", Doc: "the axes, from 0, the batch, or from -1, the last; not the batch", Kind: []int{}}},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		axes := a.Ints("axes")
		if len(axes) == 0 {
			return nil, WithNote("name the axes to turn around", "flip has no axes")
		}
		starts, steps := slices.Repeat([]int{-1}, len(axes)), slices.Repeat([]int{-1}, len(axes))
		return b.Ops("slice", "flip", args, ir.Attr{Name: "starts", Value: starts}, ir.Attr{Name: "axes", Value: axes}, ir.Attr{Name: "steps", Value: steps})
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[0]
		axes := evalAxes(a.Ints("axes"), len(x.Shape))
		y, from, n := NewTensor(x.Elem, x.Shape...), make([]int, len(x.Shape)), 0
		eachIndex(x.Shape, func(ix []int) {
			copy(from, ix)
			for _, i := range axes {
				from[i] = x.Shape[i] - 1 - ix[i]
			}
			y.Data[n] = x.Data[x.at(from)]
			n++
		})
		return []*Tensor{y}
	},
	ONNX: ONNX{Note: "Slice with steps of -1"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(5)), Attrs: ir.Attrs{{Name: "axes", Value: []int{1}}}},
		{Args: f32Types(ir.NS(3, 4, 2)), Attrs: ir.Attrs{{Name: "axes", Value: []int{1, -1}}}, Batch: 2},
		{Args: f32Types(ir.NS(2, 19)), Attrs: ir.Attrs{{Name: "axes", Value: []int{-1}}}, Batch: 1},
		{Args: f32Types(ir.S(3, 1)), Attrs: ir.Attrs{{Name: "axes", Value: []int{0, 1}}}},
		{Args: []ir.Type{ir.T(ir.I32, ir.S(3))}, Attrs: ir.Attrs{{Name: "axes", Value: []int{0}}}, Data: map[int][]float64{0: {-3, 4, 5}}},
	},
})
