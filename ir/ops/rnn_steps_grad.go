package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

var rnnGradArgs = []Arg{
	{Name: "y", Doc: "f32[N,T,D*H], the outputs"},
	{Name: "w", Doc: "f32[D,H,H], the recurrent matrices"},
	{Name: "lengths", Doc: "i32[N], how many steps of each example count", Optional: true},
	{Name: "dy", Doc: "f32[N,T,D*H], the gradient of the outputs", Optional: true},
	{Name: "dh", Doc: "f32[N,D*H], the gradient of the last output", Optional: true},
}

// RNNStepsGrad is back-propagation through time.
var RNNStepsGrad = Register(&Operator{
	Name: "rnn_steps_grad",
	Doc: "The gradient of rnn_steps: that of the sums for every step, [N,T,D*H], and that of the output before the first step, [N,D*H]. It walks the " +
		"steps from the end.",
	Formula:  "dz_t = (dy_t + dh_t)·(1 - y_t²), dh_{t-1} = dz_t·wᵀ",
	Example:  "dsums = rnn_steps_grad(y, w)",
	Category: "gradient",
	Internal: true,
	Args:     rnnGradArgs,
	Attrs:    []AttrDef{directionAttr, rnnActivation, givenAttr},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := wantGiven("rnn_steps_grad", len(args), rnnGradArgs, a); err != nil {
			return nil, err
		}
		x := place(args, a, len(rnnGradArgs))
		r, err := newRecurrence("rnn_steps_grad", x[0], x[1], 1, a)
		if err != nil {
			return nil, err
		}
		if err := wantTypes("rnn_steps_grad", rnnGradArgs, x, []ir.Type{x[0], x[1], r.lengthsType(), r.tape(1), r.state()}); err != nil {
			return nil, err
		}
		return []ir.Type{r.tape(1), r.state()}, nil
	},
	Eval:   evalRNNStepsGrad,
	NoGrad: secondOrder,
	Lower: func(l *Lowering, op *ir.Op) {
		x := place(op.Args, op.Attrs, len(rnnGradArgs))
		r, _ := newRecurrence("rnn_steps_grad", x[0].Type, x[1].Type, 1, op.Attrs)
		dz, dh := l.Buf(op.Results[0]), l.Buf(op.Results[1])
		l.start([]*loop.Buffer{dh}, []*ir.Value{x[4]})
		turned := l.turned(x[1])
		for d, reverse := range directions(op.Attrs) {
			k := cells{r, l, d, l.optional(x[2])}
			y, out := load(k.now(l.Buf(x[0]), 1, 0)), load(k.state(dh, unitAx))
			if x[3] != nil {
				out = loop.E(loop.Add, out, load(k.now(l.Buf(x[3]), 1, 0)))
			}
			v := loop.E(loop.Mul, out, tanhSlope(y))
			if op.Attrs.Str("activation") == "relu" {
				v = loop.E(loop.Select, loop.E(loop.Less, loop.F(0), y), out, loop.F(0))
			}
			k.scan(!reverse, k.units("units", k.where(k.now(dz, 1, 0), v, loop.F(0))), k.back(dz, turned, 1, dh))
		}
	},
	Samples: []Sample{
		{Args: f32Types(ir.NS(4, 3), ir.S(1, 3, 3), ir.NS(4, 3)), Attrs: ir.Attrs{{Name: "given", Value: []int{0, 1, 3}}}},
		{Args: append(f32Types(ir.NS(3, 10), ir.S(2, 5, 5)), append(i32Types(ir.NS()), f32Types(ir.NS(3, 10), ir.NS(10))...)...),
			Attrs: ir.Attrs{{Name: "direction", Value: "bidirectional"}, {Name: "activation", Value: "relu"}}, Data: map[int][]float64{2: {2, 3, 0}}},
		{Args: f32Types(ir.NS(1, 9), ir.S(1, 9, 9), ir.NS(9)), Attrs: ir.Attrs{{Name: "direction", Value: "reverse"}, {Name: "given", Value: []int{0, 1, 4}}}, Batch: 1},
	},
})

func evalRNNStepsGrad(args []*Tensor, a ir.Attrs) []*Tensor {
	x := place(args, a, len(rnnGradArgs))
	y, w, dy := x[0], x[1], x[3]
	hidden := w.Shape[1]
	dz, dh := NewTensor(ir.F32, y.Shape...), NewTensor(ir.F32, y.Shape[0], y.Shape[2])
	back := directions(a)
	for i := range back {
		back[i] = !back[i]
	}
	eachStep(y, w, x[2], x[4], nil, back, func(s *sequence) {
		before := make([]float64, hidden)
		for u := range hidden {
			v, out := s.sum(0, u), s.h[u]
			if dy != nil {
				out += dy.Data[s.at(dy, 1, 0, u)]
			}
			g := out * (1 - v*v)
			if a.Str("activation") == "relu" {
				if g = 0; v > 0 {
					g = out
				}
			}
			if !s.live {
				continue
			}
			dz.Data[s.at(dz, 1, 0, u)] = g
			for k := range hidden {
				before[k] += g * w.Data[(s.d*hidden+k)*hidden+u]
			}
		}
		s.h = before
	}, func(s *sequence) {
		for u := range hidden {
			dh.Data[s.state(dh, u)] = s.h[u]
		}
	})
	return []*Tensor{dz, dh}
}
