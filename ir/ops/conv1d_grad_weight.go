package ops

import "github.com/dlc-ml/dlc/ir"

// Conv1DGradWeight is the gradient of conv1d with respect to its kernel.
var Conv1DGradWeight = Register(convolutionGradWeight{
	axes:    1,
	formula: "dw[u,c,f] = Σ x[n, i*stride + u*dilation - before, c] * dy[n,i,f]",
	samples: []Sample{
		{Args: f32Types(ir.NS(7, 2), ir.NS(5, 5)), Attrs: ir.Attrs{{Name: "kernel", Value: []int{3}}}},
		{Args: f32Types(ir.NS(8, 4), ir.NS(4, 6)), Attrs: ir.Attrs{{Name: "kernel", Value: []int{2}}, {Name: "stride", Value: 2}, {Name: "groups", Value: 2}}, Batch: 1},
		{Args: f32Types(ir.NS(4, 2), ir.NS(4, 3)), Attrs: ir.Attrs{{Name: "kernel", Value: []int{1}}}},
	},
}.operator())
