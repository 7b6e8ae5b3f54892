package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// Split cuts a tensor into several.
var Split = Register(&Operator{
	Name:     "split",
	Doc:      "Cuts x along one axis into parts: as many equal ones as parts says (the last may be shorter), or parts of the given sizes. It is what concat joins again.",
	Formula:  "y_k[…, i, …] = x[…, offset_k + i, …]",
	Example:  "query, key, value = split(x, 3)",
	Category: "tensor",
	Exact:    true,
	Together: true,
	Args:     []Arg{{Name: "x", Doc: "any shape and element type"}},
	Attrs: []AttrDef{
		{Name: "parts", Doc: "how many parts, each as long as the extent divided by it and rounded up; 0 where sizes says it", Default: 0},
		{Name: "axis", Doc: "the axis to cut, from 0, the batch, or from -1, the last; not the batch", Default: -1},
		{Name: "sizes", Doc: "the extent of each part; they add up to that of x", Default: []int{}},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x := args[0]
		if err := wantAny("split", "x", x); err != nil {
			return nil, err
		}
		axis, err := plainAxis("split", a.Int("axis"), x.Shape)
		if err != nil {
			return nil, err
		}
		if !x.Shape[axis].Static() {
			return nil, WithNote("cut along another axis", "split cannot cut %s along the batch: its extent is known only at run time", x)
		}
		sizes, err := splitSizes(x.Shape[axis].Size, a.Int("parts"), a.Ints("sizes"))
		if err != nil {
			return nil, err
		}
		list := make([]ir.Type, len(sizes))
		for i, n := range sizes {
			s := slices.Clone(x.Shape)
			s[axis] = ir.D(n)
			list[i] = ir.T(x.Elem, s)
		}
		return list, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[0]
		axis := evalAxes([]int{a.Int("axis")}, len(x.Shape))[0]
		var list []*Tensor
		for first, k := 0, 0; first < x.Shape[axis]; k++ {
			n := 0
			if sizes := a.Ints("sizes"); len(sizes) > 0 {
				n = sizes[k]
			} else {
				for n*a.Int("parts") < x.Shape[axis] {
					n++
				}
				n = min(n, x.Shape[axis]-first)
			}
			shape := slices.Clone(x.Shape)
			shape[axis] = n
			y, to := NewTensor(x.Elem, shape...), 0
			eachIndex(shape, func(ix []int) {
				ix[axis] += first
				y.Data[to] = x.Data[x.at(ix)]
				ix[axis] -= first
				to++
			})
			list, first = append(list, y), first+n
		}
		return list
	},
	Grad: gradSplit,
	Lower: func(l *Lowering, op *ir.Op) {
		x := l.Buf(op.Args[0])
		axis, at := mustAxis(op.Attrs.Int("axis"), len(x.Shape)), 0
		for _, v := range op.Results {
			y := l.Buf(v)
			from := plainIndex(len(x.Shape))
			from[axis].Const = at
			at += y.Shape[axis].Size
			l.copyTo(y, plainIndex(len(x.Shape)), x, from, y.Shape)
		}
	},
	ONNX: ONNX{Name: "Split", Min: 1, Max: 25, Attrs: map[string]string{"axis": "axis", "parts": "num_outputs", "sizes": "split"}, Note: "split must be a constant where it is an input"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(6)), Attrs: ir.Attrs{{Name: "parts", Value: 3}}},
		{Args: f32Types(ir.NS(7)), Attrs: ir.Attrs{{Name: "parts", Value: 3}}, Batch: 2},
		{Args: f32Types(ir.NS(2, 5, 3)), Attrs: ir.Attrs{{Name: "sizes", Value: []int{1, 4}}, {Name: "axis", Value: 2 - 4}}},
		{Args: f32Types(ir.S(9, 2)), Attrs: ir.Attrs{{Name: "sizes", Value: []int{2, 3, 4}}, {Name: "axis", Value: 0}}},
		{Args: f32Types(ir.NS(5)), Attrs: ir.Attrs{{Name: "parts", Value: 1}}, Batch: 1},
		{Args: f32Types(ir.S(4)), Attrs: ir.Attrs{{Name: "parts", Value: 4}}},
		{Args: []ir.Type{ir.T(ir.I64, ir.S(5))}, Attrs: ir.Attrs{{Name: "parts", Value: 2}}, Data: map[int][]float64{0: {1, -2, 3, 4, 5}}},
	},
})

// splitSizes works out the extents of the parts of an axis of n.
func splitSizes(n, parts int, sizes []int) ([]int, error) {
	const note = "write split(x, 3) for three equal parts, or split(x, sizes=[2, 5])"
	if len(sizes) > 0 {
		left := n
		for _, s := range sizes {
			if s < 1 || s > left {
				return nil, WithNote("every part has at least one element, and together they make up the axis", "split cannot cut %d elements into sizes=%v", n, sizes)
			}
			left -= s
		}
		if left > 0 || parts != 0 && parts != len(sizes) {
			return nil, WithNote("the sizes must add up to the extent; parts need not be given with them", "split cannot cut %d elements into sizes=%v (parts=%d)", n, sizes, parts)
		}
		return sizes, nil
	}
	if parts < 1 || parts > n {
		return nil, WithNote(note, "split cannot cut %d elements into %d parts", n, parts)
	}
	each := (n + parts - 1) / parts
	last := n - each*(parts-1)
	if last < 1 {
		return nil, WithNote("give the sizes: split(x, sizes=[…])", "split cannot cut %d elements into %d parts of %d", n, parts, each)
	}
	list := slices.Repeat([]int{each}, parts)
	list[parts-1] = last
	return list, nil
}

// gradSplit joins the gradients of the parts. Where one is missing, the one before it, or the first behind it, is padded with zeros.
func gradSplit(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
	x := op.Args[0]
	axis := mustAxis(op.Attrs.Int("axis"), len(x.Type.Shape))
	type part struct {
		g             *ir.Value
		before, after int
	}
	var list []part
	missing := 0
	for i, g := range grads {
		n := op.Results[i].Type.Shape[axis].Size
		switch {
		case g != nil:
			list, missing = append(list, part{g, missing, 0}), 0
		case len(list) > 0:
			list[len(list)-1].after += n
		default:
			missing += n
		}
	}
	if len(list) == 0 {
		return []*ir.Value{nil}
	}
	parts := make([]*ir.Value, len(list))
	for i, p := range list {
		parts[i] = b.frame(x.Name, p.g, axis, p.before, p.after)
	}
	if len(parts) == 1 {
		return parts
	}
	return []*ir.Value{b.Must("concat", x.Name, parts, ir.Attr{Name: "axis", Value: axis})}
}

// frame puts zeros before and after one axis of x.
func (b *Builder) frame(name string, x *ir.Value, axis, before, after int) *ir.Value {
	if before == 0 && after == 0 {
		return x
	}
	p, q := make([]int, len(x.Type.Shape)-axis), make([]int, len(x.Type.Shape)-axis)
	p[0], q[0] = before, after
	return b.Must("pad", name, []*ir.Value{x}, ir.Attr{Name: "before", Value: p}, ir.Attr{Name: "after", Value: q})
}
