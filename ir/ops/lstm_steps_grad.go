package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

var lstmGradArgs = []Arg{
	{Name: "gates", Doc: "f32[N,T,D*4H], the values of the gates"},
	{Name: "cells", Doc: "f32[N,T,D*H], the cells before each step"},
	{Name: "w", Doc: "f32[D,H,4H], the recurrent matrices"},
	{Name: "lengths", Doc: "i32[N], how many steps of each example count", Optional: true},
	{Name: "peephole", Doc: "f32[D,3H], the weights from the cell to the gates i, f and o", Optional: true},
	{Name: "dy", Doc: "f32[N,T,D*H], the gradient of the outputs", Optional: true},
	{Name: "dh", Doc: "f32[N,D*H], the gradient of the last output", Optional: true},
	{Name: "dc", Doc: "f32[N,D*H], the gradient of the last cell", Optional: true},
}

// secondOrder is why the gradients of recurrent layers have none themselves.
const secondOrder = "it is a gradient of a recurrent layer, and second derivatives of those are not built"

// LSTMStepsGrad is back-propagation through time.
var LSTMStepsGrad = Register(&Operator{
	Name: "lstm_steps_grad",
	Doc: "The gradient of lstm_steps: that of the sums before the gates for every step, [N,T,D*4H], and those of the states before the first step, [N,D*H]. " +
		"It walks the steps from the end.",
	Formula:  "dz_t from dh_t and dc_t, dh_{t-1} = dz_t·wᵀ",
	Example:  "dsums = lstm_steps_grad(gates, cells, w)",
	Category: "gradient",
	Internal: true,
	Args:     lstmGradArgs,
	Attrs:    []AttrDef{directionAttr, givenAttr},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := wantGiven("lstm_steps_grad", len(args), lstmGradArgs, a); err != nil {
			return nil, err
		}
		x := place(args, a, len(lstmGradArgs))
		r, err := newRecurrence("lstm_steps_grad", x[0], x[2], 4, a)
		if err != nil {
			return nil, err
		}
		want := []ir.Type{x[0], r.tape(1), x[2], r.lengthsType(), ir.T(ir.F32, ir.S(r.dirs, 3*r.hidden)), r.tape(1), r.state(), r.state()}
		if err := wantTypes("lstm_steps_grad", lstmGradArgs, x, want); err != nil {
			return nil, err
		}
		return []ir.Type{r.tape(4), r.state(), r.state()}, nil
	},
	Eval:    evalLSTMStepsGrad,
	NoGrad:  secondOrder,
	Lower:   lowerLSTMStepsGrad,
	Samples: lstmStepsGradSamples,
})

func evalLSTMStepsGrad(args []*Tensor, a ir.Attrs) []*Tensor {
	x := place(args, a, len(lstmGradArgs))
	gates, old, w, p, dy := x[0], x[1], x[2], x[4], x[5]
	batch, hidden := gates.Shape[0], w.Shape[1]
	dz := NewTensor(ir.F32, gates.Shape...)
	dh, dc := NewTensor(ir.F32, batch, old.Shape[2]), NewTensor(ir.F32, batch, old.Shape[2])
	back := directions(a)
	for i := range back {
		back[i] = !back[i]
	}
	eachStep(gates, w, x[3], x[6], x[7], back, func(s *sequence) {
		delta := make([]float64, 4*hidden)
		dcn := make([]float64, hidden)
		for u := range hidden {
			i, f, g, o := s.sum(0, u), s.sum(1, u), s.sum(2, u), s.sum(3, u)
			before := old.Data[s.at(old, 1, 0, u)]
			tc := math.Tanh(f*before + i*g)
			out := s.h[u]
			if dy != nil {
				out += dy.Data[s.at(dy, 1, 0, u)]
			}
			peep := func(gate int) float64 {
				if p == nil {
					return 0
				}
				return p.Data[s.d*3*hidden+gate*hidden+u]
			}
			do := out * tc * o * (1 - o)
			cell := s.c[u] + out*o*(1-tc*tc) + do*peep(2)
			di, df, dg := cell*g*i*(1-i), cell*before*f*(1-f), cell*i*(1-g*g)
			dcn[u] = cell*f + di*peep(0) + df*peep(1)
			for k, v := range []float64{di, df, dg, do} {
				if s.live {
					dz.Data[s.at(dz, 4, k, u)] = v
					delta[k*hidden+u] = v
				}
			}
		}
		s.c, s.h = dcn, make([]float64, hidden)
		for k := range hidden {
			for j, v := range delta {
				s.h[k] += v * w.Data[(s.d*hidden+k)*4*hidden+j]
			}
		}
	}, func(s *sequence) {
		for u := range hidden {
			dh.Data[s.state(dh, u)], dc.Data[s.state(dc, u)] = s.h[u], s.c[u]
		}
	})
	return []*Tensor{dz, dh, dc}
}

func lowerLSTMStepsGrad(l *Lowering, op *ir.Op) {
	x := place(op.Args, op.Attrs, len(lstmGradArgs))
	r, _ := newRecurrence("lstm_steps_grad", x[0].Type, x[2].Type, 4, op.Attrs)
	dz, dh, dc := l.Buf(op.Results[0]), l.Buf(op.Results[1]), l.Buf(op.Results[2])
	l.start([]*loop.Buffer{dh, dc}, []*ir.Value{x[6], x[7]})
	turned := l.turned(x[2])
	mul := func(a ...*loop.Expr) *loop.Expr {
		p := a[0]
		for _, e := range a[1:] {
			p = loop.E(loop.Mul, p, e)
		}
		return p
	}
	for d, reverse := range directions(op.Attrs) {
		k := cells{r, l, d, l.optional(x[3])}
		gate := func(g int) *loop.Expr { return load(k.now(l.Buf(x[0]), 4, g)) }
		i, f, g, o := gate(0), gate(1), gate(2), gate(3)
		old := load(k.now(l.Buf(x[1]), 1, 0))
		tc := loop.E(loop.Tanh, loop.E(loop.FMA, f, old, loop.E(loop.Mul, i, g)))
		out := load(k.state(dh, unitAx))
		if x[5] != nil {
			out = loop.E(loop.Add, out, load(k.now(l.Buf(x[5]), 1, 0)))
		}
		plus := func(e *loop.Expr, g int, by *loop.Expr) *loop.Expr {
			if x[4] == nil {
				return e
			}
			return loop.E(loop.FMA, by, loop.Read(l.Buf(x[4]), loop.At(d), unitAx.Plus(0, 0, g*r.hidden)), e)
		}
		do := mul(out, tc, sigmoidSlope(o))
		cell := plus(loop.E(loop.FMA, mul(out, o), tanhSlope(tc), load(k.state(dc, unitAx))), 2, do)
		di, df, dg := mul(cell, g, sigmoidSlope(i)), mul(cell, old, sigmoidSlope(f)), mul(cell, i, tanhSlope(g))
		before := plus(plus(loop.E(loop.Mul, cell, f), 0, di), 1, df)
		var stores []loop.Store
		for b, e := range []*loop.Expr{di, df, dg, do} {
			stores = append(stores, k.where(k.now(dz, 4, b), e, loop.F(0)))
		}
		stores = append(stores, k.where(k.state(dc, unitAx), before, load(k.state(dc, unitAx))))
		k.scan(!reverse, k.units("gates", stores...), k.back(dz, turned, 4, dh))
	}
}

// back is the product of a step's gradients and the transposed recurrent matrix: the gradient of the output before the step. Behind an
// example's end that stays.
func (c cells) back(dz, turned *loop.Buffer, blocks int, dh *loop.Buffer) *loop.Nest {
	row := loop.Read(dz, batchAx, stepAx, c.unit(blocks, 0, innerAx))
	to := c.state(dh, unitAx)
	return c.product("product", c.hidden, blocks*c.hidden, row, loop.Read(turned, loop.At(c.dir), innerAx, unitAx), c.where(to, loop.Total(ir.F32), load(to)))
}

var lstmStepsGradSamples = []Sample{
	{Args: f32Types(ir.NS(4, 12), ir.NS(4, 3), ir.S(1, 3, 12), ir.NS(4, 3)), Attrs: ir.Attrs{{Name: "given", Value: []int{0, 1, 2, 5}}}},
	{Args: append(f32Types(ir.NS(3, 16), ir.NS(3, 4), ir.S(2, 2, 8)), append(i32Types(ir.NS()), f32Types(ir.S(2, 6), ir.NS(3, 4), ir.NS(4), ir.NS(4))...)...),
		Attrs: ir.Attrs{{Name: "direction", Value: "bidirectional"}}, Data: map[int][]float64{3: {2, 3, 0}}},
	{Args: f32Types(ir.NS(1, 20), ir.NS(1, 5), ir.S(1, 5, 20), ir.NS(5), ir.NS(5)), Attrs: ir.Attrs{{Name: "direction", Value: "reverse"}, {Name: "given", Value: []int{0, 1, 2, 6, 7}}}, Batch: 1},
}
