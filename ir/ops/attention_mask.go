package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// hidden is the score of a key that may not be seen: so far below all others that its exponential is 0. It is finite, so that a row
// without any key does not become NaN.
const hidden = -1e30

// AttentionMask hides keys from queries.
var AttentionMask = Register(&Operator{
	Name: "attention_mask",
	Doc: "Sets the scores [N,..,T,S] of keys that a query may not see to -1e30, which softmax makes 0: with causal, those behind the query, where the last query stands at " +
		"the last key; with lengths i32[N], those from lengths[n] on. A query that sees no key gives all keys the same weight.",
	Formula:  "y[n,..,t,s] = x[n,..,t,s] if s <= t + S - T and s < lengths[n], else -1e30",
	Example:  "y = attention_mask(x, lengths, causal=true)",
	Category: "layer",
	Internal: true,
	Args:     []Arg{{Name: "x", Doc: "scores, f32[N,..,T,S]"}, {Name: "lengths", Doc: "i32[N]", Optional: true}},
	Attrs:    []AttrDef{{Name: "causal", Doc: "hide the keys behind each query", Default: false}, {Name: "fill", Doc: "what hidden elements become", Default: hidden}},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x := args[0]
		if err := wantElem("attention_mask", "x", x, ir.F32); err != nil {
			return nil, err
		}
		if n := len(x.Shape); n < 3 || !x.Shape[n-1].Static() || !x.Shape[n-2].Static() {
			return nil, fmt.Errorf("attention_mask needs scores f32[N,..,T,S], not %s", x)
		}
		if len(args) > 1 && !args[1].Equal(ir.T(ir.I32, x.Shape[:1])) {
			return nil, fmt.Errorf("attention needs a length i32[%s] for the keys of each example, not %s", x.Shape[0], args[1])
		}
		return args[:1], nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, y := args[0], NewTensor(ir.F32, args[0].Shape...)
		rank := len(x.Shape)
		eachIndex(x.Shape, func(ix []int) {
			t, s := ix[rank-2], ix[rank-1]
			y.Data[y.at(ix)] = x.Data[x.at(ix)]
			if a.Bool("causal") && s > t+x.Shape[rank-1]-x.Shape[rank-2] || len(args) > 1 && float64(s) >= args[1].Data[ix[0]] {
				y.Data[y.at(ix)] = a.Float("fill")
			}
		})
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		list := make([]*ir.Value, len(op.Args))
		if grads[0] != nil {
			args := append([]*ir.Value{grads[0]}, op.Args[1:]...)
			list[0] = b.Must("attention_mask", op.Args[0].Name+".grad", args, op.Attrs[0], ir.Attr{Name: "fill", Value: 0.0})
		}
		return list
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x := l.Buf(op.Args[0])
		rank := len(x.Shape)
		y, fill := loop.Read(x, plainIndex(rank)...), loop.F(op.Attrs.Float("fill"))
		key := loop.IndexOf(loop.Ax(rank - 1))
		if op.Attrs.Bool("causal") {
			last := loop.Ax(rank-2).Plus(0, 0, x.Shape[rank-1].Size-x.Shape[rank-2].Size)
			y = loop.E(loop.Select, loop.E(loop.LessEq, key, loop.IndexOf(last)), y, fill)
		}
		if len(op.Args) > 1 {
			y = loop.E(loop.Select, loop.E(loop.Less, key, loop.Read(l.Buf(op.Args[1]), loop.Ax(0))), y, fill)
		}
		l.mapOver(l.Buf(op.Results[0]), y)
	},
	Samples: []Sample{
		{Args: f32Types(ir.NS(2, 4, 4)), Attrs: ir.Attrs{{Name: "causal", Value: true}, {Name: "fill", Value: -3.0}}},
		{Args: f32Types(ir.NS(3, 5)), Attrs: ir.Attrs{{Name: "causal", Value: true}, {Name: "fill", Value: -3.0}}},
		{Args: []ir.Type{ir.T(ir.F32, ir.NS(2, 3, 5)), ir.T(ir.I32, ir.NS())}, Attrs: ir.Attrs{{Name: "fill", Value: 0.5}}, Data: map[int][]float64{1: {5, 0, 2}}},
		{Args: []ir.Type{ir.T(ir.F32, ir.NS(2, 2, 3, 3)), ir.T(ir.I32, ir.NS())}, Attrs: ir.Attrs{{Name: "causal", Value: true}, {Name: "fill", Value: -1.0}}, Data: map[int][]float64{1: {2, 7}}, Batch: 2},
	},
})
