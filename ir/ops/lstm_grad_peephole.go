package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// LSTMGradPeephole is the gradient of the weights from the cell to the gates.
var LSTMGradPeephole = Register(&Operator{
	Name: "lstm_grad_peephole",
	Doc: "The gradient of an LSTM's peephole weights [D,3H] for the gates i, f and o, from the gates [N,T,D*4H], the cells before each step [N,T,D*H] and the " +
		"gradient of the sums [N,T,D*4H].",
	Formula:  "dp_i = Σ dz_i·c, dp_f = Σ dz_f·c, dp_o = Σ dz_o·c'",
	Example:  "dp = lstm_grad_peephole(gates, cells, dz)",
	Category: "gradient",
	Internal: true,
	Args: []Arg{{Name: "gates", Doc: "f32[N,T,D*4H], the values of the gates"}, {Name: "cells", Doc: "f32[N,T,D*H], the cells before each step"},
		{Name: "dz", Doc: "f32[N,T,D*4H], the gradient of the sums"}},
	Attrs: []AttrDef{{Name: "directions", Doc: "D", Kind: 0}},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		gates, cells, d := args[0], args[1], a.Int("directions")
		for _, t := range args {
			if err := wantElem("lstm_grad_peephole", "its operands", t, ir.F32); err != nil {
				return nil, err
			}
		}
		if len(cells.Shape) != 3 || len(gates.Shape) != 3 || !cells.Shape[:2].Equal(gates.Shape[:2]) || d < 1 || cells.Shape[2].Size%d != 0 ||
			gates.Shape[2] != ir.D(4*cells.Shape[2].Size) || !args[2].Equal(gates) {
			return nil, fmt.Errorf("lstm_grad_peephole of %d directions cannot have operands %v", d, args)
		}
		return []ir.Type{ir.T(ir.F32, ir.S(d, 3*cells.Shape[2].Size/d))}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		gates, cells, dz, d := args[0], args[1], args[2], a.Int("directions")
		hidden := cells.Shape[2] / d
		p := NewTensor(ir.F32, d, 3*hidden)
		eachIndex(cells.Shape, func(ix []int) {
			dir, u := ix[2]/hidden, ix[2]%hidden
			at := func(t *Tensor, g int) float64 {
				return t.Data[t.at([]int{ix[0], ix[1], (dir*4+g)*hidden + u})]
			}
			c := cells.Data[cells.at(ix)]
			after := at(gates, 1)*c + at(gates, 0)*at(gates, 2)
			for g, v := range []float64{at(dz, 0) * c, at(dz, 1) * c, at(dz, 3) * after} {
				p.Data[(dir*3+g)*hidden+u] += v
			}
		})
		return []*Tensor{p}
	},
	NoGrad: secondOrder,
	Lower: func(l *Lowering, op *ir.Op) {
		gates, cells, dz, d := l.Buf(op.Args[0]), l.Buf(op.Args[1]), l.Buf(op.Args[2]), op.Attrs.Int("directions")
		hidden := cells.Shape[2].Size / d
		for dir := range d {
			at := func(b *loop.Buffer, blocks, g int) *loop.Expr {
				return loop.Read(b, loop.Ax(1), loop.Ax(2), loop.Ax(0).Plus(0, 0, (dir*blocks+g)*hidden))
			}
			old := at(cells, 1, 0)
			after := loop.E(loop.FMA, at(gates, 4, 1), old, loop.E(loop.Mul, at(gates, 4, 0), at(gates, 4, 2)))
			for i, v := range []*loop.Expr{loop.E(loop.Mul, at(dz, 4, 0), old), loop.E(loop.Mul, at(dz, 4, 1), old), loop.E(loop.Mul, at(dz, 4, 3), after)} {
				l.Emit(&loop.Nest{Form: loop.Reduce, Axes: []loop.Axis{axis("unit", hidden)}, Red: axesOf(cells.Shape[:2]), Fold: loop.FoldSum, Value: v,
					Stores: []loop.Store{storeAt(l.Buf(op.Results[0]), loop.Total(ir.F32), loop.At(dir), loop.Ax(0).Plus(0, 0, i*hidden))}})
			}
		}
	},
	Samples: []Sample{
		{Args: f32Types(ir.NS(4, 12), ir.NS(4, 3), ir.NS(4, 12)), Attrs: ir.Attrs{{Name: "directions", Value: 1}}},
		{Args: f32Types(ir.NS(1, 40), ir.NS(1, 10), ir.NS(1, 40)), Attrs: ir.Attrs{{Name: "directions", Value: 2}}, Batch: 1},
	},
})
