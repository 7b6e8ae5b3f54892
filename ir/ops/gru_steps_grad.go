package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

var gruGradArgs = []Arg{
	{Name: "gates", Doc: "f32[N,T,D*3H], the values of r, z and n"},
	{Name: "outputs", Doc: "f32[N,T,D*H], the outputs before each step"},
	{Name: "extra", Doc: "f32[N,T,D*H], what r was multiplied with; with reset_after=false r times the output before the step"},
	{Name: "w", Doc: "f32[D,H,3H], the recurrent matrices"},
	{Name: "lengths", Doc: "i32[N], how many steps of each example count", Optional: true},
	{Name: "dy", Doc: "f32[N,T,D*H], the gradient of the outputs", Optional: true},
	{Name: "dh", Doc: "f32[N,D*H], the gradient of the last output", Optional: true},
}

// GRUStepsGrad is back-propagation through time.
var GRUStepsGrad = Register(&Operator{
	Name: "gru_steps_grad",
	Doc: "The gradient of gru_steps: that of the sums before the gates for every step, [N,T,D*3H], that of the output before the first step, [N,D*H], and with " +
		"reset_after that of the recurrent products, [N,T,D*3H], which else is the first. It walks the steps from the end.",
	Formula:  "dz_t from dh_t, dh_{t-1} = z·dh_t + dz_t·wᵀ",
	Example:  "dsums = gru_steps_grad(gates, outputs, extra, w)",
	Category: "gradient",
	Internal: true,
	Args:     gruGradArgs,
	Attrs:    []AttrDef{directionAttr, resetAfter, givenAttr},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := wantGiven("gru_steps_grad", len(args), gruGradArgs, a); err != nil {
			return nil, err
		}
		x := place(args, a, len(gruGradArgs))
		r, err := newRecurrence("gru_steps_grad", x[0], x[3], 3, a)
		if err != nil {
			return nil, err
		}
		want := []ir.Type{x[0], r.tape(1), r.tape(1), x[3], r.lengthsType(), r.tape(1), r.state()}
		if err := wantTypes("gru_steps_grad", gruGradArgs, x, want); err != nil {
			return nil, err
		}
		types := []ir.Type{r.tape(3), r.state()}
		if a.Bool("reset_after") {
			types = append(types, r.tape(3))
		}
		return types, nil
	},
	Eval:   evalGRUStepsGrad,
	NoGrad: secondOrder,
	Lower:  lowerGRUStepsGrad,
	Samples: []Sample{
		{Args: f32Types(ir.NS(4, 9), ir.NS(4, 3), ir.NS(4, 3), ir.S(1, 3, 9), ir.NS(4, 3)), Attrs: ir.Attrs{{Name: "given", Value: []int{0, 1, 2, 3, 5}}}},
		{Args: append(f32Types(ir.NS(3, 12), ir.NS(3, 4), ir.NS(3, 4), ir.S(2, 2, 6)), append(i32Types(ir.NS()), f32Types(ir.NS(3, 4), ir.NS(4))...)...),
			Attrs: ir.Attrs{{Name: "direction", Value: "bidirectional"}}, Data: map[int][]float64{4: {2, 3, 0}}},
		{Args: append(f32Types(ir.NS(2, 27), ir.NS(2, 9), ir.NS(2, 9), ir.S(1, 9, 27)), append(i32Types(ir.NS()), f32Types(ir.NS(2, 9))...)...), Batch: 2,
			Attrs: ir.Attrs{{Name: "direction", Value: "reverse"}, {Name: "reset_after", Value: false}}, Data: map[int][]float64{4: {1, 2}}},
		{Args: f32Types(ir.NS(1, 3), ir.NS(1, 1), ir.NS(1, 1), ir.S(1, 1, 3), ir.NS(1)), Batch: 1,
			Attrs: ir.Attrs{{Name: "given", Value: []int{0, 1, 2, 3, 6}}, {Name: "reset_after", Value: false}}},
	},
})

func evalGRUStepsGrad(args []*Tensor, a ir.Attrs) []*Tensor {
	x := place(args, a, len(gruGradArgs))
	gates, outputs, extra, w, dy := x[0], x[1], x[2], x[3], x[5]
	hidden, after := w.Shape[1], a.Bool("reset_after")
	dg, dq, dh := NewTensor(ir.F32, gates.Shape...), NewTensor(ir.F32, gates.Shape...), NewTensor(ir.F32, gates.Shape[0], outputs.Shape[2])
	back := directions(a)
	for i := range back {
		back[i] = !back[i]
	}
	eachStep(gates, w, x[4], x[6], nil, back, func(s *sequence) {
		if !s.live {
			return
		}
		weight := func(k, block, u int) float64 { return w.Data[((s.d*hidden+k)*3+block)*hidden+u] }
		before, candidate := make([]float64, hidden), make([]float64, hidden)
		update := make([]float64, hidden)
		for u := range hidden {
			z, n, old := s.sum(1, u), s.sum(2, u), outputs.Data[s.at(outputs, 1, 0, u)]
			out := s.h[u]
			if dy != nil {
				out += dy.Data[s.at(dy, 1, 0, u)]
			}
			candidate[u], update[u] = out*(1-z)*(1-n*n), out*(old-n)*z*(1-z)
			before[u] = out * z
		}
		for u := range hidden {
			r, old := s.sum(0, u), outputs.Data[s.at(outputs, 1, 0, u)]
			dr, dn := candidate[u]*extra.Data[s.at(extra, 1, 0, u)], candidate[u]*r
			if !after {
				dr, dn = 0, candidate[u]
				for j := range hidden {
					dr += candidate[j] * weight(u, 2, j)
				}
				before[u] += dr * r
				dr *= old
			}
			dr *= r * (1 - r)
			for block, v := range []float64{dr, update[u], dn} {
				dq.Data[s.at(dq, 3, block, u)], dg.Data[s.at(dg, 3, block, u)] = v, v
				if block == 2 && !after {
					continue
				}
				for k := range hidden {
					before[k] += v * weight(k, block, u)
				}
			}
			dg.Data[s.at(dg, 3, 2, u)] = candidate[u]
		}
		s.h = before
	}, func(s *sequence) {
		for u := range hidden {
			dh.Data[s.state(dh, u)] = s.h[u]
		}
	})
	if after {
		return []*Tensor{dg, dh, dq}
	}
	return []*Tensor{dg, dh}
}

func lowerGRUStepsGrad(l *Lowering, op *ir.Op) {
	x := place(op.Args, op.Attrs, len(gruGradArgs))
	r, _ := newRecurrence("gru_steps_grad", x[0].Type, x[3].Type, 3, op.Attrs)
	dg, dh := l.Buf(op.Results[0]), l.Buf(op.Results[1])
	l.start([]*loop.Buffer{dh}, []*ir.Value{x[6]})
	turned := l.turned(x[3])
	after := op.Attrs.Bool("reset_after")
	var damped *loop.Buffer
	if !after {
		damped = l.Temp("damped", ir.T(ir.F32, ir.Shape{r.batch, ir.D(r.hidden)}))
	}
	for d, reverse := range directions(op.Attrs) {
		k := cells{r, l, d, l.optional(x[4])}
		gate := func(g int) *loop.Expr { return load(k.now(l.Buf(x[0]), 3, g)) }
		reset, z, n := gate(0), gate(1), gate(2)
		old, state := load(k.now(l.Buf(x[1]), 1, 0)), k.state(dh, unitAx)
		out := load(state)
		if x[5] != nil {
			out = loop.E(loop.Add, out, load(k.now(l.Buf(x[5]), 1, 0)))
		}
		candidate := loop.E(loop.Mul, loop.E(loop.Mul, out, loop.E(loop.Sub, loop.F(1), z)), tanhSlope(n))
		update := loop.E(loop.Mul, loop.E(loop.Mul, out, loop.E(loop.Sub, old, n)), sigmoidSlope(z))
		to := func(b *loop.Buffer, block int, e *loop.Expr) loop.Store {
			return k.where(k.now(b, 3, block), e, loop.F(0))
		}
		carried := k.where(state, loop.E(loop.Mul, out, z), load(state))
		// The products of the steps behind an example's end are 0, so that dh stays.
		more := loop.Store{To: state, Expr: loop.E(loop.Add, load(state), loop.Total(ir.F32))}
		back := func(dz *loop.Buffer, blocks int) *loop.Nest {
			row := loop.Read(dz, batchAx, stepAx, k.unit(3, 0, innerAx))
			return k.product("product", r.hidden, blocks*r.hidden, row, loop.Read(turned, loop.At(d), innerAx, unitAx), more)
		}
		if after {
			dq := l.Buf(op.Results[2])
			dr := loop.E(loop.Mul, loop.E(loop.Mul, candidate, load(k.now(l.Buf(x[2]), 1, 0))), sigmoidSlope(reset))
			k.scan(!reverse, k.units("gates", to(dg, 0, dr), to(dg, 1, update), to(dg, 2, candidate),
				to(dq, 0, dr), to(dq, 1, update), to(dq, 2, loop.E(loop.Mul, candidate, reset)), carried), back(dq, 3))
			continue
		}
		row := loop.Read(dg, batchAx, stepAx, k.unit(3, 2, innerAx))
		product := k.product("candidate", r.hidden, r.hidden, row, loop.Read(turned, loop.At(d), innerAx.Plus(0, 0, 2*r.hidden), unitAx),
			storeAt(damped, loop.Total(ir.F32), batchAx, unitAx))
		through := loop.Read(damped, batchAx, unitAx)
		dr := loop.E(loop.Mul, loop.E(loop.Mul, through, old), sigmoidSlope(reset))
		k.scan(!reverse, k.units("gates", to(dg, 1, update), to(dg, 2, candidate), carried), product,
			k.units("reset", to(dg, 0, dr), loop.Store{To: state, Expr: loop.E(loop.FMA, through, reset, load(state))}), back(dg, 2))
	}
}
