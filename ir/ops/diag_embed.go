package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// DiagEmbed puts elements on a diagonal.
var DiagEmbed = Register(&Operator{
	Name:     "diag_embed",
	Doc:      "Puts an axis of x on the diagonal of two: the result has a new axis as long as it, and zeros where the two have different indices.",
	Formula:  "y[…, i, …, j, …] = x[…, i, …] where i = j, else 0",
	Example:  "covariance = diag_embed(variances)",
	Category: "tensor",
	Exact:    true,
	Args:     []Arg{{Name: "x", Doc: "one axis or more, any element type"}},
	Attrs: []AttrDef{
		{Name: "axis", Doc: "the axis that is doubled, by its number in the result", Default: -2},
		{Name: "at", Doc: "the new axis, by its number in the result", Default: -1},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x := args[0]
		if err := wantAny("diag_embed", "x", x); err != nil {
			return nil, err
		}
		rank := len(x.Shape) + 1
		if _, err := plainAxes("diag_embed", []int{a.Int("axis"), a.Int("at")}, make(ir.Shape, rank)); err != nil || rank < 2 {
			return nil, WithNote("axes are numbered as they are in the result", "diag_embed cannot put an axis %d beside axis %d of %s", a.Int("at"), a.Int("axis"), x)
		}
		axis, at := mustAxis(a.Int("axis"), rank), mustAxis(a.Int("at"), rank)
		s := slices.Insert(slices.Clone(x.Shape), at, ir.D(1))
		if s[at] = s[axis]; !s[axis].Static() || at == 0 && !s[1].Static() {
			return nil, WithNote("axis 0 is the batch", "diag_embed cannot double or move the batch of %s", x)
		}
		if _, ok := s.Elems(); !ok {
			return nil, WithNote("double a shorter axis", "diag_embed would give %s, more than %d elements", s, ir.MaxElems)
		}
		return []ir.Type{ir.T(x.Elem, s)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[0]
		rank := len(x.Shape) + 1
		axis, at := evalAxes([]int{a.Int("axis")}, rank)[0], evalAxes([]int{a.Int("at")}, rank)[0]
		shape := slices.Insert(slices.Clone(x.Shape), at, 0)
		shape[at] = shape[axis]
		y, n := NewTensor(x.Elem, shape...), 0
		eachIndex(shape, func(ix []int) {
			if ix[axis] == ix[at] {
				y.Data[n] = x.Data[x.at(slices.Delete(slices.Clone(ix), at, at+1))]
			}
			n++
		})
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil}
		}
		return []*ir.Value{b.Must("diagonal", op.Args[0].Name, grads, ir.Attr{Name: "axis", Value: op.Attrs.Int("axis")}, ir.Attr{Name: "other", Value: op.Attrs.Int("at")})}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x, y := l.Buf(op.Args[0]), l.Buf(op.Results[0])
		axis, at := mustAxis(op.Attrs.Int("axis"), len(y.Shape)), mustAxis(op.Attrs.Int("at"), len(y.Shape))
		to := slices.Insert(plainIndex(len(x.Shape)), at, loop.Affine{})
		to[at] = to[axis]
		fillWith(l, y, 0)
		l.copyTo(y, to, x, plainIndex(len(x.Shape)), x.Shape)
	},
	Samples: []Sample{
		{Args: f32Types(ir.NS(4))},
		{Args: f32Types(ir.NS(2, 3)), Attrs: ir.Attrs{{Name: "axis", Value: 1}, {Name: "at", Value: 3}}, Batch: 2},
		{Args: f32Types(ir.NS(2, 3)), Attrs: ir.Attrs{{Name: "axis", Value: 3}, {Name: "at", Value: 1}}, Batch: 1},
		{Args: f32Types(ir.S(19))},
		{Args: []ir.Type{ir.T(ir.Bool, ir.S(2))}, Data: map[int][]float64{0: {1, 1}}},
	},
})
