package ops

import (
	"github.com/dlc-ml/dlc/ir"
)

// PixelShuffle is depth_to_space as super-resolution networks use it.
var PixelShuffle = Register(&Operator{
	Name:     "pixel_shuffle",
	Doc:      "Makes of each pixel a square of factor times factor pixels: depth_to_space in mode CRD, the order of sub-pixel convolution (Shi et al., 2016).",
	Formula:  "y[n, h*f + i, w*f + j, c] = x[n, h, w, (c*f + i)*f + j]",
	Example:  "large = x |> conv2d(12, kernel=3, padding=\"same\") |> pixel_shuffle(2)",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "[N,H,W,C]"}},
	Attrs:    []AttrDef{{Name: "factor", Doc: "the side of the square", Kind: 0}},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		return b.shuffle("pixel_shuffle", args[0], a.Int("factor"), "CRD")
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		return []*Tensor{evalShuffle(args[0], a.Int("factor"), true)}
	},
	ONNX: ONNX{Note: "DepthToSpace with mode CRD"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(2, 3, 4)), Attrs: ir.Attrs{{Name: "factor", Value: 2}}},
		{Args: f32Types(ir.NS(3, 1, 18)), Attrs: ir.Attrs{{Name: "factor", Value: 3}}, Batch: 2},
	},
})
