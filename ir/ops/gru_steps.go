package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// The operands of gru_steps by number.
const (
	gruSums = iota
	gruMatrix
	gruBias
	gruLengths
	gruH
	gruOperands
)

var gruArgs = []Arg{
	{Name: "sums", Doc: "f32[N,T,D*3H], what the input and its bias add to each gate"},
	{Name: "w", Doc: "f32[D,H,3H], the recurrent matrices"},
	{Name: "bias", Doc: "f32[D*3H], added to the recurrent product", Optional: true},
	{Name: "lengths", Doc: "i32[N], how many steps of each example count", Optional: true},
	{Name: "initial_h", Doc: "f32[N,D*H], the outputs before the first step", Optional: true},
}

var resetAfter = AttrDef{Name: "reset_after", Doc: "whether the reset gate is applied behind the recurrent matrix, as PyTorch does and ONNX with linear_before_reset=1, or before it", Default: true}

// GRUSteps is the part of a gated recurrent unit that runs step by step.
var GRUSteps = Register(&Operator{
	Name: "gru_steps",
	Doc: "The recurrence of gru, from the sums that the input contributes. The blocks of sums, w and bias are the gates r, z and the candidate n. It gives all outputs " +
		"[N,T,D*H] and the last output [N,D*H]. Behind an example's length the state stays and outputs are 0; a reverse direction starts at the example's own end.",
	Formula:  "h' = (1 - z)·n + z·h, n = tanh(sums_n + r·(h·w_n + bias_n)), or with reset_after=false tanh(sums_n + (r·h)·w_n + bias_n)",
	Example:  "y = gru_steps(sums, w)",
	Category: "layer",
	Internal: true,
	Args:     gruArgs,
	Attrs:    []AttrDef{directionAttr, resetAfter, givenAttr, recordAttr},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := wantGiven("gru_steps", len(args), gruArgs, a); err != nil {
			return nil, err
		}
		x := place(args, a, gruOperands)
		r, err := newRecurrence("gru", x[gruSums], x[gruMatrix], 3, a)
		if err != nil {
			return nil, err
		}
		want := []ir.Type{x[0], x[1], ir.T(ir.F32, ir.Shape{r.width(3)}), r.lengthsType(), r.state()}
		if err := wantTypes("gru", gruArgs, x, want); err != nil {
			return nil, err
		}
		types := []ir.Type{r.tape(1), r.state()}
		if a.Bool("record") { // the gates; the outputs before each step; what r is multiplied with, or with reset_after=false gives
			types = append(types, r.tape(3), r.tape(1), r.tape(1))
		}
		return types, nil
	},
	Eval:  evalGRUSteps,
	Grad:  gradGRUSteps,
	Lower: lowerGRUSteps,
	Samples: []Sample{
		{Args: f32Types(ir.NS(4, 9), ir.S(1, 3, 9))},
		{Args: f32Types(ir.NS(1, 6), ir.S(2, 1, 3), ir.S(6)), Attrs: ir.Attrs{{Name: "direction", Value: "bidirectional"}}, Batch: 1},
		{Args: f32Types(ir.NS(3, 15), ir.S(1, 5, 15), ir.S(15)), Attrs: ir.Attrs{{Name: "direction", Value: "reverse"}, {Name: "reset_after", Value: false}}, Batch: 2},
		{Args: append(f32Types(ir.NS(4, 18), ir.S(2, 3, 9), ir.S(18)), append(i32Types(ir.NS()), f32Types(ir.NS(6))...)...),
			Attrs: ir.Attrs{{Name: "direction", Value: "bidirectional"}}, Data: map[int][]float64{3: {3, 0, 4}}},
		{Args: append(f32Types(ir.NS(3, 24), ir.S(2, 4, 12)), append(i32Types(ir.NS()), f32Types(ir.NS(8))...)...), Data: map[int][]float64{2: {3, 1}}, Batch: 2,
			Attrs: ir.Attrs{{Name: "direction", Value: "bidirectional"}, {Name: "reset_after", Value: false}, {Name: "given", Value: []int{0, 1, 3, 4}}}},
		{Args: f32Types(ir.S(2, 3, 27), ir.S(1, 9, 27)), Attrs: ir.Attrs{{Name: "record", Value: true}}, NoGrad: true},
		{Args: f32Types(ir.NS(2, 3), ir.S(1, 1, 3), ir.S(3)), Attrs: ir.Attrs{{Name: "record", Value: true}, {Name: "reset_after", Value: false}}, NoGrad: true},
	},
})

func gradGRUSteps(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
	x := place(op.Args, op.Attrs, gruOperands)
	y := b.recorded(op)
	gates, outputs, extra := y[2], y[3], y[4]
	args, given := compact([]*ir.Value{gates, outputs, extra, x[gruMatrix], x[gruLengths], grads[0], grads[1]})
	back, err := b.Ops("gru_steps_grad", x[gruSums].Name+".grad", args, op.Attrs[0], op.Attrs[1], given)
	if err != nil {
		panic("ops: gru_steps_grad: " + err.Error())
	}
	products := []*ir.Value{outputs, back[0], extra} // what the columns of w were multiplied with, and the gradient of that
	if op.Attrs.Bool("reset_after") {
		products = []*ir.Value{outputs, back[2]}
	}
	all := make([]*ir.Value, gruOperands)
	all[gruSums], all[gruH] = back[0], back[1]
	all[gruMatrix] = b.Must("recurrent_grad_weight", x[gruMatrix].Name+".grad", products,
		ir.Attr{Name: "blocks", Value: 3}, ir.Attr{Name: "directions", Value: x[gruMatrix].Type.Shape[0].Size})
	if v := x[gruBias]; v != nil {
		all[gruBias] = sumTo(b, products[1], v.Type)
	}
	return gradsGiven(all, op)
}

func evalGRUSteps(args []*Tensor, a ir.Attrs) []*Tensor {
	x := place(args, a, gruOperands)
	sums, w := x[gruSums], x[gruMatrix]
	batch, steps, width, hidden := sums.Shape[0], sums.Shape[1], w.Shape[0]*w.Shape[1], w.Shape[1]
	y, h := NewTensor(ir.F32, batch, steps, width), NewTensor(ir.F32, batch, width)
	gates, outputs, extra := NewTensor(ir.F32, batch, steps, 3*width), NewTensor(ir.F32, y.Shape...), NewTensor(ir.F32, y.Shape...)
	eachStep(sums, w, x[gruLengths], x[gruH], nil, directions(a), func(s *sequence) {
		bias := func(block, u int) float64 {
			if x[gruBias] == nil {
				return 0
			}
			return x[gruBias].Data[(s.d*3+block)*hidden+u]
		}
		reset, next := make([]float64, hidden), make([]float64, hidden)
		for u := range hidden {
			reset[u] = logistic(s.sum(0, u) + s.recurrent(s.h, 0, u) + bias(0, u))
		}
		damped := make([]float64, hidden)
		for u := range hidden {
			damped[u] = reset[u] * s.h[u]
		}
		for u := range hidden {
			z := logistic(s.sum(1, u) + s.recurrent(s.h, 1, u) + bias(1, u))
			kept := s.recurrent(s.h, 2, u) + bias(2, u)
			n := math.Tanh(s.sum(2, u) + reset[u]*kept)
			if !a.Bool("reset_after") {
				kept = damped[u]
				n = math.Tanh(s.sum(2, u) + s.recurrent(damped, 2, u) + bias(2, u))
			}
			next[u] = (1-z)*n + z*s.h[u]
			for k, v := range []float64{reset[u], z, n} {
				gates.Data[s.at(gates, 3, k, u)] = v
			}
			extra.Data[s.at(extra, 1, 0, u)], outputs.Data[s.at(outputs, 1, 0, u)] = kept, s.h[u]
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
		return []*Tensor{y, h, gates, outputs, extra}
	}
	return []*Tensor{y, h}
}

func lowerGRUSteps(l *Lowering, op *ir.Op) {
	x := place(op.Args, op.Attrs, gruOperands)
	r, _ := newRecurrence("gru", x[gruSums].Type, x[gruMatrix].Type, 3, op.Attrs)
	res := make([]*loop.Buffer, 5)
	for i, v := range op.Results {
		res[i] = l.Buf(v)
	}
	l.start([]*loop.Buffer{res[1]}, []*ir.Value{x[gruH]})
	g := &gruCells{res: res, record: op.Attrs.Bool("record")}
	g.sums, g.w, g.bias = l.Buf(x[gruSums]), l.Buf(x[gruMatrix]), l.optional(x[gruBias])
	for d, reverse := range directions(op.Attrs) {
		// Each direction has its own, so that they may run side by side.
		g.q = l.Temp("sums", ir.T(ir.F32, ir.Shape{r.batch, ir.D(3 * r.hidden)}))
		if !op.Attrs.Bool("reset_after") {
			g.damped = l.Temp("damped", ir.T(ir.F32, ir.Shape{r.batch, ir.D(r.hidden)}))
		}
		g.cells = cells{r, l, d, l.optional(x[gruLengths])}
		g.scan(reverse, g.body()...)
	}
}

// gruCells writes the nests of one direction.
type gruCells struct {
	cells
	res           []*loop.Buffer
	sums, w, bias *loop.Buffer
	q             *loop.Buffer // the recurrent products of a step
	damped        *loop.Buffer // r·h of a step, with reset_after=false
	record        bool
}

// total is the recurrent product and its bias, from block on.
func (g *gruCells) total(block int) *loop.Expr {
	if g.bias == nil {
		return loop.Total(ir.F32)
	}
	return loop.E(loop.Add, loop.Total(ir.F32), loop.Read(g.bias, g.unit(3, block, unitAx)))
}

func (g *gruCells) body() []*loop.Nest {
	h := load(g.state(g.res[1], unitAx))
	q := func(block int) *loop.Expr { return loop.Read(g.q, batchAx, unitAx.Plus(0, 0, block*g.hidden)) }
	in := func(block int) *loop.Expr { return load(g.now(g.sums, 3, block)) }
	weight := func(first int) *loop.Expr {
		return loop.Read(g.w, loop.At(g.dir), innerAx, unitAx.Plus(0, 0, first*g.hidden))
	}
	reset := loop.E(loop.Sigmoid, loop.E(loop.Add, in(0), q(0)))
	row := load(g.state(g.res[1], innerAx))
	if g.damped == nil {
		product := g.product("product", 3*g.hidden, g.hidden, row, weight(0), storeAt(g.q, g.total(0), batchAx, unitAx))
		return []*loop.Nest{product, g.units("gates", g.finish(h, loop.E(loop.Tanh, loop.E(loop.FMA, reset, q(2), in(2))), in(1), q(1), reset, q(2))...)}
	}
	gates := g.product("product", 2*g.hidden, g.hidden, row, weight(0), storeAt(g.q, g.total(0), batchAx, unitAx))
	damped := loop.E(loop.Mul, reset, h)
	stores := []loop.Store{storeAt(g.damped, damped, batchAx, unitAx)}
	if g.record {
		stores = append(stores, loop.Store{To: g.now(g.res[2], 3, 0), Expr: reset}, loop.Store{To: g.now(g.res[4], 1, 0), Expr: damped})
	}
	candidate := g.product("candidate", g.hidden, g.hidden, loop.Read(g.damped, batchAx, innerAx), weight(2),
		storeAt(g.q, g.total(2), batchAx, unitAx.Plus(0, 0, 2*g.hidden)))
	last := g.units("gates", g.finish(h, loop.E(loop.Tanh, loop.E(loop.Add, in(2), q(2))), in(1), q(1), nil, nil)...)
	return []*loop.Nest{gates, g.units("reset", stores...), candidate, last}
}

// finish are the stores of a step, from the candidate n and the two parts of z. reset and extra are recorded where they are given.
func (g *gruCells) finish(h, n, zin, zq, reset, extra *loop.Expr) []loop.Store {
	z := loop.E(loop.Sigmoid, loop.E(loop.Add, zin, zq))
	out := loop.E(loop.FMA, z, loop.E(loop.Sub, h, n), n)
	var stores []loop.Store
	if g.record {
		stores = append(stores, loop.Store{To: g.now(g.res[2], 3, 1), Expr: z}, loop.Store{To: g.now(g.res[2], 3, 2), Expr: n}, loop.Store{To: g.now(g.res[3], 1, 0), Expr: h})
		if reset != nil {
			stores = append(stores, loop.Store{To: g.now(g.res[2], 3, 0), Expr: reset}, loop.Store{To: g.now(g.res[4], 1, 0), Expr: extra})
		}
	}
	return append(stores, g.where(g.now(g.res[0], 1, 0), out, loop.F(0)), g.where(g.state(g.res[1], unitAx), out, h))
}
