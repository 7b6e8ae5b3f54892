package ops

import "github.com/dlc-ml/dlc/ir"

var rnnKind = recurrentKind{name: "rnn", gates: 1, states: 1, copied: []string{"activation"}}

// RNN is the simple recurrent layer (Elman, Finding Structure in Time, 1990).
var RNN = Register(&Operator{
	Name:     "rnn",
	Doc:      "The simple recurrent layer over sequences x [N,T,features]. Results: the outputs [N,T,D*H] and the last output [N,D*H], with D directions side by side.",
	Formula:  "h' = tanh(x·weight + bias + h·recurrent_weight + recurrent_bias)",
	Example:  "y = tokens |> rnn(64)",
	Category: "layer",
	Args:     recurrentArgs(1),
	Attrs:    []AttrDef{directionAttr, rnnActivation},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		x := make([]*ir.Value, 7)
		copy(x, args)
		if err := wantSequences("rnn", x[0]); err != nil {
			return nil, err
		}
		sums, err := b.sums(x[0], x[1], x[3], x[4])
		if err != nil {
			return nil, err
		}
		list, given := compact([]*ir.Value{sums, x[2], x[5], x[6]})
		return b.Ops("rnn_steps", "rnn", list, append(a, given)...)
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := make([]*Tensor, 7)
		copy(x, args)
		steps := []*Tensor{evalSums(x[0], x[1], x[3], x[4]), x[2], x[5], x[6]}
		return evalRNNSteps(steps, append(a, ir.Attr{Name: "given", Value: []int{}}, ir.Attr{Name: "record", Value: false}))
	},
	Layer: &Layer{
		Doc:      recurrentLayerDoc(1, "one: the sum", "the same one", ""),
		Operands: recurrentOperands[:3],
		Attrs:    append(append([]AttrDef{}, recurrentAttrs...), rnnActivation),
		Build:    rnnKind.build,
	},
	ONNX: ONNX{Name: "RNN", Min: 7, Max: 22, Attrs: map[string]string{"direction": "direction", "activation": "activations"}, Note: "matrices transposed; tanh or relu, no clip"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(3, 5), ir.S(5, 3), ir.S(1, 3, 3))},
		{Args: f32Types(ir.NS(1, 1), ir.S(1, 2), ir.S(2, 1, 1), ir.S(2), ir.S(2)), Attrs: ir.Attrs{{Name: "direction", Value: "bidirectional"}}, Batch: 1},
		{Args: append(append(f32Types(ir.NS(4, 3), ir.S(3, 5), ir.S(1, 5, 5), ir.S(5), ir.S(5)), i32Types(ir.NS())...), f32Types(ir.NS(5))...),
			Attrs: ir.Attrs{{Name: "direction", Value: "reverse"}}, Data: map[int][]float64{5: {2, 4, 1}}},
	},
})
