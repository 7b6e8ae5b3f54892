package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

var rnnArgs = []Arg{
	{Name: "sums", Doc: "f32[N,T,D*H], what the input and the biases add"},
	{Name: "w", Doc: "f32[D,H,H], the recurrent matrices"},
	{Name: "lengths", Doc: "i32[N], how many steps of each example count", Optional: true},
	{Name: "initial_h", Doc: "f32[N,D*H], the outputs before the first step", Optional: true},
}

var rnnActivation = AttrDef{Name: "activation", Doc: "what is applied to the sum", Default: "tanh", Values: []string{"tanh", "relu"}}

// RNNSteps is the part of a simple recurrent layer that runs step by step.
var RNNSteps = Register(&Operator{
	Name: "rnn_steps",
	Doc: "The recurrence of rnn, from the sums that the input contributes. It gives all outputs [N,T,D*H] and the last output [N,D*H]. " +
		"Behind an example's length the state stays and outputs are 0; a reverse direction starts at the example's own end.",
	Formula:  "h' = tanh(sums + h·w)",
	Example:  "y = rnn_steps(sums, w)",
	Category: "layer",
	Internal: true,
	Args:     rnnArgs,
	Attrs:    []AttrDef{directionAttr, rnnActivation, givenAttr, recordAttr},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := wantGiven("rnn_steps", len(args), rnnArgs, a); err != nil {
			return nil, err
		}
		x := place(args, a, len(rnnArgs))
		r, err := newRecurrence("rnn", x[0], x[1], 1, a)
		if err != nil {
			return nil, err
		}
		if err := wantTypes("rnn", rnnArgs, x, []ir.Type{x[0], x[1], r.lengthsType(), r.state()}); err != nil {
			return nil, err
		}
		types := []ir.Type{r.tape(1), r.state()}
		if a.Bool("record") { // the outputs before each step
			types = append(types, r.tape(1))
		}
		return types, nil
	},
	Eval: evalRNNSteps,
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		x := place(op.Args, op.Attrs, len(rnnArgs))
		y := b.recorded(op)
		args, given := compact([]*ir.Value{y[0], x[1], x[2], grads[0], grads[1]})
		back, err := b.Ops("rnn_steps_grad", x[0].Name+".grad", args, op.Attrs[0], op.Attrs[1], given)
		if err != nil {
			panic("ops: rnn_steps_grad: " + err.Error())
		}
		dw := b.Must("recurrent_grad_weight", x[1].Name+".grad", []*ir.Value{y[2], back[0]},
			ir.Attr{Name: "blocks", Value: 1}, ir.Attr{Name: "directions", Value: x[1].Type.Shape[0].Size})
		return gradsGiven([]*ir.Value{back[0], dw, nil, back[1]}, op)
	},
	Lower: lowerRNNSteps,
	Samples: []Sample{
		{Args: f32Types(ir.NS(4, 3), ir.S(1, 3, 3))},
		{Args: f32Types(ir.NS(1, 2), ir.S(2, 1, 1)), Attrs: ir.Attrs{{Name: "direction", Value: "bidirectional"}}, Batch: 1},
		{Args: append(f32Types(ir.NS(5, 14), ir.S(2, 7, 7)), append(i32Types(ir.NS()), f32Types(ir.NS(14))...)...),
			Attrs: ir.Attrs{{Name: "direction", Value: "bidirectional"}}, Data: map[int][]float64{2: {5, 0, 3}}},
		{Args: f32Types(ir.NS(3, 4), ir.S(1, 4, 4), ir.NS(4)), Batch: 2, Kinks: 0.01,
			Attrs: ir.Attrs{{Name: "given", Value: []int{0, 1, 3}}, {Name: "activation", Value: "relu"}, {Name: "direction", Value: "reverse"}}},
		{Args: f32Types(ir.S(2, 3, 9), ir.S(1, 9, 9)), Attrs: ir.Attrs{{Name: "record", Value: true}}, NoGrad: true},
	},
})

func evalRNNSteps(args []*Tensor, a ir.Attrs) []*Tensor {
	x := place(args, a, len(rnnArgs))
	sums, w := x[0], x[1]
	batch, hidden := sums.Shape[0], w.Shape[1]
	y, h := NewTensor(ir.F32, sums.Shape...), NewTensor(ir.F32, batch, sums.Shape[2])
	outputs := NewTensor(ir.F32, sums.Shape...)
	eachStep(sums, w, x[2], x[3], nil, directions(a), func(s *sequence) {
		next := make([]float64, hidden)
		for u := range hidden {
			v := s.sum(0, u) + s.recurrent(s.h, 0, u)
			if next[u] = math.Tanh(v); a.Str("activation") == "relu" {
				next[u] = max(v, 0)
			}
			outputs.Data[s.at(outputs, 1, 0, u)] = s.h[u]
			if s.live {
				y.Data[s.at(y, 1, 0, u)] = next[u]
			}
		}
		s.h = next
	}, func(s *sequence) {
		for u := range hidden {
			h.Data[s.state(h, u)] = s.h[u]
		}
	})
	if a.Bool("record") {
		return []*Tensor{y, h, outputs}
	}
	return []*Tensor{y, h}
}

func lowerRNNSteps(l *Lowering, op *ir.Op) {
	x := place(op.Args, op.Attrs, len(rnnArgs))
	r, _ := newRecurrence("rnn", x[0].Type, x[1].Type, 1, op.Attrs)
	y, h := l.Buf(op.Results[0]), l.Buf(op.Results[1])
	l.start([]*loop.Buffer{h}, []*ir.Value{x[3]})
	z := l.Temp("sums", ir.T(ir.F32, ir.Shape{r.batch, ir.D(r.hidden)}))
	for d, reverse := range directions(op.Attrs) {
		k := cells{r, l, d, l.optional(x[2])}
		w := loop.Read(l.Buf(x[1]), loop.At(d), innerAx, unitAx)
		sum := loop.E(loop.Add, loop.Total(ir.F32), load(k.now(l.Buf(x[0]), 1, 0)))
		product := k.product("product", r.hidden, r.hidden, load(k.state(h, innerAx)), w, storeAt(z, sum, batchAx, unitAx))
		old, v := load(k.state(h, unitAx)), loop.Read(z, batchAx, unitAx)
		out := loop.E(loop.Tanh, v)
		if op.Attrs.Str("activation") == "relu" {
			out = loop.E(loop.Max, v, loop.F(0))
		}
		var stores []loop.Store
		if op.Attrs.Bool("record") {
			stores = append(stores, loop.Store{To: k.now(l.Buf(op.Results[2]), 1, 0), Expr: old})
		}
		stores = append(stores, k.where(k.now(y, 1, 0), out, loop.F(0)), k.where(k.state(h, unitAx), out, old))
		k.scan(reverse, product, k.units("units", stores...))
	}
}
