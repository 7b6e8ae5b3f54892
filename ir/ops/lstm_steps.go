package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// The operands of lstm_steps by number, and its results.
const (
	lstmSums = iota
	lstmMatrix
	lstmLengths
	lstmH
	lstmC
	lstmPeephole
	lstmOperands
)

var lstmArgs = []Arg{
	{Name: "sums", Doc: "f32[N,T,D*4H], what the input and the biases add to each gate"},
	{Name: "w", Doc: "f32[D,H,4H], the recurrent matrices"},
	{Name: "lengths", Doc: "i32[N], how many steps of each example count", Optional: true},
	{Name: "initial_h", Doc: "f32[N,D*H], the outputs before the first step", Optional: true},
	{Name: "initial_c", Doc: "f32[N,D*H], the cells before the first step", Optional: true},
	{Name: "peephole", Doc: "f32[D,3H], the weights from the cell to the gates i, f and o", Optional: true},
}

// LSTMSteps is the part of an LSTM that runs step by step.
var LSTMSteps = Register(&Operator{
	Name: "lstm_steps",
	Doc: "The recurrence of lstm, from the sums that the input contributes. The blocks of sums and w are the gates i, f, g, o. It gives all outputs [N,T,D*H] and the " +
		"last output and cell [N,D*H]. Behind an example's length the states stay and outputs are 0; a reverse direction starts at the example's own end.",
	Formula:  "c' = σ(f)·c + σ(i)·tanh(g), h' = σ(o)·tanh(c')",
	Example:  "y = lstm_steps(sums, w)",
	Category: "layer",
	Internal: true,
	Args:     lstmArgs,
	Attrs:    []AttrDef{directionAttr, {Name: "forget_bias", Doc: "added to the forget gate's sum", Default: 0.0}, givenAttr, recordAttr},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := wantGiven("lstm_steps", len(args), lstmArgs, a); err != nil {
			return nil, err
		}
		x := place(args, a, lstmOperands)
		r, err := newRecurrence("lstm", x[lstmSums], x[lstmMatrix], 4, a)
		if err != nil {
			return nil, err
		}
		want := []ir.Type{x[0], x[1], r.lengthsType(), r.state(), r.state(), ir.T(ir.F32, ir.S(r.dirs, 3*r.hidden))}
		if err := wantTypes("lstm", lstmArgs, x, want); err != nil {
			return nil, err
		}
		types := []ir.Type{r.tape(1), r.state(), r.state()}
		if a.Bool("record") { // the gates, and the cells and outputs before each step
			types = append(types, r.tape(4), r.tape(1), r.tape(1))
		}
		return types, nil
	},
	Eval: evalLSTMSteps,
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		x := place(op.Args, op.Attrs, lstmOperands)
		y := b.recorded(op)
		gates, cells, outputs := y[3], y[4], y[5]
		args, given := compact([]*ir.Value{gates, cells, x[lstmMatrix], x[lstmLengths], x[lstmPeephole], grads[0], grads[1], grads[2]})
		back, err := b.Ops("lstm_steps_grad", x[lstmSums].Name+".grad", args, op.Attrs[0], given)
		if err != nil {
			panic("ops: lstm_steps_grad: " + err.Error())
		}
		all := make([]*ir.Value, lstmOperands)
		all[lstmSums], all[lstmH], all[lstmC] = back[0], back[1], back[2]
		all[lstmMatrix] = b.Must("recurrent_grad_weight", x[lstmMatrix].Name+".grad", []*ir.Value{outputs, back[0]}, ir.Attr{Name: "blocks", Value: 4}, ir.Attr{Name: "directions", Value: x[lstmMatrix].Type.Shape[0].Size})
		if p := x[lstmPeephole]; p != nil {
			all[lstmPeephole] = b.Must("lstm_grad_peephole", p.Name+".grad", []*ir.Value{gates, cells, back[0]}, ir.Attr{Name: "directions", Value: p.Type.Shape[0].Size})
		}
		return gradsGiven(all, op)
	},
	Lower:   lowerLSTMSteps,
	Samples: lstmStepsSamples,
})

// gradsGiven lists the gradients of the operands that op has.
func gradsGiven(all []*ir.Value, op *ir.Op) []*ir.Value {
	list := make([]*ir.Value, len(op.Args))
	given := op.Attrs.Ints("given")
	for i := range list {
		if len(given) > 0 {
			list[i] = all[given[i]]
		} else {
			list[i] = all[i]
		}
	}
	return list
}

func evalLSTMSteps(args []*Tensor, a ir.Attrs) []*Tensor {
	x := place(args, a, lstmOperands)
	sums, w, p := x[lstmSums], x[lstmMatrix], x[lstmPeephole]
	batch, steps, dirs, hidden := sums.Shape[0], sums.Shape[1], w.Shape[0], w.Shape[1]
	y := NewTensor(ir.F32, batch, steps, dirs*hidden)
	h, c := NewTensor(ir.F32, batch, dirs*hidden), NewTensor(ir.F32, batch, dirs*hidden)
	gates := NewTensor(ir.F32, batch, steps, dirs*4*hidden)
	cells, outputs := NewTensor(ir.F32, y.Shape...), NewTensor(ir.F32, y.Shape...)
	eachStep(sums, w, x[lstmLengths], x[lstmH], x[lstmC], directions(a), func(s *sequence) {
		hn, cn := make([]float64, hidden), make([]float64, hidden)
		for u := range hidden {
			peep := func(gate int, cell float64) float64 {
				if p == nil {
					return 0
				}
				return cell * p.Data[s.d*3*hidden+gate*hidden+u]
			}
			z := func(gate int) float64 { return s.sum(gate, u) + s.recurrent(s.h, gate, u) }
			i := logistic(z(0) + peep(0, s.c[u]))
			f := logistic(z(1) + a.Float("forget_bias") + peep(1, s.c[u]))
			g := math.Tanh(z(2))
			cn[u] = f*s.c[u] + i*g
			o := logistic(z(3) + peep(2, cn[u]))
			hn[u] = o * math.Tanh(cn[u])
			for k, v := range []float64{i, f, g, o} {
				gates.Data[s.at(gates, 4, k, u)] = v
			}
			cells.Data[s.at(cells, 1, 0, u)], outputs.Data[s.at(outputs, 1, 0, u)] = s.c[u], s.h[u]
			if s.live {
				y.Data[s.at(y, 1, 0, u)] = hn[u]
			}
		}
		s.h, s.c = hn, cn
	}, func(s *sequence) {
		for u := range hidden {
			h.Data[s.state(h, u)], c.Data[s.state(c, u)] = s.h[u], s.c[u]
		}
	})
	if a.Bool("record") {
		return []*Tensor{y, h, c, gates, cells, outputs}
	}
	return []*Tensor{y, h, c}
}

func lowerLSTMSteps(l *Lowering, op *ir.Op) {
	x := place(op.Args, op.Attrs, lstmOperands)
	r, _ := newRecurrence("lstm", x[lstmSums].Type, x[lstmMatrix].Type, 4, op.Attrs)
	res := make([]*loop.Buffer, 6)
	for i, v := range op.Results {
		res[i] = l.Buf(v)
	}
	y, h, c := res[0], res[1], res[2]
	l.start([]*loop.Buffer{h, c}, []*ir.Value{x[lstmH], x[lstmC]})
	for d, reverse := range directions(op.Attrs) {
		z := l.Temp("sums", ir.T(ir.F32, ir.Shape{r.batch, ir.D(4 * r.hidden)})) // each direction has its own, so that they may run side by side
		k := cells{r, l, d, l.optional(x[lstmLengths])}
		w := loop.Read(l.Buf(x[lstmMatrix]), loop.At(d), innerAx, unitAx)
		sum := loop.E(loop.Add, loop.Total(ir.F32), load(k.now(l.Buf(x[lstmSums]), 4, 0)))
		product := k.product("product", 4*r.hidden, r.hidden, load(k.state(h, innerAx)), w, storeAt(z, sum, batchAx, unitAx))

		old := load(k.state(c, unitAx))
		gate := func(g int, add ...*loop.Expr) *loop.Expr {
			s := loop.Read(z, batchAx, unitAx.Plus(0, 0, g*r.hidden))
			for _, e := range add {
				s = loop.E(loop.Add, s, e)
			}
			return s
		}
		peep := func(g int, cell *loop.Expr) []*loop.Expr {
			if x[lstmPeephole] == nil {
				return nil
			}
			return []*loop.Expr{loop.E(loop.Mul, cell, loop.Read(l.Buf(x[lstmPeephole]), loop.At(d), unitAx.Plus(0, 0, g*r.hidden)))}
		}
		forget := peep(1, old)
		if fb := op.Attrs.Float("forget_bias"); fb != 0 {
			forget = append([]*loop.Expr{loop.F(fb)}, forget...)
		}
		i := loop.E(loop.Sigmoid, gate(0, peep(0, old)...))
		f := loop.E(loop.Sigmoid, gate(1, forget...))
		g := loop.E(loop.Tanh, gate(2))
		cell := loop.E(loop.FMA, f, old, loop.E(loop.Mul, i, g))
		o := loop.E(loop.Sigmoid, gate(3, peep(2, cell)...))
		out := loop.E(loop.Mul, o, loop.E(loop.Tanh, cell))
		var stores []loop.Store
		if op.Attrs.Bool("record") {
			for b, e := range []*loop.Expr{i, f, g, o} {
				stores = append(stores, loop.Store{To: k.now(res[3], 4, b), Expr: e})
			}
			stores = append(stores, loop.Store{To: k.now(res[4], 1, 0), Expr: old}, loop.Store{To: k.now(res[5], 1, 0), Expr: load(k.state(h, unitAx))})
		}
		stores = append(stores, k.where(k.now(y, 1, 0), out, loop.F(0)),
			k.where(k.state(h, unitAx), out, load(k.state(h, unitAx))), k.where(k.state(c, unitAx), cell, old))
		k.scan(reverse, product, k.units("gates", stores...))
	}
}

// lstmStepsSamples: both directions, lengths with and without whole examples, peepholes, one step, one unit, states left out in the middle.
var lstmStepsSamples = []Sample{
	{Args: f32Types(ir.NS(4, 12), ir.S(1, 3, 12))},
	{Args: f32Types(ir.NS(1, 4), ir.S(1, 1, 4)), Batch: 1},
	{Args: f32Types(ir.NS(3, 20), ir.S(1, 5, 20)), Attrs: ir.Attrs{{Name: "direction", Value: "reverse"}, {Name: "forget_bias", Value: 1.0}}, Batch: 2},
	{Args: f32Types(ir.NS(3, 24), ir.S(2, 3, 12)), Attrs: ir.Attrs{{Name: "direction", Value: "bidirectional"}}},
	{Args: append(f32Types(ir.NS(5, 24), ir.S(2, 3, 12)), append(i32Types(ir.NS()), f32Types(ir.NS(6), ir.NS(6), ir.S(2, 9))...)...),
		Attrs: ir.Attrs{{Name: "direction", Value: "bidirectional"}}, Data: map[int][]float64{2: {3, 5, 1}}},
	{Args: f32Types(ir.NS(3, 12), ir.S(1, 3, 12), ir.NS(3), ir.S(1, 9)), Attrs: ir.Attrs{{Name: "given", Value: []int{0, 1, 4, 5}}}, Batch: 2},
	{Args: append(f32Types(ir.NS(4, 36), ir.S(1, 9, 36)), append(i32Types(ir.NS()), f32Types(ir.NS(9))...)...), NoGrad: true, Batch: 4,
		Attrs: ir.Attrs{{Name: "direction", Value: "reverse"}, {Name: "record", Value: true}}, Data: map[int][]float64{2: {4, 0, 2, 9}}},
	{Args: f32Types(ir.S(2, 3, 8), ir.S(1, 2, 8))},
}

// i32Types is a list of i32 operand types, for samples.
func i32Types(shapes ...ir.Shape) []ir.Type {
	list := make([]ir.Type, len(shapes))
	for i, s := range shapes {
		list[i] = ir.T(ir.I32, s)
	}
	return list
}
