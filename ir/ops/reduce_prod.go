package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// ReduceProd multiplies elements along axes.
var ReduceProd = Register(reduction{
	Operator: Operator{
		Name:    "reduce_prod",
		Doc:     "The product over axes, or of all elements where none are named. Its gradient is right where elements are 0; it takes time in the square of the number of factors.",
		Formula: "y[n] = Π_i x[n, i]",
		Example: "p = x |> reduce_prod(axes=[-1])",
		ONNX:    ONNX{Name: "ReduceProd", Min: 1, Max: 25},
		Samples: []Sample{{
			Args: f32Types(ir.NS(3)), Attrs: ir.Attrs{{Name: "axes", Value: []int{1}}}, Batch: 2,
			Data: map[int][]float64{0: {0, 2, -3, 0, 0, 5}},
		}},
	},
	takes: numbers,
	fold:  loop.FoldProd,
	start: 1,
	step:  func(acc, x float64) float64 { return acc * x },
	grad: func(b *Builder, r *reduced, dy *ir.Value) *ir.Value {
		return b.Must("reduce_prod_grad", r.x.Name, []*ir.Value{dy, r.x}, r.op.Attrs...)
	},
}.operator())

// ReduceProdGrad is the gradient of reduce_prod.
var ReduceProdGrad = Register(&Operator{
	Name:     "reduce_prod_grad",
	Doc:      "The gradient of reduce_prod: dy times the product of the other factors, without a division, so that factors of 0 do no harm.",
	Formula:  "dx[n, i] = dy[n] * Π_{j≠i} x[n, j]",
	Example:  "dx = reduce_prod_grad(dy, x, axes=[1])",
	Category: "gradient",
	Internal: true,
	Args:     []Arg{{Name: "dy", Doc: "the shape of the product"}, {Name: "x", Doc: "the operand of reduce_prod"}},
	Attrs:    reductionAttrs,
	NoGrad:   "second derivatives of a product over axes are not supported",
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		axes, err := plainAxes("reduce_prod_grad", a.Ints("axes"), args[1].Shape)
		if err != nil {
			return nil, err
		}
		want := ir.T(ir.F32, dropAxes(args[1].Shape, axes, a.Bool("keep_dims")))
		if !args[0].Equal(want) || args[1].Elem != ir.F32 {
			return nil, fmt.Errorf("reduce_prod_grad of %s wants %s for dy, not %s", args[1], want, args[0])
		}
		return []ir.Type{args[1]}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[1]
		axes := evalAxes(a.Ints("axes"), len(x.Shape))
		dy := &Tensor{Shape: dropInts(x.Shape, axes, true), Data: args[0].Data}
		dx, n := NewTensor(ir.F32, x.Shape...), 0
		eachIndex(x.Shape, func(ix []int) {
			place, m, p := dy.at(ix), 0, 1.0
			eachIndex(x.Shape, func(other []int) {
				if dy.at(other) == place && m != n {
					p *= x.Data[m]
				}
				m++
			})
			dx.Data[n] = dy.Data[place] * p
			n++
		})
		return []*Tensor{dx}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		dy, x, dx := l.Buf(op.Args[0]), l.Buf(op.Args[1]), l.Buf(op.Results[0])
		axes := mustAxes(op.Attrs.Ints("axes"), x.Shape)
		n := &loop.Nest{Form: loop.Reduce, Axes: axesOf(x.Shape), Fold: loop.FoldProd}
		at := plainIndex(len(x.Shape))
		var same *loop.Expr
		for _, i := range axes {
			r := loop.Ax(len(n.Axes) + len(n.Red))
			n.Red = append(n.Red, loop.Axis{Name: n.Axes[i].Name + "2", Extent: x.Shape[i]})
			eq := loop.E(loop.Eq, loop.IndexOf(loop.Ax(i)), loop.IndexOf(r))
			if at[i] = r; same == nil {
				same = eq
			} else {
				same = loop.E(loop.And, same, eq)
			}
		}
		given := loop.Read(dy, reducedIndex(x.Shape, axes, op.Attrs.Bool("keep_dims"))...)
		store := given
		if len(axes) > 0 {
			n.Value = loop.E(loop.Select, same, loop.F(1), loop.Read(x, at...))
			store = loop.E(loop.Mul, given, loop.Total(ir.F32))
		} else {
			n.Form, n.Fold = loop.Map, loop.FoldNone
		}
		n.Stores = []loop.Store{storeAt(dx, store, plainIndex(len(x.Shape))...)}
		l.Emit(n)
	},
	Samples: []Sample{
		{Args: f32Types(ir.NS(), ir.NS(5)), Attrs: ir.Attrs{{Name: "axes", Value: []int{1}}}},
		{Args: f32Types(ir.S(3), ir.NS(3, 2)), Attrs: ir.Attrs{{Name: "axes", Value: []int{2, 0}}}, Batch: 2},
		{Args: f32Types(ir.NS(1, 2), ir.NS(3, 2)), Attrs: ir.Attrs{{Name: "axes", Value: []int{1}}, {Name: "keep_dims", Value: true}}},
		{Args: f32Types(nil, nil)},
	},
})
