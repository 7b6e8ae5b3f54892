package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// RecurrentGradWeight is the gradient of a recurrent matrix, over all steps at once.
var RecurrentGradWeight = Register(&Operator{
	Name: "recurrent_grad_weight",
	Doc: "The gradient of the recurrent matrices of a layer [D,H,G*H], from the outputs before each step [N,T,D*H] and the gradients of the sums [N,T,D*G*H]. " +
		"A third operand takes the place of the outputs for the last block.",
	Formula:  "dw[d,k,j] = Σ h[n,t,d·H+k] * dz[n,t,d·G·H+j]",
	Example:  "dw = recurrent_grad_weight(h, dz)",
	Category: "gradient",
	Internal: true,
	Args: []Arg{{Name: "h", Doc: "f32[N,T,D*H], the outputs before each step"}, {Name: "dz", Doc: "f32[N,T,D*G*H], the gradient of the sums"},
		{Name: "reset", Doc: "f32[N,T,D*H], what the last block was multiplied with", Optional: true}},
	Attrs: []AttrDef{{Name: "blocks", Doc: "G, how many blocks of units the matrix has", Kind: 0}, {Name: "directions", Doc: "D, how many matrices there are", Kind: 0}},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		h, dz, d, g := args[0], args[1], a.Int("directions"), a.Int("blocks")
		for _, t := range args {
			if err := wantElem("recurrent_grad_weight", "its operands", t, ir.F32); err != nil {
				return nil, err
			}
			if len(t.Shape) != 3 || !t.Shape[:2].Equal(h.Shape[:2]) || !t.Shape[2].Static() {
				return nil, fmt.Errorf("recurrent_grad_weight needs sequences f32[N,T,features] of one length, not %v and %v", h, t)
			}
		}
		units := h.Shape[2].Size
		if d < 1 || g < 1 || units%d != 0 || dz.Shape[2] != ir.D(g*units) || len(args) == 3 && !args[2].Equal(h) {
			return nil, fmt.Errorf("recurrent_grad_weight of %d directions and %d blocks cannot have operands %v", d, g, args)
		}
		return []ir.Type{ir.T(ir.F32, ir.S(d, units/d, g*units/d))}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		h, dz, d, g := args[0], args[1], a.Int("directions"), a.Int("blocks")
		hidden := h.Shape[2] / d
		w := NewTensor(ir.F32, d, hidden, g*hidden)
		eachIndex(dz.Shape, func(ix []int) {
			dir, j := ix[2]/(g*hidden), ix[2]%(g*hidden)
			from := h
			if len(args) == 3 && j >= (g-1)*hidden {
				from = args[2]
			}
			for k := range hidden {
				w.Data[w.at([]int{dir, k, j})] += from.Data[from.at([]int{ix[0], ix[1], dir*hidden + k})] * dz.Data[dz.at(ix)]
			}
		})
		return []*Tensor{w}
	},
	NoGrad: secondOrder,
	Lower: func(l *Lowering, op *ir.Op) {
		d, g := op.Attrs.Int("directions"), op.Attrs.Int("blocks")
		h, dz, w := l.Buf(op.Args[0]), l.Buf(op.Args[1]), l.Buf(op.Results[0])
		hidden := h.Shape[2].Size / d
		part := func(from *loop.Buffer, dir, first, columns int) {
			at := func(b *loop.Buffer, axis loop.Affine, c int) *loop.Expr {
				return loop.Read(b, loop.Ax(2), loop.Ax(3), axis.Plus(0, 0, c))
			}
			l.Emit(&loop.Nest{
				Form: loop.Contract, Axes: []loop.Axis{axis("in", hidden), axis("unit", columns)}, Red: axesOf(h.Shape[:2]), Fold: loop.FoldSum,
				Value:  loop.E(loop.Mul, at(from, loop.Ax(0), dir*hidden), at(dz, loop.Ax(1), dir*g*hidden+first)),
				Stores: []loop.Store{storeAt(w, loop.Total(ir.F32), loop.At(dir), loop.Ax(0), loop.Ax(1).Plus(0, 0, first))},
			})
		}
		for dir := range d {
			if len(op.Args) == 3 {
				part(h, dir, 0, (g-1)*hidden)
				part(l.Buf(op.Args[2]), dir, (g-1)*hidden, hidden)
				continue
			}
			part(h, dir, 0, g*hidden)
		}
	},
	Samples: []Sample{
		{Args: f32Types(ir.NS(4, 3), ir.NS(4, 12)), Attrs: ir.Attrs{{Name: "blocks", Value: 4}, {Name: "directions", Value: 1}}},
		{Args: f32Types(ir.NS(1, 6), ir.NS(1, 18), ir.NS(1, 6)), Attrs: ir.Attrs{{Name: "blocks", Value: 3}, {Name: "directions", Value: 2}}, Batch: 1},
		{Args: f32Types(ir.S(2, 3, 5), ir.S(2, 3, 5)), Attrs: ir.Attrs{{Name: "blocks", Value: 1}, {Name: "directions", Value: 1}}},
	},
})
