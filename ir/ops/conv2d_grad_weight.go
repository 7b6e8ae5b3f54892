package ops

import "github.com/dlc-ml/dlc/ir"

// Conv2DGradWeight is the gradient of conv2d with respect to its kernel.
var Conv2DGradWeight = Register(convolutionGradWeight{
	axes:    2,
	formula: "dw[u,v,c,f] = Σ x[n, i*stride + u*dilation - top, j*stride + v*dilation - left, c] * dy[n,i,j,f]",
	samples: []Sample{
		{Args: f32Types(ir.NS(5, 5, 1), ir.NS(3, 3, 2)), Attrs: ir.Attrs{{Name: "kernel", Value: []int{3, 3}}}},
		{Args: f32Types(ir.NS(8, 4, 3), ir.NS(3, 3, 4)), Attrs: ir.Attrs{{Name: "kernel", Value: []int{3, 2}}, {Name: "stride", Value: []int{2, 1}}}, Batch: 1},
		{Args: f32Types(ir.NS(5, 6, 4), ir.NS(3, 3, 6)), Attrs: ir.Attrs{{Name: "kernel", Value: []int{3, 3}}, {Name: "stride", Value: []int{2}}, {Name: "pads", Value: []int{1, 0, 2, 1}}, {Name: "groups", Value: 2}}},
		{Args: f32Types(ir.NS(4, 3, 5), ir.NS(4, 3, 7)), Attrs: ir.Attrs{{Name: "kernel", Value: []int{1, 1}}}},
		{Args: f32Types(ir.NS(4, 3, 4), ir.NS(4, 3, 6)), Attrs: ir.Attrs{{Name: "kernel", Value: []int{1, 1}}, {Name: "groups", Value: 2}}},
		{Args: f32Types(ir.NS(7, 6, 3), ir.NS(7, 6, 3)), Attrs: ir.Attrs{{Name: "kernel", Value: []int{3, 3}}, {Name: "pads", Value: []int{2, 1, 2, 1}}, {Name: "dilation", Value: []int{2, 1}}, {Name: "groups", Value: 3}}},
	},
}.operator())
