package onnx

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

var _ = register("",
	opRow{name: "RNN", min: 1, heavy: true, run: func(n *call) []*value { return n.recurrent("rnn", []int{0}, []string{"Tanh"}) }},
	opRow{name: "GRU", min: 1, heavy: true, run: func(n *call) []*value {
		return n.recurrent("gru", []int{1, 0, 2}, []string{"Sigmoid", "Tanh"})
	}},
	opRow{name: "LSTM", min: 1, heavy: true, run: func(n *call) []*value {
		return n.recurrent("lstm", []int{0, 2, 3, 1}, []string{"Sigmoid", "Tanh", "Tanh"})
	}},
)

// recurrent imports a recurrent layer. Block i of the operator's gates is ONNX's block order[i].
func (n *call) recurrent(kind string, order []int, activations []string) []*value {
	attrs, dirs, plain := n.recurrentAttrs(kind, activations)
	n.int("output_sequence", 1) // of early opsets: whether Y is wanted
	hidden, batchFirst := n.int("hidden_size", 0), n.bool("layout", false)
	var x *ir.Value
	if given := n.x(0); given.behind != nil && slices.Equal(given.perm, []int{1, 0, 2}) && !batchFirst {
		x = n.f32(given.behind)
	} else if x = n.f32(n.v(0)); !batchFirst && len(x.Type.Shape) == 3 {
		x = n.transpose(x, 1, 0, 2)
	}
	if len(x.Type.Shape) != 3 || n.rank(1) != 3 || n.rank(2) != 3 {
		refuse("its input must have three axes, and so must W and R")
	}
	gates := len(order)
	if r := n.x(2).shape(); r[2].Size != hidden && hidden != 0 || r[1].Size != gates*r[2].Size {
		refuse("R is %v, which is not for %d units", r, hidden)
	} else {
		hidden = r[2].Size
	}
	if !plain {
		return n.recurrentResults(n.recurrentSteps(kind, x, gates, hidden, activations, batchFirst), dirs, hidden, batchFirst)
	}
	args := make([]*ir.Value, 9)
	args[0] = x
	args[1] = n.derived(1, "W", func(w *ir.Value) *ir.Value { // [D,GH,I] to [I,D*GH]
		w = n.blocks(w, 1, hidden, order)
		return n.reshape(n.transpose(w, 2, 0, 1), w.Type.Shape[2].Size, dirs*gates*hidden)
	})
	args[2] = n.derived(2, "R", func(r *ir.Value) *ir.Value { return n.transpose(n.blocks(r, 1, hidden, order), 0, 2, 1) })
	if n.has(3) {
		for i, name := range []string{"Wb", "Rb"} {
			args[3+i] = n.derived(3, name, func(b *ir.Value) *ir.Value { // half of [D,2GH]
				b = n.op("slice", []*ir.Value{b}, at1("starts", []int{i * gates * hidden}), at1("ends", []int{(i + 1) * gates * hidden}), at1("axes", []int{1}))
				return n.reshape(n.blocks(b, 1, hidden, order), dirs*gates*hidden)
			})
		}
	}
	if n.has(4) {
		args[5] = n.cast(n.v(4), ir.I32)
	}
	for i := range 2 {
		if n.has(5+i) && !n.x(5+i).zero() {
			args[6+i] = n.state(n.f32(n.v(5+i)), batchFirst)
		}
	}
	if kind == "lstm" && n.has(7) {
		args[8] = n.derived(7, "P", func(p *ir.Value) *ir.Value { return n.blocks(p, 1, hidden, []int{0, 2, 1}) })
	}
	for len(args) > 3 && args[len(args)-1] == nil {
		args = args[:len(args)-1]
	}
	y := n.im.results(kind, n.name(), args, attrs...)
	return n.recurrentResults(y, dirs, hidden, batchFirst)
}

// recurrentAttrs are the attributes of the operator, the number of directions, and whether the operator has the form that is asked for.
func (n *call) recurrentAttrs(kind string, activations []string) (attrs []ir.Attr, dirs int, plain bool) {
	plain = n.float("clip", 0) <= 0 && !n.bool("input_forget", false)
	direction := n.str("direction", "forward")
	attrs, dirs = []ir.Attr{at1("direction", direction)}, 1
	if direction == "bidirectional" {
		dirs = 2
	}
	if a := n.attr("activations"); a != nil {
		if kind == "rnn" && slices.Equal(slices.Compact(slices.Clone(a.Strings)), []string{"Relu"}) {
			attrs = append(attrs, at1("activation", "relu"))
		} else if !slices.Equal(a.Strings, slices.Repeat(activations, dirs)) {
			plain = false // those of the operator have no parameters that could be given
		}
	}
	if kind == "gru" {
		attrs = append(attrs, at1("reset_after", n.bool("linear_before_reset", false)))
	}
	return attrs, dirs, plain
}

// zero reports whether x is known to be zeros.
func (x *value) zero() bool {
	return x.c != nil && !slices.ContainsFunc(x.c.all(), func(v float64) bool { return v != 0 })
}

// state is an initial state [D,N,H], or [N,D,H], as [N,D*H].
func (n *call) state(v *ir.Value, batchFirst bool) *ir.Value {
	if !batchFirst {
		v = n.transpose(v, 1, 0, 2)
	}
	s := v.Type.Shape
	return n.reshape(v, s[0].Size, s[1].Size*s[2].Size)
}

// recurrentResults are the outputs of all steps as [T,D,N,H], and the last states as [D,N,H]; with the batch first [N,T,D,H] and [N,D,H].
func (n *call) recurrentResults(y []*ir.Value, dirs, hidden int, batchFirst bool) []*value {
	s := y[0].Type.Shape
	all := n.reshape(y[0], s[0].Size, s[1].Size, dirs, hidden)
	all = n.back(all)
	first := &value{t: n.x(0).t, v: all}
	if moved := n.reordered(first, []int{1, 2, 0, 3}); moved != nil && !batchFirst {
		first = moved
	} else if !batchFirst {
		first.v = n.transpose(all, 1, 2, 0, 3)
	}
	list := []*value{first}
	for _, v := range y[1:] {
		v = n.reshape(v, s[0].Size, dirs, hidden)
		state := &value{t: n.x(0).t, v: n.back(v)}
		if moved := n.reordered(state, []int{1, 0, 2}); moved != nil && !batchFirst {
			state = moved
		} else if !batchFirst {
			state.v = n.transpose(state.v, 1, 0, 2)
		}
		list = append(list, state)
	}
	return list
}

// blocks puts the blocks of an axis, each of the given size, in another order.
func (n *call) blocks(v *ir.Value, axis, size int, order []int) *ir.Value {
	if slices.IsSorted(order) {
		return v
	}
	var list []*ir.Value
	for _, k := range order {
		list = append(list, n.op("slice", []*ir.Value{v}, at1("starts", []int{k * size}), at1("ends", []int{(k + 1) * size}), at1("axes", []int{axis})))
	}
	return n.op("concat", list, at1("axis", axis))
}

// derived is what build makes of operand i, computed now where the operand is known.
func (n *call) derived(i int, key string, build func(v *ir.Value) *ir.Value) *ir.Value {
	x := n.x(i)
	if x.c == nil || n.im.sink.given != nil {
		return build(n.f32(n.v(i)))
	}
	id := permutation{x.c, key}
	c := n.im.turned[id]
	if c == nil {
		c = n.im.computed(x.c, func(v *ir.Value) *ir.Value { return build(n.f32(v)) })
		n.im.turned[id] = c
	}
	return n.im.materialize(c)
}
