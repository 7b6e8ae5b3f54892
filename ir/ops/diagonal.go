package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Diagonal takes the elements at which two axes have the same index.
var Diagonal = Register(&Operator{
	Name:     "diagonal",
	Doc:      "The elements at which two axes of one extent have the same index. The result lacks the second of the two.",
	Formula:  "y[…, i, …] = x[…, i, …, i, …]",
	Example:  "variances = diagonal(covariance)",
	Category: "tensor",
	Exact:    true,
	Args:     []Arg{{Name: "x", Doc: "two axes or more, any element type"}},
	Attrs: []AttrDef{
		{Name: "axis", Doc: "the axis that stays", Default: -2},
		{Name: "other", Doc: "the axis that goes", Default: -1},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x := args[0]
		if err := wantAny("diagonal", "x", x); err != nil {
			return nil, err
		}
		axes, err := plainAxes("diagonal", []int{a.Int("axis"), a.Int("other")}, x.Shape)
		if err != nil {
			return nil, err
		}
		if d := x.Shape[axes[0]]; d != x.Shape[axes[1]] || !d.Static() {
			return nil, WithNote("slice makes axes of one extent", "diagonal of %s needs two axes of one known extent, not %s and %s", x, d, x.Shape[axes[1]])
		}
		return []ir.Type{ir.T(x.Elem, dropAxes(x.Shape, []int{mustAxis(a.Int("other"), len(x.Shape))}, false))}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[0]
		axis, other := evalAxes([]int{a.Int("axis")}, len(x.Shape))[0], evalAxes([]int{a.Int("other")}, len(x.Shape))[0]
		y := &Tensor{Elem: x.Elem, Shape: slices.Delete(slices.Clone(x.Shape), other, other+1)}
		n := 0
		var at []int
		eachIndex(x.Shape, func(ix []int) {
			if ix[axis] == ix[other] {
				at = append(at, n)
			}
			n++
		})
		for _, i := range at {
			y.Data = append(y.Data, x.Data[i])
		}
		if other > axis {
			return []*Tensor{y}
		}
		// The axis that stays is the later one: the elements came in the order of the earlier.
		z, n := NewTensor(x.Elem, y.Shape...), 0
		eachIndex(y.Shape, func(ix []int) {
			from := slices.Insert(slices.Clone(ix), other, ix[axis-1])
			z.Data[n] = x.Data[x.at(from)]
			n++
		})
		return []*Tensor{z}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil}
		}
		rank := len(op.Args[0].Type.Shape)
		return []*ir.Value{b.Must("diag_embed", op.Args[0].Name+".grad", grads, ir.Attr{Name: "axis", Value: mustAxis(op.Attrs.Int("axis"), rank)},
			ir.Attr{Name: "at", Value: mustAxis(op.Attrs.Int("other"), rank)})}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x, y := l.Buf(op.Args[0]), l.Buf(op.Results[0])
		axis, other := mustAxis(op.Attrs.Int("axis"), len(x.Shape)), mustAxis(op.Attrs.Int("other"), len(x.Shape))
		from := slices.Insert(plainIndex(len(y.Shape)), other, loop.Affine{})
		from[other] = from[axis]
		l.copyTo(y, plainIndex(len(y.Shape)), x, from, y.Shape)
	},
	ONNX: ONNX{Note: "Einsum ii->i"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(4, 4))},
		{Args: f32Types(ir.NS(3, 2, 3)), Attrs: ir.Attrs{{Name: "axis", Value: 3}, {Name: "other", Value: 1}}, Batch: 2},
		{Args: f32Types(ir.NS(3, 2, 3)), Attrs: ir.Attrs{{Name: "axis", Value: 1}, {Name: "other", Value: 3}}, Batch: 1},
		{Args: f32Types(ir.S(17, 17))},
		{Args: []ir.Type{ir.T(ir.I32, ir.S(2, 2))}, Data: map[int][]float64{0: {1, 2, 3, 4}}},
	},
})
