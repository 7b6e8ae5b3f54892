package ops

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// MatMul is the product of two matrices, or of two batches of them.
var MatMul = Register(&Operator{
	Name: "matmul",
	Doc: "Matrix product of a [..,M,K] and b [..,K,N], giving [..,M,N]. The axes before the last two broadcast. An operand of one axis is a row in front and a column behind, and " +
		"the result lacks its axis. Each element is one chain of fused multiply-adds over k.",
	Formula:  "y[..,m,n] = Σ a[..,m,k] * b[..,k,n]",
	Example:  "scores = matmul(query, key, transpose_b=true)",
	Category: "tensor",
	Args:     []Arg{{Name: "a", Doc: "f32[..,M,K]"}, {Name: "b", Doc: "f32[..,K,N]"}},
	Attrs: []AttrDef{
		{Name: "transpose_a", Doc: "a is [..,K,M]", Default: false},
		{Name: "transpose_b", Doc: "b is [..,N,K]", Default: false},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		g, err := newProduct("matmul", args[0], args[1], a.Bool("transpose_a"), a.Bool("transpose_b"))
		if err != nil {
			return nil, err
		}
		return []ir.Type{ir.T(ir.F32, g.result())}, nil
	},
	Expand: expandMatMul,
	Eval:   evalMatMul,
	Grad:   gradMatMul,
	Lower:  lowerMatMul,
	ONNX:   ONNX{Name: "MatMul", Min: 1, Max: 25, Note: "transpose_a and transpose_b come from Transpose and Gemm"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(4), ir.S(4, 5))},
		{Args: f32Types(ir.NS(4), ir.NS(5)), Attrs: ir.Attrs{{Name: "transpose_a", Value: true}}},
		{Args: f32Types(ir.NS(4), ir.S(5, 4)), Attrs: ir.Attrs{{Name: "transpose_b", Value: true}}, Batch: 1},
		{Args: f32Types(ir.S(4, 3), ir.S(5, 4)), Attrs: ir.Attrs{{Name: "transpose_a", Value: true}, {Name: "transpose_b", Value: true}}},
		{Args: f32Types(ir.NS(2, 4), ir.NS(4, 3))},
		{Args: f32Types(ir.NS(2, 4), ir.S(4, 3))},
		{Args: f32Types(ir.NS(4, 2), ir.S(3, 4)), Attrs: ir.Attrs{{Name: "transpose_a", Value: true}, {Name: "transpose_b", Value: true}}},
		{Args: f32Types(ir.NS(3, 2, 4), ir.S(3, 4, 5)), Batch: 1},
		{Args: f32Types(ir.S(2, 4), ir.NS(2, 4, 3))},
		{Args: f32Types(ir.NS(1, 2, 4), ir.NS(3, 5, 4)), Attrs: ir.Attrs{{Name: "transpose_b", Value: true}}},
		{Args: f32Types(ir.S(4), ir.S(4))},
		{Args: f32Types(ir.NS(3, 4), ir.S(4)), Batch: 2},
		{Args: f32Types(ir.S(4), ir.NS(4, 5)), Batch: 1},
		{Args: f32Types(ir.S(4), ir.S(4, 5))},
	},
})

// product is the geometry of a matrix product: the extents, and the axes of the result before the last two.
type product struct {
	m, k, n ir.Dim
	lead    ir.Shape
}

func (g product) result() ir.Shape { return append(append(ir.Shape{}, g.lead...), g.m, g.n) }

func newProduct(kind string, a, b ir.Type, ta, tb bool) (product, error) {
	var g product
	for _, t := range []ir.Type{a, b} {
		if err := wantElem(kind, "matrices", t, ir.F32); err != nil {
			return g, err
		}
		if len(t.Shape) < 2 {
			return g, WithNote("give a vector a second axis of 1 with reshape", "%s needs operands of two axes or more, not %v and %v", kind, a, b)
		}
	}
	rows := func(t ir.Type, transposed bool) (outer, inner ir.Dim) {
		p, q := t.Shape[len(t.Shape)-2], t.Shape[len(t.Shape)-1]
		if transposed {
			return q, p
		}
		return p, q
	}
	var kb ir.Dim
	g.m, g.k = rows(a, ta)
	kb, g.n = rows(b, tb)
	if g.k != kb {
		return g, WithNote("the columns of the first are multiplied with the rows of the second; transpose_a and transpose_b swap the two axes of an operand",
			"%s cannot multiply %v with %v: %v columns and %v rows", kind, a, b, g.k, kb)
	}
	var err error
	if g.lead, err = broadcast(kind, a.Shape[:len(a.Shape)-2], b.Shape[:len(b.Shape)-2]); err != nil {
		return g, err
	}
	s := g.result()
	for _, d := range s[1:] {
		if !d.Static() {
			return g, WithNote("the batch may lead the result, or be summed over", "%s of %v and %v would give %v, where %v is not the first axis", kind, a, b, s, d)
		}
	}
	if _, ok := s.Elems(); !ok {
		return g, fmt.Errorf("%s of %v and %v would give more than %d elements", kind, a, b, ir.MaxElems)
	}
	return g, nil
}

// expandMatMul gives operands of one axis a second one, and takes it from the result.
func expandMatMul(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
	vector := func(x *ir.Value) bool { return len(x.Type.Shape) == 1 && x.Type.Shape[0].Static() }
	row, column := vector(args[0]), vector(args[1])
	if !row && !column || row && a.Bool("transpose_a") || column && a.Bool("transpose_b") {
		return nil, nil
	}
	x, y := args[0], args[1]
	if row {
		x = b.reshapeTo(x.Name, x, append(ir.S(1), x.Type.Shape...))
	}
	if column {
		y = b.reshapeTo(y.Name, y, append(slices.Clone(y.Type.Shape), ir.D(1)))
	}
	z, err := b.Op("matmul", "matmul", []*ir.Value{x, y}, a...)
	if err != nil {
		return nil, err
	}
	s, rank := ir.Shape{}, len(z.Type.Shape)
	for i, d := range z.Type.Shape {
		if i < rank-2 || i == rank-2 && !row || i == rank-1 && !column {
			s = append(s, d)
		}
	}
	return b.reshaped(z, s)
}

func evalMatMul(args []*Tensor, a ir.Attrs) []*Tensor {
	x, y := args[0], args[1]
	row, column := len(x.Shape) == 1, len(y.Shape) == 1
	if row {
		x = &Tensor{Shape: []int{1, x.Shape[0]}, Data: x.Data}
	}
	if column {
		y = &Tensor{Shape: []int{y.Shape[0], 1}, Data: y.Data}
	}
	entry := func(t *Tensor, transposed bool, lead []int, row, col int) float64 {
		if transposed {
			row, col = col, row
		}
		ix := append(append([]int{}, lead...), row, col)
		return t.Data[t.at(ix)]
	}
	ta, tb := a.Bool("transpose_a"), a.Bool("transpose_b")
	end := func(t *Tensor, fromEnd int) int { return t.Shape[len(t.Shape)-fromEnd] }
	m, k, n := end(x, 2), end(x, 1), end(y, 1)
	if ta {
		m, k = k, m
	}
	if tb {
		n = end(y, 2)
	}
	var shape []int
	for i := max(len(x.Shape), len(y.Shape)); i > 2; i-- {
		d := 1
		for _, t := range []*Tensor{x, y} {
			if len(t.Shape) >= i {
				if e := end(t, i); e != 1 {
					d = e
				}
			}
		}
		shape = append(shape, d)
	}
	out := NewTensor(ir.F32, append(shape, m, n)...)
	eachIndex(out.Shape, func(ix []int) {
		lead, row, col := ix[:len(ix)-2], ix[len(ix)-2], ix[len(ix)-1]
		sum := 0.0
		for i := range k {
			sum += entry(x, ta, lead, row, i) * entry(y, tb, lead, i, col)
		}
		out.Data[out.at(ix)] = sum
	})
	if column {
		out.Shape = out.Shape[:len(out.Shape)-1]
	}
	if row {
		at := len(shape)
		out.Shape = slices.Delete(out.Shape, at, at+1)
	}
	return []*Tensor{out}
}

// gradMatMul: with y = a·b, da = dy·bᵀ and db = aᵀ·dy; an operand that is held transposed has the transposed gradient. What was
// broadcast is summed.
func gradMatMul(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
	x, y, dz := op.Args[0], op.Args[1], grads[0]
	if dz == nil {
		return make([]*ir.Value, 2)
	}
	ta, tb := op.Attrs.Bool("transpose_a"), op.Attrs.Bool("transpose_b")
	times := func(of, p, q *ir.Value, tp, tq bool) *ir.Value {
		g := b.Must("matmul", of.Name+".grad", []*ir.Value{p, q}, ir.Attr{Name: "transpose_a", Value: tp}, ir.Attr{Name: "transpose_b", Value: tq})
		return sumTo(b, g, of.Type)
	}
	var dx, dy *ir.Value
	if ta {
		dx = times(x, y, dz, tb, true)
	} else {
		dx = times(x, dz, y, false, !tb)
	}
	switch {
	case !ta && len(x.Type.Shape) > 2 && len(y.Type.Shape) == 2:
		// One matrix for a whole batch: the batch is part of the sum, and no product of each example is kept.
		p, q := x, dz
		if tb {
			p, q = dz, x
		}
		dy = b.Must("dense_grad_weight", y.Name+".grad", []*ir.Value{p, q})
	case tb:
		dy = times(y, dz, x, true, ta)
	default:
		dy = times(y, x, dz, !ta, false)
	}
	return []*ir.Value{dx, dy}
}

func lowerMatMul(l *Lowering, op *ir.Op) {
	x, y := op.Args[0], op.Args[1]
	ta, tb := op.Attrs.Bool("transpose_a"), op.Attrs.Bool("transpose_b")
	g, err := newProduct("matmul", x.Type, y.Type, ta, tb)
	if err != nil {
		panic("ops: matmul: " + err.Error())
	}
	lead := len(g.lead)
	row, col, inner := loop.Ax(lead), loop.Ax(lead+1), loop.Ax(lead+2)
	read := func(v *ir.Value, p, q loop.Affine, transposed bool) *loop.Expr {
		if transposed {
			p, q = q, p
		}
		ix := stretchIndex(v.Type.Shape[:len(v.Type.Shape)-2], g.lead)
		return loop.Read(l.Buf(v), append(ix, p, q)...)
	}
	l.Emit(&loop.Nest{
		Form:   loop.Contract,
		Axes:   append(axesOf(g.lead), loop.Axis{Name: "row", Extent: g.m}, loop.Axis{Name: "col", Extent: g.n}),
		Red:    []loop.Axis{{Name: "inner", Extent: g.k}},
		Fold:   loop.FoldSum,
		Value:  loop.E(loop.Mul, read(x, row, inner, ta), read(y, inner, col, tb)),
		Stores: []loop.Store{storeAt(l.Buf(op.Results[0]), loop.Total(ir.F32), plainIndex(lead+2)...)},
	})
}
