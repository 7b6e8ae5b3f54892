package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Concat joins tensors along an axis.
var Concat = Register(&Operator{
	Name:     "concat",
	Doc:      "Joins tensors along one axis, in order; their other extents are the same. Pass fusion lets what makes an operand write straight into its place.",
	Formula:  "y[…, offset_k + i, …] = x_k[…, i, …]",
	Example:  "both = concat(left, right, axis=-1)",
	Category: "tensor",
	Exact:    true,
	Args:     []Arg{{Name: "x", Doc: "tensors of one element type that differ along axis only", Variadic: true}},
	Attrs:    []AttrDef{{Name: "axis", Doc: "the axis to join along, from 0, the batch, or from -1, the last; not the batch", Default: -1}},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		first := args[0]
		axis, err := plainAxis("concat", a.Int("axis"), first.Shape)
		if err != nil {
			return nil, err
		}
		s := slices.Clone(first.Shape)
		if !s[axis].Static() {
			return nil, WithNote("join along another axis, or give each tensor an axis of its own with stack", "concat cannot join %s along the batch: examples are independent", first)
		}
		total := 0
		for _, t := range args {
			if err := wantAny("concat", "x", t); err != nil {
				return nil, err
			}
			if len(t.Shape) == len(s) && t.Shape[axis].Static() {
				s[axis] = t.Shape[axis]
			}
			if !t.Equal(ir.T(first.Elem, s)) {
				return nil, WithNote("operands have one element type, and the same extents but along axis", "concat along axis %d cannot join %s and %s", axis, first, t)
			}
			if total += s[axis].Size; total > ir.MaxElems {
				break
			}
		}
		s[axis] = ir.D(total)
		if _, ok := s.Elems(); !ok || total > ir.MaxElems {
			return nil, WithNote("join fewer tensors", "concat along axis %d of %d tensors would have more than %d elements", axis, len(args), ir.MaxElems)
		}
		return []ir.Type{ir.T(first.Elem, s)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		axis := evalAxes([]int{a.Int("axis")}, len(args[0].Shape))[0]
		// A tensor is a list of blocks, one for each index before the axis; a block of the result is one of each operand.
		blocks := 1
		for _, d := range args[0].Shape[:axis] {
			blocks *= d
		}
		y := &Tensor{Elem: args[0].Elem, Shape: slices.Clone(args[0].Shape)}
		y.Shape[axis] = 0
		for _, x := range args {
			y.Shape[axis] += x.Shape[axis]
		}
		for b := range blocks {
			for _, x := range args {
				n := len(x.Data) / blocks
				y.Data = append(y.Data, x.Data[b*n:(b+1)*n]...)
			}
		}
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		list := make([]*ir.Value, len(op.Args))
		if grads[0] == nil {
			return list
		}
		axis, at := mustAxis(op.Attrs.Int("axis"), len(op.Args[0].Type.Shape)), 0
		for i, x := range op.Args {
			n := x.Type.Shape[axis].Size
			list[i] = b.cut(x.Name, grads[0], axis, at, at+n)
			at += n
		}
		return list
	},
	Lower: func(l *Lowering, op *ir.Op) {
		y := l.Buf(op.Results[0])
		axis, at := mustAxis(op.Attrs.Int("axis"), len(y.Shape)), 0
		for _, v := range op.Args {
			x := l.Buf(v)
			to := plainIndex(len(x.Shape))
			to[axis].Const = at
			at += x.Shape[axis].Size
			l.copyTo(y, to, x, plainIndex(len(x.Shape)), x.Shape)
		}
	},
	ONNX: ONNX{Name: "Concat", Min: 1, Max: 25, Attrs: map[string]string{"axis": "axis"}},
	Samples: []Sample{
		{Args: f32Types(ir.NS(3), ir.NS(5))},
		{Args: f32Types(ir.NS(2, 3), ir.NS(1, 3), ir.NS(4, 3)), Attrs: ir.Attrs{{Name: "axis", Value: 1}}, Batch: 1},
		{Args: f32Types(ir.S(2, 3), ir.S(1, 3)), Attrs: ir.Attrs{{Name: "axis", Value: 0}}},
		{Args: f32Types(ir.NS(3, 2, 5), ir.NS(3, 7, 5)), Attrs: ir.Attrs{{Name: "axis", Value: -2}}, Batch: 2},
		{Args: f32Types(ir.NS(4))},
		{Args: f32Types(ir.S(1), ir.S(1), ir.S(1), ir.S(17))},
		{Args: []ir.Type{ir.T(ir.I32, ir.S(2)), ir.T(ir.I32, ir.S(3))}, Data: map[int][]float64{0: {1, -2}, 1: {3, 4, 5}}},
		{Args: []ir.Type{ir.T(ir.Bool, ir.NS(1)), ir.T(ir.Bool, ir.NS(2))}, Batch: 2, Data: map[int][]float64{0: {1, 0}, 1: {0, 1, 1, 0}}},
	},
})

// copyTo emits a copy over axes of shape s: the element of src at from goes to dst at to.
func (l *Lowering) copyTo(dst *loop.Buffer, to []loop.Affine, src *loop.Buffer, from []loop.Affine, s ir.Shape) {
	l.Emit(&loop.Nest{
		Form: loop.Copy, Name: dst.Name, Axes: axesOf(s), Fold: loop.FoldNone,
		Stores: []loop.Store{storeAt(dst, loop.Read(src, from...), to...)},
	})
}

// cut takes the elements from first to last, which it leaves out, along one axis of x.
func (b *Builder) cut(name string, x *ir.Value, axis, first, last int) *ir.Value {
	if first == 0 && x.Type.Shape[axis] == ir.D(last) {
		return x
	}
	return b.Must("slice", name, []*ir.Value{x}, ir.Attr{Name: "starts", Value: []int{first}}, ir.Attr{Name: "ends", Value: []int{last}},
		ir.Attr{Name: "axes", Value: []int{axis}})
}
