package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// elementAttrs are the attributes of gather_elements and of its gradient.
var elementAttrs = []AttrDef{{Name: "axis", Doc: "the axis along which elements are picked; -1 is the last", Default: 0}}

// GatherElements picks single elements along one axis.
var GatherElements = Register(&Operator{
	Name: "gather_elements",
	Doc: "Picks an element for each of the indices, which have as many axes as x: the index stands for one axis, and the other axes are those of the place where the index stands. " +
		"Along those, indices may be shorter than x, but for the batch. " + indexNote,
	Formula:  "y[i, j, k] = x[i, indices[i,j,k], k], for axis=1",
	Example:  "best = gather_elements(x, order, axis=-1)",
	Category: "tensor",
	Exact:    true,
	Args:     []Arg{{Name: "x", Doc: "any shape; any type"}, indexArg},
	Attrs:    elementAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := wantElem("gather_elements", "x", args[0], everyElem...); err != nil {
			return nil, err
		}
		if err := wantIndices("gather_elements", args[1]); err != nil {
			return nil, err
		}
		p, err := pickElements("gather_elements", args[0], args[1], a)
		if err != nil {
			return nil, err
		}
		return []ir.Type{ir.T(args[0].Elem, p.points)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, idx := args[0], args[1]
		y := NewTensor(x.Elem, idx.Shape...)
		eachElement(x.Shape, idx, a, func(n, at int) { y.Data[n] = x.Data[at] })
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil || !op.Args[0].Type.Elem.Float() {
			return []*ir.Value{nil, nil}
		}
		return []*ir.Value{b.Must("scatter_elements", op.Args[0].Name, []*ir.Value{b.zeros(op.Args[0]), op.Args[1], grads[0]},
			op.Attrs[0], ir.Attr{Name: "reduction", Value: "add"}), nil}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		l.gather(l.Buf(op.Results[0]), l.Buf(op.Args[0]), l.Buf(op.Args[1]), mustPick(pickElements, op.Args[0], op.Args[1], op.Attrs))
	},
	ONNX: ONNX{Name: "GatherElements", Min: 11, Max: 25, Attrs: map[string]string{"axis": "axis"}},
	Samples: []Sample{
		{Args: []ir.Type{ir.T(ir.F32, ir.NS(4)), ir.T(ir.I32, ir.NS(6))}, Attrs: ir.Attrs{{Name: "axis", Value: 1}}, Batch: 2,
			Data: map[int][]float64{1: {0, 3, 3, -1, -4, 1, 2, 2, 2, 0, 9, -9}}},
		{Args: []ir.Type{ir.T(ir.F32, ir.S(3, 2)), ir.T(ir.I64, ir.S(2, 2))}, Data: map[int][]float64{1: {0, 2, 1, -3}}},
		{Args: []ir.Type{ir.T(ir.F32, ir.NS(3, 4)), ir.T(ir.I32, ir.NS(5, 2))}, Attrs: ir.Attrs{{Name: "axis", Value: -2}}, Batch: 1,
			Data: map[int][]float64{1: {0, 1, 2, 2, 0, 0, -1, -2, 2147483647, -2147483648}}},
		{Args: []ir.Type{ir.T(ir.I32, ir.S(3)), ir.T(ir.I32, ir.S(1))}, Data: map[int][]float64{0: {5, -6, 7}, 1: {1}}},
		{Args: []ir.Type{ir.T(ir.F32, ir.NS(1, 9)), ir.T(ir.I32, ir.NS(1, 9))}, Attrs: ir.Attrs{{Name: "axis", Value: 1}}, Batch: 1,
			Data: map[int][]float64{1: {0, 0, 0, 0, 0, 0, 0, 0, 0}}},
	},
})

// eachElement calls visit with the number of each index of gather_elements and scatter_elements, and the place that it means in a tensor of
// shape x.
func eachElement(x []int, idx *Tensor, a ir.Attrs, visit func(n, at int)) {
	axis, n := mustAxis(a.Int("axis"), len(x)), 0
	eachIndex(idx.Shape, func(ix []int) {
		to := slices.Clone(ix)
		to[axis] = evalPlace(idx.Data[n], x[axis])
		at := 0
		for d, i := range to {
			at = at*x[d] + i
		}
		visit(n, at)
		n++
	})
}
