package onnx

import (
	"slices"
	"strings"

	"github.com/dlc-ml/dlc/ir"
)

// Recurrent layers in forms that the operators rnn, gru and lstm do not have are written out, step by step: activations of other kinds or with parameters,
// clipping, a forget gate that follows from the input gate.

// unrolledMost is how many steps are written out.
const unrolledMost = 512

// activation is an activation of a recurrent layer, and which of the lists of parameters it takes a number of, with what it is where there is none left.
type activation struct {
	alpha, beta         bool
	alphaElse, betaElse float64
	apply               func(n *call, x *ir.Value, alpha, beta float64) *ir.Value
}

func (n *call) scaledBy(x *ir.Value, f float64) *ir.Value {
	return n.apply("mul", x, n.scalar(ir.F32, f))
}

func plainActivation(kind string, attrs ...string) activation {
	a := activation{alphaElse: 1, betaElse: 1, apply: func(n *call, x *ir.Value, alpha, beta float64) *ir.Value {
		var list []ir.Attr
		for i, name := range attrs {
			list = append(list, at1(name, []float64{alpha, beta}[i]))
		}
		return n.op(kind, []*ir.Value{x}, list...)
	}}
	a.alpha, a.beta = len(attrs) > 0, len(attrs) > 1
	return a
}

// recurrentActivations are those of ONNX, by their names in small letters.
var recurrentActivations = map[string]activation{
	"relu": plainActivation("relu"), "tanh": plainActivation("tanh"), "sigmoid": plainActivation("sigmoid"),
	"softsign": plainActivation("softsign"), "softplus": plainActivation("softplus"),
	"elu": plainActivation("elu", "alpha"), "thresholdedrelu": plainActivation("thresholded_relu", "alpha"),
	"leakyrelu":   {alpha: true, alphaElse: 0.01, apply: plainActivation("leaky_relu", "alpha").apply},
	"hardsigmoid": {alpha: true, beta: true, alphaElse: 0.2, betaElse: 0.5, apply: plainActivation("hard_sigmoid", "alpha", "beta").apply},
	"affine": {alpha: true, beta: true, alphaElse: 1, apply: func(n *call, x *ir.Value, alpha, beta float64) *ir.Value {
		return n.apply("add", n.scaledBy(x, alpha), n.scalar(ir.F32, beta))
	}},
	"scaledtanh": {alpha: true, beta: true, alphaElse: 1, betaElse: 1, apply: func(n *call, x *ir.Value, alpha, beta float64) *ir.Value {
		return n.scaledBy(n.apply("tanh", n.scaledBy(x, beta)), alpha)
	}},
}

// cell is a recurrent layer in one direction.
type cell struct {
	n       *call
	hidden  int
	f       []func(x *ir.Value) *ir.Value // its activations
	r       *ir.Value                     // the recurrent matrix, [H,G·H]
	rb      *ir.Value                     // its bias, [G·H], or nil
	p       *ir.Value                     // peepholes, [3H], or nil
	after   bool                          // of a GRU: the reset gate acts behind the product
	coupled bool                          // of an LSTM: the forget gate is 1 less the input gate
}

// cells are the steps of the layers by their operators: from the input's part of the sums [N,G·H] and the states to new states.
var cells = map[string]func(c *cell, x, h, s *ir.Value) (hidden, state *ir.Value){"rnn": (*cell).rnn, "gru": (*cell).gru, "lstm": (*cell).lstm}

// activationsOf are the activations of all directions, which clip what they get where the node says so.
func (n *call) activationsOf(missing []string, dirs int) []func(x *ir.Value) *ir.Value {
	names := slices.Repeat(missing, dirs)
	if a := n.attr("activations"); a != nil {
		names = a.Strings
	}
	if len(names) != len(missing)*dirs {
		refuse("its activations are %v, but it needs %d", names, len(missing)*dirs)
	}
	alphas, betas, clip := n.floats("activation_alpha"), n.floats("activation_beta"), n.float("clip", 0)
	next := func(list *[]float64, takes bool, missing float64) float64 {
		if !takes || len(*list) == 0 {
			return missing
		}
		x := (*list)[0]
		*list = (*list)[1:]
		return x
	}
	var fs []func(x *ir.Value) *ir.Value
	for i, name := range names {
		a, ok := recurrentActivations[strings.ToLower(name)]
		if !ok {
			refuse("there is no activation %q", name)
		}
		alpha, beta := next(&alphas, a.alpha, a.alphaElse), next(&betas, a.beta, a.betaElse)
		fs = append(fs, func(x *ir.Value) *ir.Value {
			if clip > 0 && i%len(missing) < 2 { // not the state of an LSTM, as ONNX Runtime has it
				x = n.op("clip", []*ir.Value{x}, at1("min", -clip), at1("max", clip))
			}
			return a.apply(n, x, alpha, beta)
		})
	}
	return fs
}

// recurrentSteps writes a recurrent layer out. x is [N,T,I]; the results are those of the operator.
func (n *call) recurrentSteps(kind string, x *ir.Value, gates, hidden int, missing []string, batchFirst bool) []*ir.Value {
	direction := n.str("direction", "forward")
	dirs := map[string]int{"forward": 1, "reverse": 1, "bidirectional": 2}[direction]
	steps := x.Type.Shape[1].Size
	if dirs == 0 || steps > unrolledMost {
		refuse("%d steps in direction %q with clip, input_forget or activations of its own are not supported; %d are", steps, direction, unrolledMost)
	}
	n.wantDims(1, dirs, gates*hidden, x.Type.Shape[2].Size)
	n.wantDims(2, dirs, gates*hidden, hidden)
	fs := n.activationsOf(missing, dirs)
	results := make([][]*ir.Value, 3) // the outputs of all steps and both states, by direction
	for d := range dirs {
		c := &cell{n: n, hidden: hidden, f: fs[d*len(missing) : (d+1)*len(missing)], r: n.transpose(n.rowOf(2, d, 0, gates*hidden), 1, 0),
			after: n.bool("linear_before_reset", false), coupled: n.bool("input_forget", false)}
		sums := n.op("dense", []*ir.Value{x, n.transpose(n.rowOf(1, d, 0, gates*hidden), 1, 0)})
		if n.has(3) {
			n.wantDims(3, dirs, 2*gates*hidden)
			sums = n.apply("add", sums, n.rowOf(3, d, 0, gates*hidden))
			c.rb = n.rowOf(3, d, gates*hidden, 2*gates*hidden)
		}
		if kind == "lstm" && n.has(7) {
			n.wantDims(7, dirs, 3*hidden)
			c.p = n.rowOf(7, d, 0, 3*hidden)
		}
		h, s := c.first(5, d, sums, batchFirst), (*ir.Value)(nil)
		if kind == "lstm" {
			s = c.first(6, d, sums, batchFirst)
		}
		for i, v := range c.walk(kind, sums, h, s, direction == "reverse" || d == 1) {
			results[i] = append(results[i], v)
		}
	}
	var y []*ir.Value
	for i, list := range results {
		if list != nil {
			y = append(y, n.side(list, map[bool]int{true: 2, false: 1}[i == 0]))
		}
	}
	return y
}

// side puts values side by side along an axis.
func (n *call) side(list []*ir.Value, axis int) *ir.Value {
	if len(list) == 1 {
		return list[0]
	}
	return n.op("concat", list, at1("axis", axis))
}

// rowOf is a part of row d of operand i, which is [D,..].
func (n *call) rowOf(i, d, from, to int) *ir.Value {
	dims := []int{to - from}
	v := n.op("slice", []*ir.Value{n.f32(n.v(i))}, at1("starts", []int{d, from}), at1("ends", []int{d + 1, to}), at1("axes", []int{0, 1}))
	for _, s := range v.Type.Shape[2:] {
		dims = append(dims, s.Size)
	}
	return n.reshape(v, dims...)
}

// first is the state before the first step, [N,H]: operand i, or zeros with a row for each example.
func (c *cell) first(i, d int, sums *ir.Value, batchFirst bool) *ir.Value {
	n := c.n
	if !n.has(i) {
		row := n.op("slice", []*ir.Value{sums}, at1("starts", []int{0, 0}), at1("ends", []int{1, c.hidden}), at1("axes", []int{1, 2}))
		row = n.reshape(row, sums.Type.Shape[0].Size, c.hidden)
		zero := n.scalar(ir.F32, 0)
		return n.apply("where", n.apply("equal", row, row), zero, zero)
	}
	v := n.state(n.f32(n.v(i)), batchFirst)
	return n.op("slice", []*ir.Value{v}, at1("starts", []int{d * c.hidden}), at1("ends", []int{(d + 1) * c.hidden}), at1("axes", []int{1}))
}

// walk goes through all steps: their outputs, [N,T,H], and the states behind the last one. Behind the length of an example outputs are 0, and states stay.
func (c *cell) walk(kind string, sums, h, s *ir.Value, back bool) []*ir.Value {
	n, batch, steps := c.n, sums.Type.Shape[0].Size, sums.Type.Shape[1].Size
	var lengths *ir.Value
	if n.has(4) {
		lengths = n.reshape(n.cast(n.v(4), ir.I32), n.dims(4)[0], 1)
	}
	outputs := make([]*ir.Value, steps)
	for k := range steps {
		t := k
		if back {
			t = steps - 1 - k
		}
		now := n.op("slice", []*ir.Value{sums}, at1("starts", []int{t}), at1("ends", []int{t + 1}), at1("axes", []int{1}))
		nh, ns := cells[kind](c, n.reshape(now, batch, sums.Type.Shape[2].Size), h, s)
		out := nh
		if lengths != nil {
			live := n.apply("greater", lengths, n.scalar(ir.I32, float64(t)))
			out, nh = n.apply("where", live, nh, n.scalar(ir.F32, 0)), n.apply("where", live, nh, h)
			if s != nil {
				ns = n.apply("where", live, ns, s)
			}
		}
		h, s, outputs[t] = nh, ns, n.reshape(out, batch, 1, c.hidden)
	}
	list := []*ir.Value{n.side(outputs, 1), h}
	if s != nil {
		list = append(list, s)
	}
	return list
}

// wantDims refuses an operand of other extents.
func (n *call) wantDims(i int, dims ...int) {
	if !slices.Equal(n.dims(i), dims) {
		refuse("operand %d is %v, not %v", i, n.x(i).shape(), dims)
	}
}

// gate is block g of sums [N,G·H], or of a vector.
func (c *cell) gate(v *ir.Value, g int) *ir.Value {
	return c.n.op("slice", []*ir.Value{v}, at1("starts", []int{g * c.hidden}), at1("ends", []int{(g + 1) * c.hidden}), at1("axes", []int{len(v.Type.Shape) - 1}))
}

// product is h times the recurrent matrix, with its bias.
func (c *cell) product(h *ir.Value) *ir.Value {
	y := c.n.op("dense", []*ir.Value{h, c.r})
	if c.rb != nil {
		y = c.n.apply("add", y, c.rb)
	}
	return y
}

func (c *cell) rnn(x, h, _ *ir.Value) (hidden, state *ir.Value) {
	return c.f[0](c.n.apply("add", x, c.product(h))), nil
}

// gru has the gates z, r and h.
func (c *cell) gru(x, h, _ *ir.Value) (hidden, state *ir.Value) {
	n, p := c.n, c.product(h)
	sum := func(g int) *ir.Value { return n.apply("add", c.gate(x, g), c.gate(p, g)) }
	z, r := c.f[0](sum(0)), c.f[0](sum(1))
	part := n.apply("mul", r, c.gate(p, 2))
	if !c.after {
		part = c.gate(c.product(n.apply("mul", r, h)), 2)
	}
	fresh := c.f[1](n.apply("add", c.gate(x, 2), part))
	return n.apply("add", n.apply("mul", n.apply("sub", n.scalar(ir.F32, 1), z), fresh), n.apply("mul", z, h)), nil
}

// lstm has the gates i, o, f and c, and peepholes i, o and f.
func (c *cell) lstm(x, h, s *ir.Value) (hidden, state *ir.Value) {
	n, sums := c.n, c.n.apply("add", x, c.product(h))
	sum := func(g int, seen *ir.Value) *ir.Value {
		if c.p == nil || g == 3 {
			return c.gate(sums, g)
		}
		return n.apply("add", c.gate(sums, g), n.apply("mul", c.gate(c.p, g), seen))
	}
	in := c.f[0](sum(0, s))
	var forget *ir.Value
	if c.coupled {
		forget = n.apply("sub", n.scalar(ir.F32, 1), in)
	} else {
		forget = c.f[0](sum(2, s))
	}
	state = n.apply("add", n.apply("mul", forget, s), n.apply("mul", in, c.f[1](sum(3, nil))))
	return n.apply("mul", c.f[0](sum(1, state)), c.f[2](state)), state
}
