package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// lengthsArg is how many steps of each example count.
var lengthsArg = Arg{Name: "lengths", Doc: "i32[N], how many steps of each example count"}

// SequenceMask tells which steps of each example count.
var SequenceMask = Register(&Operator{
	Name:     "sequence_mask",
	Doc:      "Which of T steps of each example count: truth values [N,T] from lengths i32[N].",
	Formula:  "y[n, t] = t < lengths[n]",
	Example:  "mask = sequence_mask(T, steps=200)",
	Category: "tensor",
	Args:     []Arg{lengthsArg},
	Attrs:    []AttrDef{{Name: "steps", Doc: "T", Kind: 0}},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := wantLengths("sequence_mask", args[0], nil); err != nil {
			return nil, err
		}
		s := ir.Shape{args[0].Shape[0], ir.D(a.Int("steps"))}
		if _, ok := s.Elems(); !ok || a.Int("steps") < 1 {
			return nil, WithNote("steps is the extent of the axis that the lengths are about", "sequence_mask cannot have %d steps", a.Int("steps"))
		}
		return []ir.Type{ir.T(ir.Bool, s)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		y := NewTensor(ir.Bool, args[0].Shape[0], a.Int("steps"))
		for i := range y.Data {
			if float64(i%y.Shape[1]) < args[0].Data[i/y.Shape[1]] {
				y.Data[i] = 1
			}
		}
		return []*Tensor{y}
	},
	NoGrad: "it is made of whole numbers",
	Lower: func(l *Lowering, op *ir.Op) {
		live := loop.E(loop.Less, loop.IndexOf(loop.Ax(1)), loop.Read(l.Buf(op.Args[0]), loop.Ax(0)))
		l.mapOver(l.Buf(op.Results[0]), choose(live, loop.I(1), loop.I(0)))
	},
	Samples: []Sample{
		{Args: i32Types(ir.NS()), Attrs: ir.Attrs{{Name: "steps", Value: 4}}, Data: map[int][]float64{0: {0, 3, 9}}},
		{Args: i32Types(ir.NS()), Attrs: ir.Attrs{{Name: "steps", Value: 1}}, Data: map[int][]float64{0: {1}}, Batch: 1},
		{Args: i32Types(ir.S(2)), Attrs: ir.Attrs{{Name: "steps", Value: 13}}, Data: map[int][]float64{0: {-1, 12}}},
	},
})

// wantLengths checks an operand of lengths, and that x, where given, is a tensor [N,T,..] of as many examples.
func wantLengths(kind string, lengths ir.Type, x *ir.Type) error {
	if lengths.Elem != ir.I32 || len(lengths.Shape) != 1 {
		return WithNote("an input with an extent such as T<=200 brings them with it, as T", "%s needs lengths i32[N], not %v", kind, lengths)
	}
	if x == nil {
		return nil
	}
	if len(x.Shape) < 2 || !x.Shape[1].Static() {
		return WithNote("reshape gives each example the form [T,features]", "%s needs steps [N,T,..], not %v", kind, *x)
	}
	if x.Shape[0] != lengths.Shape[0] {
		return fmt.Errorf("%s has %v examples, but lengths of %v", kind, x.Shape[0], lengths.Shape[0])
	}
	return nil
}
