package ops

import "github.com/dlc-ml/dlc/ir"

var gruKind = recurrentKind{name: "gru", gates: 3, states: 1, copied: []string{"reset_after"}}

// GRU is the gated recurrent unit (Cho et al., 2014).
var GRU = Register(&Operator{
	Name: "gru",
	Doc: "Gated recurrent units over sequences x [N,T,features]. Results: the outputs [N,T,D*H] and the last output [N,D*H], with D directions side by side. " +
		"The blocks of the matrices are the gates r (reset) and z (update) and the candidate n.",
	Formula:  "h' = (1 - z)·n + z·h, n = tanh(x·w_n + b_n + r·(h·u_n + c_n)), or with reset_after=false tanh(x·w_n + b_n + (r·h)·u_n + c_n)",
	Example:  "y, h = frames |> gru(64)",
	Category: "layer",
	Args:     recurrentArgs(3),
	Attrs:    []AttrDef{directionAttr, resetAfter},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		x := make([]*ir.Value, 7)
		copy(x, args)
		if err := wantSequences("gru", x[0]); err != nil {
			return nil, err
		}
		sums, err := b.sums(x[0], x[1], x[3])
		if err != nil {
			return nil, err
		}
		list, given := compact([]*ir.Value{sums, x[2], x[4], x[5], x[6]})
		return b.Ops("gru_steps", "gru", list, append(a, given)...)
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := make([]*Tensor, 7)
		copy(x, args)
		steps := []*Tensor{evalSums(x[0], x[1], x[3]), x[2], x[4], x[5], x[6]}
		return evalGRUSteps(steps, append(a, ir.Attr{Name: "given", Value: []int{}}, ir.Attr{Name: "record", Value: false}))
	},
	Layer: &Layer{
		Doc:      recurrentLayerDoc(3, "r, z, n", "z, r, h", ""),
		Operands: recurrentOperands[:3],
		Attrs:    append(append([]AttrDef{}, recurrentAttrs...), resetAfter),
		Build:    gruKind.build,
	},
	ONNX: ONNX{Name: "GRU", Min: 7, Max: 22, Attrs: map[string]string{"direction": "direction", "reset_after": "linear_before_reset"},
		Note: "gates are reordered from z, r, h and matrices transposed; default activations, no clip"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(3, 5), ir.S(5, 9), ir.S(1, 3, 9))},
		{Args: f32Types(ir.NS(1, 1), ir.S(1, 6), ir.S(2, 1, 3), ir.S(6), ir.S(6)), Attrs: ir.Attrs{{Name: "direction", Value: "bidirectional"}}, Batch: 1},
		{Args: append(append(f32Types(ir.NS(4, 3), ir.S(3, 6), ir.S(1, 2, 6), ir.S(6), ir.S(6)), i32Types(ir.NS())...), f32Types(ir.NS(2))...),
			Attrs: ir.Attrs{{Name: "direction", Value: "reverse"}, {Name: "reset_after", Value: false}}, Data: map[int][]float64{5: {2, 4, 1}}},
	},
})
