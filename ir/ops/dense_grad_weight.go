package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// DenseGradWeight is the gradient of a matrix that a whole batch was multiplied with.
var DenseGradWeight = Register(&Operator{
	Name: "dense_grad_weight",
	Doc: "The gradient of dense with respect to its matrix: from x [N,..,in] and the gradient of the result [N,..,units] to [in,units]. The sum runs over " +
		"the batch and whatever axes follow it, in order.",
	Formula:  "dw[i,u] = Σ x[..,i] * dy[..,u]",
	Example:  "dw = dense_grad_weight(x, dy)",
	Category: "gradient",
	Internal: true,
	Args:     []Arg{{Name: "x", Doc: "f32[N,..,in]"}, {Name: "dy", Doc: "gradient of the result, f32[N,..,units]"}},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x, dy := args[0], args[1]
		for _, t := range args {
			if err := features("dense_grad_weight", t); err != nil {
				return nil, err
			}
		}
		last := len(x.Shape) - 1
		if len(dy.Shape) != last+1 || !x.Shape[:last].Equal(dy.Shape[:last]) {
			return nil, WithNote("all axes but the last must be equal", "dense_grad_weight has an input %v and a gradient %v", x, dy)
		}
		w := ir.T(ir.F32, ir.Shape{x.Shape[last], dy.Shape[last]})
		if _, ok := w.Shape.Elems(); !ok {
			return nil, WithNote("use fewer units", "dense_grad_weight would give %v, more than the %d elements that a tensor may have", w, ir.MaxElems)
		}
		return []ir.Type{w}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, dy := args[0], args[1]
		in, units := x.Shape[len(x.Shape)-1], dy.Shape[len(dy.Shape)-1]
		w := NewTensor(ir.F32, in, units)
		for at, v := range x.Data {
			for u := range units {
				w.Data[at%in*units+u] += v * dy.Data[at/in*units+u]
			}
		}
		return []*Tensor{w}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		x, dy, g := op.Args[0], op.Args[1], grads[0]
		if g == nil {
			return make([]*ir.Value, 2)
		}
		return []*ir.Value{
			b.Must("matmul", x.Name+".grad", []*ir.Value{dy, g}, ir.Attr{Name: "transpose_b", Value: true}),
			b.Must("matmul", dy.Name+".grad", []*ir.Value{x, g}),
		}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x, dy := op.Args[0], op.Args[1]
		last := len(x.Type.Shape) - 1
		in, unit := loop.Ax(0), loop.Ax(1)
		var at []loop.Affine
		for i := range last {
			at = append(at, loop.Ax(2+i))
		}
		read := func(v *ir.Value, c loop.Affine) *loop.Expr {
			return loop.Read(l.Buf(v), append(append([]loop.Affine{}, at...), c)...)
		}
		l.Emit(&loop.Nest{
			Form:   loop.Contract,
			Axes:   []loop.Axis{axis("in", x.Type.Shape[last].Size), axis("unit", dy.Type.Shape[last].Size)},
			Red:    axesOf(x.Type.Shape[:last]),
			Fold:   loop.FoldSum,
			Value:  loop.E(loop.Mul, read(x, in), read(dy, unit)),
			Stores: []loop.Store{storeAt(l.Buf(op.Results[0]), loop.Total(ir.F32), in, unit)},
		})
	},
	Samples: []Sample{
		{Args: f32Types(ir.NS(4), ir.NS(5))},
		{Args: f32Types(ir.NS(2, 3), ir.NS(2, 4)), Batch: 1},
		{Args: f32Types(ir.NS(2, 2, 1), ir.NS(2, 2, 3))},
		{Args: f32Types(ir.S(6, 3), ir.S(6, 2))},
	},
})
