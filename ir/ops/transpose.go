package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Transpose permutes axes.
var Transpose = Register(&Operator{
	Name: "transpose",
	Doc: "Permutes the axes: axis i of the result is axis perm[i] of the operand. Axes count from 0, the batch, which must stay first; negative ones count from the end. " +
		"Without perm the axes of an example are reversed.",
	Formula:  "y[i0, i1, …] = x[…], with index perm[k] of x being index k of y",
	Example:  "t = transpose(x, perm=[0, 2, 1])",
	Category: "tensor",
	Spreads:  always,
	Same: func(op *ir.Op) (*ir.Value, string) {
		if slices.IsSorted(permOf(op)) {
			return op.Args[0], "transpose keeps the axes of " + op.Args[0].Name
		}
		if d := op.Args[0].Def; d != nil && d.Kind == "transpose" && slices.IsSorted(composed(d, op)) {
			return d.Args[0], "transpose undoes the one before it"
		}
		return nil, ""
	},
	After: func(before, op *ir.Op) ir.Attrs {
		return ir.Attrs{{Name: "perm", Value: composed(before, op)}}
	},
	Exact: true,
	Args:  []Arg{{Name: "x", Doc: "any shape and element type"}},
	Attrs: []AttrDef{{Name: "perm", Doc: "where each axis of the result comes from; empty reverses all but the batch", Default: []int{}}},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x := args[0]
		if err := wantAny("transpose", "x", x); err != nil {
			return nil, err
		}
		perm := a.Ints("perm")
		if len(perm) == 0 {
			return []ir.Type{ir.T(x.Elem, permuted(x.Shape, permutation(perm, len(x.Shape))))}, nil
		}
		if len(perm) != len(x.Shape) {
			return nil, WithNote(axisNote(x.Shape), "transpose of %s wants %d axes in perm, not %d", x, len(x.Shape), len(perm))
		}
		if _, err := plainAxes("transpose", perm, x.Shape); err != nil {
			return nil, err
		}
		s := permuted(x.Shape, permutation(perm, len(x.Shape)))
		for i, d := range s {
			if i > 0 && !d.Static() {
				return nil, WithNote("begin perm with 0", "transpose with perm=%v moves the batch of %s away from the front", perm, x)
			}
		}
		return []ir.Type{ir.T(x.Elem, s)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[0]
		perm := permutation(a.Ints("perm"), len(x.Shape))
		shape := make([]int, len(perm))
		for i, p := range perm {
			shape[i] = x.Shape[p]
		}
		y, from, n := NewTensor(x.Elem, shape...), make([]int, len(perm)), 0
		eachIndex(shape, func(ix []int) {
			for i, p := range perm {
				from[p] = ix[i]
			}
			y.Data[n] = x.Data[x.at(from)]
			n++
		})
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil}
		}
		perm := permutation(op.Attrs.Ints("perm"), len(op.Args[0].Type.Shape))
		back := make([]int, len(perm))
		for i, p := range perm {
			back[p] = i
		}
		return []*ir.Value{b.Must("transpose", op.Args[0].Name, grads, ir.Attr{Name: "perm", Value: back})}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x, y := l.Buf(op.Args[0]), l.Buf(op.Results[0])
		from := make([]loop.Affine, len(x.Shape))
		for i, p := range permutation(op.Attrs.Ints("perm"), len(x.Shape)) {
			from[p] = loop.Ax(i)
		}
		l.Emit(&loop.Nest{
			Form: loop.Copy, Axes: axesOf(y.Shape), Fold: loop.FoldNone,
			Stores: []loop.Store{storeAt(y, loop.Read(x, from...), plainIndex(len(y.Shape))...)},
		})
	},
	ONNX: ONNX{Name: "Transpose", Min: 1, Max: 25, Attrs: map[string]string{"perm": "perm"}, Note: "the batch stays first, so perm may not be left out"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(3, 5))},
		{Args: f32Types(ir.NS(2, 3, 4)), Attrs: ir.Attrs{{Name: "perm", Value: []int{0, 2, 3, 1}}}, Batch: 2},
		{Args: f32Types(ir.S(3, 2, 5)), Attrs: ir.Attrs{{Name: "perm", Value: []int{-2, 0, 2}}}},
		{Args: f32Types(ir.S(4, 7)), Attrs: ir.Attrs{{Name: "perm", Value: []int{1, 0}}}},
		{Args: f32Types(ir.NS())},
		{Args: f32Types(nil)},
		{Args: []ir.Type{ir.T(ir.I32, ir.NS(2, 2))}, Batch: 1, NoGrad: true, Data: map[int][]float64{0: {1, 2, 3, -4}}},
	},
})

// permutation completes perm for a tensor of that rank: from the end counted from the start, empty as all but axis 0 reversed.
func permutation(perm []int, rank int) []int {
	p := make([]int, rank)
	for i := range p {
		switch {
		case len(perm) > 0:
			p[i] = mustAxis(perm[i], rank)
		case i > 0:
			p[i] = rank - i
		}
	}
	return p
}

// permuted is the shape whose axis i is axis perm[i] of s.
func permuted(s ir.Shape, perm []int) ir.Shape {
	r := make(ir.Shape, len(perm))
	for i, p := range perm {
		r[i] = s[p]
	}
	return r
}

// permOf is the permutation of a transpose.
func permOf(op *ir.Op) []int {
	return permutation(op.Attrs.Ints("perm"), len(op.Args[0].Type.Shape))
}

// composed is the permutation of two transposes, one after the other.
func composed(first, second *ir.Op) []int {
	p, from := slices.Clone(permOf(second)), permOf(first)
	for i, k := range p {
		p[i] = from[k]
	}
	return p
}
