package ops

import "github.com/dlc-ml/dlc/ir"

// Conv2D is the two-dimensional convolution (cross-correlation, as everywhere in the field).
var Conv2D = Register(convolution{axes: 2, Operator: Operator{
	Name: "conv2d",
	Doc: "Convolution of an image [N,H,W,C] with a kernel [kh,kw,C/groups,filters], giving [N,H',W',filters]. The kernel is not turned around " +
		"(cross-correlation). Each output is one chain of fused multiply-adds over kh, kw and the channels, in this order; the bias [filters] is added last.",
	Formula: "y[n,i,j,f] = bias[f] + Σ x[n, i*stride + u*dilation - top, j*stride + v*dilation - left, c] * w[u,v,c,f]",
	Example: `features = image |> conv2d(16, kernel=3, padding="same")`,
	Samples: []Sample{
		{Args: f32Types(ir.NS(5, 5, 1), ir.S(3, 3, 1, 2))},
		{Args: f32Types(ir.NS(7, 6, 3), ir.S(3, 2, 3, 4), ir.S(4)), Attrs: ir.Attrs{{Name: "stride", Value: []int{2, 1}}, {Name: "padding", Value: "same"}}, Batch: 1},
		{Args: f32Types(ir.NS(5, 6, 4), ir.S(3, 3, 2, 6), ir.S(6)), Attrs: ir.Attrs{{Name: "stride", Value: []int{2}}, {Name: "pads", Value: []int{1, 0, 2, 1}}, {Name: "groups", Value: 2}}},
		{Args: f32Types(ir.NS(4, 3, 5), ir.S(1, 1, 5, 7), ir.S(7))},
		{Args: f32Types(ir.NS(3, 4, 4), ir.S(1, 1, 2, 6)), Attrs: ir.Attrs{{Name: "groups", Value: 2}}, Batch: 1},
		{Args: f32Types(ir.NS(5, 5, 2), ir.S(1, 1, 2, 3)), Attrs: ir.Attrs{{Name: "stride", Value: []int{2}}}},
		{Args: f32Types(ir.NS(7, 6, 3), ir.S(3, 3, 1, 3), ir.S(3)), Attrs: ir.Attrs{{Name: "padding", Value: "same"}, {Name: "dilation", Value: []int{2, 1}}, {Name: "groups", Value: 3}}},
		{Args: f32Types(ir.NS(2, 3, 1), ir.S(2, 2, 1, 2)), Attrs: ir.Attrs{{Name: "pads", Value: []int{3, 2, 0, 4}}, {Name: "stride", Value: []int{3, 2}}}},
		{Args: f32Types(ir.S(2, 6, 5, 2), ir.S(5, 5, 2, 3), ir.S(3)), Attrs: ir.Attrs{{Name: "padding", Value: "same"}}},
		{Args: f32Types(ir.NS(8, 4, 16), ir.S(3, 3, 16, 16), ir.S(16)), Attrs: ir.Attrs{{Name: "padding", Value: "same"}}, Batch: 1},
		{Args: f32Types(ir.NS(3, 5, 17), ir.S(3, 3, 17, 16)), Attrs: ir.Attrs{{Name: "pads", Value: []int{1, 0, 3, 2}}}, Batch: 1},
		{Args: f32Types(ir.NS(5, 6, 2), ir.S(2, 4, 2, 1)), Attrs: ir.Attrs{{Name: "padding", Value: "same_lower"}, {Name: "stride", Value: []int{2, 1}}}, Batch: 1},
	},
}}.operator())
