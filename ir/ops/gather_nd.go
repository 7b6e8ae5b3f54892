package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// ndAttrs are the attributes of gather_nd.
var ndAttrs = []AttrDef{{Name: "batch_dims", Doc: "how many leading axes both operands share: with 1 each example picks by its own indices", Default: 0}}

// GatherND picks elements or slices by indices of several numbers.
var GatherND = Register(&Operator{
	Name: "gather_nd",
	Doc: "Picks by indices of several numbers: the last axis of indices holds k numbers, which index the first k axes of x behind batch_dims. What they leave of x is picked whole. " +
		indexNote,
	Formula:  "y[t.., j..] = x[indices[t..,0], …, indices[t..,k-1], j..]",
	Example:  "corner = gather_nd(image, places, batch_dims=1)",
	Category: "tensor",
	Exact:    true,
	Args:     []Arg{{Name: "x", Doc: "any shape; any type"}, {Name: "indices", Doc: "[…,k] of i32 or i64"}},
	Attrs:    ndAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := wantElem("gather_nd", "x", args[0], everyElem...); err != nil {
			return nil, err
		}
		if err := wantIndices("gather_nd", args[1]); err != nil {
			return nil, err
		}
		p, err := pickND("gather_nd", args[0], args[1], a)
		if err != nil {
			return nil, err
		}
		return []ir.Type{ir.T(args[0].Elem, p.points)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, idx := args[0], args[1]
		y := NewTensor(x.Elem, ndShape(x.Shape, idx.Shape, a)...)
		eachND(x.Shape, idx, a, func(n, at int) { y.Data[n] = x.Data[at] })
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil || !op.Args[0].Type.Elem.Float() {
			return []*ir.Value{nil, nil}
		}
		return []*ir.Value{b.Must("scatter_nd", op.Args[0].Name, []*ir.Value{b.zeros(op.Args[0]), op.Args[1], grads[0]},
			op.Attrs[0], ir.Attr{Name: "reduction", Value: "add"}), nil}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		l.gather(l.Buf(op.Results[0]), l.Buf(op.Args[0]), l.Buf(op.Args[1]), mustPick(pickND, op.Args[0], op.Args[1], op.Attrs))
	},
	ONNX: ONNX{Name: "GatherND", Min: 11, Max: 25, Attrs: map[string]string{"batch_dims": "batch_dims"}},
	Samples: []Sample{
		{Args: []ir.Type{ir.T(ir.F32, ir.S(3, 4)), ir.T(ir.I32, ir.NS(2))}, Data: map[int][]float64{1: {0, 0, 2, 3, -1, -4}}},
		{Args: []ir.Type{ir.T(ir.F32, ir.S(3, 4)), ir.T(ir.I64, ir.NS(2, 1))}, Batch: 2, Data: map[int][]float64{1: {2, 2, 0, 9}}},
		{Args: []ir.Type{ir.T(ir.F32, ir.NS(3, 4, 11)), ir.T(ir.I32, ir.NS(3, 2))}, Attrs: ir.Attrs{{Name: "batch_dims", Value: 1}}, Batch: 2,
			Data: map[int][]float64{1: {0, 0, 2, 3, -1, -4, 1, 1, 1, 1, 2147483647, -2147483648}}},
		{Args: []ir.Type{ir.T(ir.F32, ir.NS(5)), ir.T(ir.I32, ir.NS(1))}, Attrs: ir.Attrs{{Name: "batch_dims", Value: 1}}, Data: map[int][]float64{1: {4, 0, -2}}},
		{Args: []ir.Type{ir.T(ir.F32, ir.S(2, 3, 2)), ir.T(ir.I32, ir.S(2))}, Data: map[int][]float64{1: {1, -1}}},
		{Args: []ir.Type{ir.T(ir.I32, ir.S(2, 2)), ir.T(ir.I32, ir.S(2, 2))}, Data: map[int][]float64{0: {1, 2, 3, 4}, 1: {0, 1, 1, 0}}},
	},
})

// ndShape is the shape that gather_nd gives.
func ndShape(x, idx []int, a ir.Attrs) []int {
	q := len(idx) - 1
	return slices.Concat(idx[:q], x[a.Int("batch_dims")+idx[q]:])
}

// eachND calls visit with the number of each element that gather_nd gives, and its place in a tensor of shape x.
func eachND(x []int, idx *Tensor, a ir.Attrs, visit func(n, at int)) {
	b, q, n := a.Int("batch_dims"), len(idx.Shape)-1, 0
	k := idx.Shape[q]
	eachIndex(ndShape(x, idx.Shape, a), func(ix []int) {
		row := 0
		for d, i := range ix[:q] {
			row = row*idx.Shape[d] + i
		}
		from := slices.Clone(ix[:b])
		for c := range k {
			from = append(from, evalPlace(idx.Data[row*k+c], x[b+c]))
		}
		at := 0
		for d, i := range append(from, ix[q:]...) {
			at = at*x[d] + i
		}
		visit(n, at)
		n++
	})
}
