package ops

import "github.com/dlc-ml/dlc/ir"

// Conv1DGradInput is the gradient of conv1d with respect to its input.
var Conv1DGradInput = Register(convolutionGradInput{
	axes:    1,
	formula: "dx[n,i,c] = Σ dy[n,x,f] * w[u,c,f] over all x*stride + u*dilation - before = i",
	samples: []Sample{
		{Args: f32Types(ir.NS(5, 5), ir.S(3, 2, 5)), Attrs: ir.Attrs{{Name: "size", Value: []int{7}}}},
		{Args: f32Types(ir.NS(4, 6), ir.S(2, 2, 6)), Attrs: ir.Attrs{{Name: "size", Value: []int{8}}, {Name: "stride", Value: 2}, {Name: "groups", Value: 2}}, Batch: 1},
		{Args: f32Types(ir.NS(6, 3), ir.S(3, 1, 3)), Attrs: ir.Attrs{{Name: "size", Value: []int{8}}, {Name: "pads", Value: []int{2, 0}}, {Name: "dilation", Value: 2}, {Name: "groups", Value: 3}}},
		{Args: f32Types(ir.NS(4, 3), ir.S(1, 2, 3)), Attrs: ir.Attrs{{Name: "size", Value: []int{4}}}},
	},
}.operator())
