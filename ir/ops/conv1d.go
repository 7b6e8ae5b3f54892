package ops

import "github.com/dlc-ml/dlc/ir"

// Conv1D is the convolution of sequences.
var Conv1D = Register(convolution{axes: 1, Operator: Operator{
	Name: "conv1d",
	Doc: "Convolution of a sequence [N,L,C] with a kernel [k,C/groups,filters], giving [N,L',filters]. The kernel is not turned around " +
		"(cross-correlation). Each output is one chain of fused multiply-adds over the taps and the channels, in this order; the bias [filters] is added last.",
	Formula: "y[n,i,f] = bias[f] + Σ x[n, i*stride + u*dilation - before, c] * w[u,c,f]",
	Example: `features = sound |> conv1d(16, kernel=5, stride=2)`,
	Samples: []Sample{
		{Args: f32Types(ir.NS(7, 2), ir.S(3, 2, 5))},
		{Args: f32Types(ir.NS(9, 4), ir.S(2, 2, 6), ir.S(6)), Attrs: ir.Attrs{{Name: "groups", Value: 2}, {Name: "padding", Value: "same"}, {Name: "stride", Value: 2}}, Batch: 1},
		{Args: f32Types(ir.NS(8, 3), ir.S(3, 1, 3)), Attrs: ir.Attrs{{Name: "groups", Value: 3}, {Name: "dilation", Value: 2}, {Name: "pads", Value: []int{4, 0}}}},
		{Args: f32Types(ir.NS(4, 5), ir.S(1, 5, 9), ir.S(9))},
		{Args: f32Types(ir.NS(5, 1), ir.S(4, 1, 1)), Attrs: ir.Attrs{{Name: "padding", Value: "same_lower"}}},
		{Args: f32Types(ir.S(2, 5, 3), ir.S(2, 3, 2)), Attrs: ir.Attrs{{Name: "stride", Value: 3}}},
	},
}}.operator())
