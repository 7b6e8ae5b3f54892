package ops

import (
	"github.com/dlc-ml/dlc/ir"
)

// Crop cuts a border off images.
var Crop = Register(&Operator{
	Name:     "crop",
	Doc:      "Cuts a border off the axes between the batch and the channels: off the image of [N,H,W,C], or the frames of [N,T,C] before and after those that stay.",
	Formula:  "y[n, h, w, c] = x[n, h + top, w + left, c]",
	Example:  "middle = image |> crop(2)",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "[N, …, C], any element type"}},
	Attrs:    []AttrDef{{Name: "pads", Doc: "one number for all sides, one for each axis, [vertical, horizontal], or each side, [top, left, bottom, right]", Kind: []int{}}},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		return b.sides("crop", args[0], a.Ints("pads"), -1)
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor { return evalSides(args[0], a.Ints("pads"), -1) },
	ONNX: ONNX{Note: "Slice, or Pad with negative pads"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(4, 5, 2)), Attrs: ir.Attrs{{Name: "pads", Value: 1}}},
		{Args: f32Types(ir.NS(6, 5, 2)), Attrs: ir.Attrs{{Name: "pads", Value: []int{1, 2, 0, 1}}}, Batch: 1},
		{Args: f32Types(ir.NS(5, 2)), Attrs: ir.Attrs{{Name: "pads", Value: []int{3, 1}}}},
		{Args: []ir.Type{ir.T(ir.U8, ir.S(1, 3, 1))}, Attrs: ir.Attrs{{Name: "pads", Value: 1}}, Data: map[int][]float64{0: {1, 2, 3}}},
	},
})
