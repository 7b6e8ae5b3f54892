package ops

import "github.com/dlc-ml/dlc/ir"

// Conv3D is the convolution of volumes.
var Conv3D = Register(convolution{axes: 3, Operator: Operator{
	Name: "conv3d",
	Doc: "Convolution of a volume [N,D,H,W,C] with a kernel [kd,kh,kw,C/groups,filters], giving [N,D',H',W',filters]. The kernel is not turned around " +
		"(cross-correlation). Each output is one chain of fused multiply-adds over kd, kh, kw and the channels, in this order; the bias [filters] is added last.",
	Formula: "y[n,h,i,j,f] = bias[f] + Σ x[n, h*stride + t*dilation - front, i*stride + u*dilation - top, j*stride + v*dilation - left, c] * w[t,u,v,c,f]",
	Example: `features = scan |> conv3d(8, kernel=3, padding="same")`,
	Samples: []Sample{
		{Args: f32Types(ir.NS(3, 4, 3, 2), ir.S(2, 3, 2, 2, 3)), Batch: 2},
		{Args: f32Types(ir.NS(4, 3, 5, 2), ir.S(3, 2, 3, 1, 4), ir.S(4)), Attrs: ir.Attrs{{Name: "groups", Value: 2}, {Name: "padding", Value: "same"}, {Name: "stride", Value: []int{2, 1, 2}}}, Batch: 1},
		{Args: f32Types(ir.NS(3, 3, 4, 1), ir.S(2, 2, 2, 1, 2)), Attrs: ir.Attrs{{Name: "dilation", Value: []int{1, 2, 1}}, {Name: "pads", Value: []int{1, 0, 0, 0, 2, 1}}}, Batch: 1},
		{Args: f32Types(ir.NS(2, 3, 2, 3), ir.S(1, 1, 1, 3, 5), ir.S(5)), Batch: 1},
	},
}}.operator())
