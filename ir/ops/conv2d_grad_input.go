package ops

import "github.com/dlc-ml/dlc/ir"

// Conv2DGradInput is the gradient of conv2d with respect to its input.
var Conv2DGradInput = Register(convolutionGradInput{
	axes:    2,
	formula: "dx[n,i,j,c] = Σ dy[n,y,x,f] * w[u,v,c,f] over all y*stride + u*dilation - top = i, x*stride + v*dilation - left = j",
	samples: []Sample{
		{Args: f32Types(ir.NS(3, 3, 2), ir.S(3, 3, 1, 2)), Attrs: ir.Attrs{{Name: "size", Value: []int{5, 5}}}},
		{Args: f32Types(ir.NS(3, 3, 4), ir.S(3, 2, 3, 4)), Attrs: ir.Attrs{{Name: "size", Value: []int{8, 4}}, {Name: "stride", Value: []int{2, 1}}}, Batch: 1},
		{Args: f32Types(ir.NS(3, 3, 6), ir.S(3, 3, 2, 6)), Attrs: ir.Attrs{{Name: "size", Value: []int{5, 6}}, {Name: "stride", Value: []int{2}}, {Name: "pads", Value: []int{1, 0, 2, 1}}, {Name: "groups", Value: 2}}},
		{Args: f32Types(ir.NS(4, 3, 7), ir.S(1, 1, 5, 7)), Attrs: ir.Attrs{{Name: "size", Value: []int{4, 3}}}},
		{Args: f32Types(ir.NS(3, 3, 3), ir.S(1, 1, 2, 3)), Attrs: ir.Attrs{{Name: "size", Value: []int{5, 6}}, {Name: "stride", Value: []int{2}}}},
		{Args: f32Types(ir.NS(7, 6, 3), ir.S(3, 3, 1, 3)), Attrs: ir.Attrs{{Name: "size", Value: []int{7, 6}}, {Name: "pads", Value: []int{2, 1, 2, 1}}, {Name: "dilation", Value: []int{2, 1}}, {Name: "groups", Value: 3}}},
		{Args: f32Types(ir.NS(2, 4, 2), ir.S(2, 2, 1, 2)), Attrs: ir.Attrs{{Name: "size", Value: []int{2, 3}}, {Name: "pads", Value: []int{3, 2, 0, 4}}, {Name: "stride", Value: []int{3, 2}}}},
		{Args: f32Types(ir.NS(3, 4, 2), ir.S(4, 4, 3, 2)), Attrs: ir.Attrs{{Name: "size", Value: []int{6, 8}}, {Name: "pads", Value: []int{1, 1, 1, 1}}, {Name: "stride", Value: []int{2}}}},
		// So many phases that one side is spread out.
		{Args: f32Types(ir.NS(2, 2, 2), ir.S(4, 4, 1, 2)), Attrs: ir.Attrs{{Name: "size", Value: []int{17, 17}}, {Name: "pads", Value: []int{1, 1, 1, 1}}, {Name: "stride", Value: []int{7}}, {Name: "dilation", Value: []int{3}}}, Batch: 1},
	},
}.operator())
