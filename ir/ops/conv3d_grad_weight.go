package ops

import "github.com/dlc-ml/dlc/ir"

// Conv3DGradWeight is the gradient of conv3d with respect to its kernel.
var Conv3DGradWeight = Register(convolutionGradWeight{
	axes:    3,
	formula: "dw[t,u,v,c,f] = Σ x[n, h*stride + t*dilation - front, i*stride + u*dilation - top, j*stride + v*dilation - left, c] * dy[n,h,i,j,f]",
	samples: []Sample{
		{Args: f32Types(ir.NS(3, 4, 3, 2), ir.NS(2, 2, 2, 3)), Attrs: ir.Attrs{{Name: "kernel", Value: []int{2, 3, 2}}}, Batch: 2},
		{Args: f32Types(ir.NS(3, 4, 3, 2), ir.NS(2, 3, 2, 4)), Attrs: ir.Attrs{{Name: "kernel", Value: []int{3, 2, 1}}, {Name: "stride", Value: []int{2, 1, 2}}, {Name: "pads", Value: []int{1, 0, 0, 1, 0, 0}}, {Name: "groups", Value: 2}}, Batch: 1},
	},
}.operator())
