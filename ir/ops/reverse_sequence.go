package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// ReverseSequence turns the steps of each example around.
var ReverseSequence = Register(&Operator{
	Name: "reverse_sequence",
	Doc: "The steps of each example in reverse order: the last one that counts comes first. Those behind it stay where they are. What a layer that walks the result from the start " +
		"sees is what one with reverse=true sees.",
	Formula:  "y[n, t, ..] = x[n, lengths[n]-1-t, ..] for t < lengths[n], else x[n, t, ..]",
	Example:  "backwards = reverse_sequence(frames, T)",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "[N,T,..], any element type"}, lengthsArg},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := wantElem("reverse_sequence", "x", args[0], everyElem...); err != nil {
			return nil, err
		}
		if err := wantLengths("reverse_sequence", args[1], &args[0]); err != nil {
			return nil, err
		}
		return args[:1], nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, lengths := args[0], args[1]
		y, n := NewTensor(x.Elem, x.Shape...), 0
		eachIndex(x.Shape, func(ix []int) {
			from := slices.Clone(ix)
			if last := min(int(lengths.Data[ix[0]]), x.Shape[1]) - 1; ix[1] <= last {
				from[1] = last - ix[1]
			}
			y.Data[n] = x.Data[x.at(from)]
			n++
		})
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil, nil}
		}
		return []*ir.Value{b.Must("reverse_sequence", op.Args[0].Name+".grad", []*ir.Value{grads[0], op.Args[1]}), nil}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x, y := l.Buf(op.Args[0]), l.Buf(op.Results[0])
		at := plainIndex(len(x.Shape))
		step := loop.IndexOf(loop.Ax(1))
		last := loop.E(loop.Sub, loop.E(loop.Min, loop.Read(l.Buf(op.Args[1]), loop.Ax(0)), loop.I(x.Shape[1].Size)), loop.I(1))
		from := choose(loop.E(loop.LessEq, step, last), minus(last, step), step)
		read := loop.Read(x, at...)
		read.From.Index = slices.Clone(at)
		read.From.Index[1] = loop.At(0)
		read.From.Dyn = make([]*loop.Expr, len(at))
		read.From.Dyn[1] = from
		l.Emit(&loop.Nest{Form: loop.Gather, Name: y.Name, Axes: axesOf(x.Shape), Fold: loop.FoldNone, Stores: []loop.Store{storeAt(y, read, at...)}})
	},
	ONNX: ONNX{Name: "ReverseSequence", Min: 10, Max: 25, Note: "batch_axis and time_axis are brought to 0 and 1 by transposes"},
	Samples: []Sample{
		{Args: append(f32Types(ir.NS(4, 3)), i32Types(ir.NS())...), Data: map[int][]float64{1: {2, 4, 1}}},
		{Args: append(f32Types(ir.NS(5)), i32Types(ir.NS())...), Data: map[int][]float64{1: {0, 9, 3}}},
		{Args: append(f32Types(ir.NS(1, 2, 9)), i32Types(ir.NS())...), Data: map[int][]float64{1: {1}}, Batch: 1},
		{Args: i32Types(ir.S(2, 3), ir.S(2)), Data: map[int][]float64{0: {1, 2, 3, 4, 5, 6}, 1: {3, 2}}, NoGrad: true},
	},
})
