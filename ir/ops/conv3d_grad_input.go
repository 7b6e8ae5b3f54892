package ops

import "github.com/dlc-ml/dlc/ir"

// Conv3DGradInput is the gradient of conv3d with respect to its input.
var Conv3DGradInput = Register(convolutionGradInput{
	axes:    3,
	formula: "dx[n,h,i,j,c] = Σ dy[n,z,y,x,f] * w[t,u,v,c,f] over all z*stride + t*dilation - front = h, y*stride + u*dilation - top = i, x*stride + v*dilation - left = j",
	samples: []Sample{
		{Args: f32Types(ir.NS(2, 2, 2, 3), ir.S(2, 3, 2, 2, 3)), Attrs: ir.Attrs{{Name: "size", Value: []int{3, 4, 3}}}, Batch: 2},
		{Args: f32Types(ir.NS(2, 3, 2, 4), ir.S(3, 2, 1, 1, 4)), Attrs: ir.Attrs{{Name: "size", Value: []int{3, 4, 3}}, {Name: "stride", Value: []int{2, 1, 2}}, {Name: "pads", Value: []int{1, 0, 0, 1, 0, 0}}, {Name: "groups", Value: 2}}, Batch: 1},
	},
}.operator())
