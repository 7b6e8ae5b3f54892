package ops

import "github.com/dlc-ml/dlc/ir"

var forgetBias = AttrDef{Name: "forget_bias", Doc: "added to the sum of the forget gate; 1 lets a new network remember", Default: 0.0}

var lstmKind = recurrentKind{name: "lstm", gates: 4, states: 2, copied: []string{"forget_bias"}}

// LSTM is long short-term memory (Hochreiter and Schmidhuber, 1997), with the forget gate of Gers et al. (2000) and, where wanted, their peepholes.
var LSTM = Register(&Operator{
	Name: "lstm",
	Doc: "Long short-term memory over sequences x [N,T,features]. Results: the outputs [N,T,D*H], and the last output and cell [N,D*H], with D directions side by side. " +
		"The blocks of the matrices are the gates i (input), f (forget), g (cell) and o (output).",
	Formula:  "c' = σ(f)·c + σ(i)·tanh(g), h' = σ(o)·tanh(c'), [i f g o] = x·weight + bias + h·recurrent_weight + recurrent_bias",
	Example:  "y, h, c = frames |> lstm(128, bidirectional=true)",
	Category: "layer",
	Args: append(recurrentArgs(4), Arg{Name: "initial_c", Doc: "f32[N,D*H], the cells before the first step", Optional: true},
		Arg{Name: "peephole", Doc: "f32[D,3H], weights from the cell to the gates i, f and, from the new cell, o", Optional: true}),
	Attrs: []AttrDef{directionAttr, forgetBias},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		x := make([]*ir.Value, 9)
		copy(x, args)
		if err := wantSequences("lstm", x[0]); err != nil {
			return nil, err
		}
		sums, err := b.sums(x[0], x[1], x[3], x[4])
		if err != nil {
			return nil, err
		}
		list, given := compact([]*ir.Value{sums, x[2], x[5], x[6], x[7], x[8]})
		return b.Ops("lstm_steps", "lstm", list, append(a, given)...)
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := make([]*Tensor, 9)
		copy(x, args)
		steps := []*Tensor{evalSums(x[0], x[1], x[3], x[4]), x[2], x[5], x[6], x[7], x[8]}
		return evalLSTMSteps(steps, append(a, ir.Attr{Name: "given", Value: []int{}}, ir.Attr{Name: "record", Value: false}))
	},
	Layer: &Layer{
		Doc: recurrentLayerDoc(4, "the gates i, f, g, o", "i, o, f, c",
			"; peepholes=true adds peephole [D,3H] for i, f, o (ONNX's P has i, o, f)"),
		Operands: recurrentOperands,
		Attrs:    append(append([]AttrDef{}, recurrentAttrs...), AttrDef{Name: "peepholes", Doc: "whether gates see the cell", Default: false}, forgetBias),
		Build:    lstmKind.build,
	},
	ONNX: ONNX{Name: "LSTM", Min: 7, Max: 22, Attrs: map[string]string{"direction": "direction"},
		Note: "gates are reordered from i, o, f, c and matrices transposed; default activations, no clip, no input_forget"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(3, 5), ir.S(5, 12), ir.S(1, 3, 12))},
		{Args: f32Types(ir.NS(1, 1), ir.S(1, 8), ir.S(2, 1, 4), ir.S(8), ir.S(8)), Attrs: ir.Attrs{{Name: "direction", Value: "bidirectional"}}, Batch: 1},
		{Args: append(append(f32Types(ir.NS(4, 3), ir.S(3, 8), ir.S(1, 2, 8), ir.S(8), ir.S(8)), i32Types(ir.NS())...), f32Types(ir.NS(2), ir.NS(2), ir.S(1, 6))...),
			Attrs: ir.Attrs{{Name: "direction", Value: "reverse"}, {Name: "forget_bias", Value: 1.0}}, Data: map[int][]float64{5: {2, 4, 1}}},
	},
})
