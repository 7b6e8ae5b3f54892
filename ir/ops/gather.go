package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// gatherAttrs are the attributes of gather and of its gradient.
var gatherAttrs = []AttrDef{
	{Name: "axis", Doc: "the axis that the indices replace; -1 is the last", Default: 0},
	{Name: "batch_dims", Doc: "how many leading axes both operands share: with 1 each example picks by its own indices", Default: 0},
}

// Gather picks slices along one axis.
var Gather = Register(&Operator{
	Name: "gather",
	Doc: "Picks slices along one axis: the axes of indices take the place of that axis. A table f32[V,D] and indices i32[N,T] give f32[N,T,D] along axis 0. " +
		"With batch_dims the leading axes of both operands are one and the same. " + indexNote,
	Formula:  "y[i.., t.., j..] = x[i.., indices[t..], j..]",
	Example:  "row = gather(table, id)",
	Category: "tensor",
	Exact:    true,
	Args:     []Arg{{Name: "x", Doc: "any shape; any type"}, indexArg},
	Attrs:    gatherAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := wantElem("gather", "x", args[0], everyElem...); err != nil {
			return nil, err
		}
		if err := wantIndices("gather", args[1]); err != nil {
			return nil, err
		}
		p, err := pickSlices("gather", args[0], args[1], a)
		if err != nil {
			return nil, err
		}
		return []ir.Type{ir.T(args[0].Elem, p.points)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		y := NewTensor(args[0].Elem, gatherShape(args[0].Shape, args[1].Shape, a)...)
		eachGathered(args[0].Shape, args[1], a, func(from, to int) { y.Data[to] = args[0].Data[from] })
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil || !op.Args[0].Type.Elem.Float() {
			return []*ir.Value{nil, nil}
		}
		return []*ir.Value{b.Must("gather_grad", op.Args[0].Name, []*ir.Value{grads[0], op.Args[1], op.Args[0]}, op.Attrs...), nil}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		l.gather(l.Buf(op.Results[0]), l.Buf(op.Args[0]), l.Buf(op.Args[1]), mustPick(pickSlices, op.Args[0], op.Args[1], op.Attrs))
	},
	ONNX: ONNX{Name: "Gather", Min: 1, Max: 25, Attrs: map[string]string{"axis": "axis"}, Note: "batch_dims=0"},
	Samples: []Sample{
		{Args: []ir.Type{ir.T(ir.F32, ir.S(5, 3)), ir.T(ir.I32, ir.NS(4))}, Batch: 2, Data: map[int][]float64{1: {0, 4, 2, 2, -1, -5, 1, 0}}},
		{Args: []ir.Type{ir.T(ir.F32, ir.S(4, 13)), ir.T(ir.I64, ir.NS())}, Data: map[int][]float64{1: {3, 3, 0}}},
		{Args: []ir.Type{ir.T(ir.F32, ir.S(3)), ir.T(ir.I32, ir.S(2, 2))}, Data: map[int][]float64{1: {99, -99, 2147483647, -2147483648}}},
		{Args: []ir.Type{ir.T(ir.F32, ir.NS(4, 3)), ir.T(ir.I32, ir.S(3))}, Attrs: ir.Attrs{{Name: "axis", Value: 1}}, Data: map[int][]float64{1: {3, 0, 3}}},
		{Args: []ir.Type{ir.T(ir.F32, ir.NS(3, 4)), ir.T(ir.I32, nil)}, Attrs: ir.Attrs{{Name: "axis", Value: -1}}, Batch: 2, Data: map[int][]float64{1: {-2}}},
		{Args: []ir.Type{ir.T(ir.F32, ir.NS(5, 2)), ir.T(ir.I32, ir.NS(3))}, Attrs: ir.Attrs{{Name: "axis", Value: 1}, {Name: "batch_dims", Value: 1}},
			Data: map[int][]float64{1: {0, 1, 0, 4, -1, 2, 3, 3, 3}}},
		{Args: []ir.Type{ir.T(ir.F32, ir.NS(2, 5)), ir.T(ir.I32, ir.NS(2, 3))}, Attrs: ir.Attrs{{Name: "axis", Value: 2}, {Name: "batch_dims", Value: 2}}, Batch: 1,
			Data: map[int][]float64{1: {0, 1, 0, 4, -1, 2}}},
		{Args: []ir.Type{ir.T(ir.F32, ir.NS(5, 2)), ir.T(ir.I32, ir.NS())}, Attrs: ir.Attrs{{Name: "axis", Value: 1}, {Name: "batch_dims", Value: 1}},
			Data: map[int][]float64{1: {1, 4, 1}}},
		{Args: []ir.Type{ir.T(ir.I32, ir.S(6)), ir.T(ir.I32, ir.NS(2))}, Batch: 1, Data: map[int][]float64{0: {7, 8, -9, 2147483647, -2147483648, 0}, 1: {3, -2}}},
		{Args: []ir.Type{ir.T(ir.F32, ir.S(1, 1)), ir.T(ir.I32, ir.S(1, 3))}, Data: map[int][]float64{1: {0, 0, 0}}},
	},
})

// GatherGrad is the adjoint of gather.
var GatherGrad = Register(&Operator{
	Name: "gather_grad",
	Doc: "The gradient of gather for its operand, of which only the shape matters: zeros, to which each slice of dy is added where it was picked. Slices that were picked from one " +
		"place are added in the order of the indices.",
	Formula:  "dx[i.., k, j..] = Σ over t with indices[t..] = k of dy[i.., t.., j..]",
	Example:  "dx = gather_grad(dy, indices, x)",
	Category: "gradient",
	Internal: true,
	Args:     []Arg{{Name: "dy", Doc: "the gradient of what was gathered"}, indexArg, {Name: "like", Doc: "the operand of gather"}},
	Attrs:    gatherAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		return inferPickGrad("gather_grad", pickSlices, args, a)
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		dx := NewTensor(ir.F32, args[2].Shape...)
		eachGathered(dx.Shape, args[1], a, func(from, to int) { dx.Data[from] += args[0].Data[to] })
		return []*Tensor{dx}
	},
	NoGrad: "second derivatives are not taken",
	Lower: func(l *Lowering, op *ir.Op) {
		l.scatterAdd(op, mustPick(pickSlices, op.Args[2], op.Args[1], op.Attrs))
	},
	Samples: []Sample{
		{Args: []ir.Type{ir.T(ir.F32, ir.NS(4, 3)), ir.T(ir.I32, ir.NS(4)), ir.T(ir.F32, ir.S(5, 3))}, Batch: 2, Data: map[int][]float64{1: {0, 4, 2, 2, -1, -5, 1, 0}}},
		{Args: []ir.Type{ir.T(ir.F32, ir.NS(3, 9)), ir.T(ir.I32, ir.S(3)), ir.T(ir.F32, ir.NS(4, 9))}, Attrs: ir.Attrs{{Name: "axis", Value: 1}},
			Data: map[int][]float64{1: {3, 99, 3}}},
		{Args: []ir.Type{ir.T(ir.F32, ir.NS(3, 130)), ir.T(ir.I32, ir.NS(3)), ir.T(ir.F32, ir.S(2, 130))}, Batch: 2, Data: map[int][]float64{1: {0, 1, 1, 1, 1, 0}}},
	},
})

// inferPickGrad checks the operands of the adjoint of a gather: dy, indices and what was gathered from.
func inferPickGrad(op string, pick func(string, ir.Type, ir.Type, ir.Attrs) (picking, error), args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
	if err := wantElem(op, "dy", args[0], ir.F32); err != nil {
		return nil, err
	}
	if err := wantElem(op, "like", args[2], ir.F32); err != nil {
		return nil, err
	}
	if err := wantIndices(op, args[1]); err != nil {
		return nil, err
	}
	p, err := pick(op, args[2], args[1], a)
	if err != nil {
		return nil, err
	}
	if !args[0].Shape.Equal(p.points) {
		return nil, WithNote("that is what the gather gave", "%s wants dy of shape %s, not %s", op, p.points, args[0])
	}
	return args[2:3], nil
}

// scatterAdd lowers the adjoint of a gather: zeros, to which dy is added.
func (l *Lowering) scatterAdd(op *ir.Op, p picking) {
	dx := l.Buf(op.Results[0])
	l.mapOver(dx, loop.F(0))
	dy := loop.Read(l.Buf(op.Args[0]), plainIndex(len(p.points))...)
	l.Emit(p.each(dx.Name, loop.Store{To: p.access(dx, l.Buf(op.Args[1])), Expr: dy, Add: true}))
}

// gatherShape is the shape that gather gives.
func gatherShape(x, idx []int, a ir.Attrs) []int {
	axis := mustAxis(a.Int("axis"), len(x))
	return slices.Concat(x[:axis], idx[a.Int("batch_dims"):], x[axis+1:])
}

// eachGathered calls visit with the place in x and the place in the result of every element that gather moves.
func eachGathered(x []int, idx *Tensor, a ir.Attrs, visit func(from, to int)) {
	axis, b := mustAxis(a.Int("axis"), len(x)), a.Int("batch_dims")
	n := 0
	eachIndex(gatherShape(x, idx.Shape, a), func(ix []int) {
		rest := axis + len(idx.Shape) - b
		at := 0
		for d, i := range slices.Concat(ix[:b], ix[axis:rest]) {
			at = at*idx.Shape[d] + i
		}
		from := 0
		for d, i := range slices.Concat(ix[:axis], []int{evalPlace(idx.Data[at], x[axis])}, ix[rest:]) {
			from = from*x[d] + i
		}
		visit(from, n)
		n++
	})
}
