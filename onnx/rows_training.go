package onnx

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// The operators of ai.onnx.preview.training: gradients, and optimizers, of which one is an update of any number of tensors.

var _ = register("ai.onnx.preview.training",
	opRow{name: "Gradient", min: 1, raw: true, run: gradient},
	opRow{name: "Adagrad", min: 1, run: func(n *call) []*value {
		eps, decay := n.float("epsilon", 1e-6), n.float("decay_factor", 0)
		rate := n.apply("div", n.v(0), n.apply("add", n.scalar(ir.F32, 1), n.times(n.cast(n.v(1), ir.F32), decay)))
		return n.updates(1, func(x, g *ir.Value, kept []*ir.Value) []*ir.Value {
			h := n.apply("add", kept[0], n.apply("mul", g, g))
			step := n.apply("div", n.apply("mul", rate, g), n.apply("add", n.apply("sqrt", h), n.scalar(ir.F32, eps)))
			return []*ir.Value{n.apply("sub", x, step), h}
		})
	}},
	opRow{name: "Momentum", min: 1, run: func(n *call) []*value {
		alpha, beta, mode := n.float("alpha", 0), n.float("beta", 0), n.str("mode", "standard")
		first := n.apply("equal", n.v(1), n.scalar(n.v(1).Type.Elem, 0))
		share := n.apply("where", first, n.scalar(ir.F32, 1), n.scalar(ir.F32, beta))
		return n.updates(1, func(x, g *ir.Value, kept []*ir.Value) []*ir.Value {
			v := n.apply("add", n.times(kept[0], alpha), n.apply("mul", share, g))
			step := v
			if mode == "nesterov" {
				step = n.apply("add", g, n.times(v, alpha))
			}
			return []*ir.Value{n.apply("sub", x, n.apply("mul", n.v(0), step)), v}
		})
	}},
	opRow{name: "Adam", min: 1, run: func(n *call) []*value {
		alpha, beta, eps, post := n.float("alpha", 0.9), n.float("beta", 0.999), n.float("epsilon", 1e-6), n.float("norm_coefficient_post", 0)
		t, one := n.cast(n.v(1), ir.F32), n.scalar(ir.F32, 1)
		rest := func(b float64) *ir.Value { return n.apply("sub", one, n.apply("pow", n.scalar(ir.F32, b), t)) }
		later := n.apply("div", n.apply("mul", n.v(0), n.apply("sqrt", rest(beta))), rest(alpha))
		rate := n.apply("where", n.apply("greater", t, n.scalar(ir.F32, 0)), later, n.v(0))
		return n.updates(2, func(x, g *ir.Value, kept []*ir.Value) []*ir.Value {
			v := n.apply("add", n.times(kept[0], alpha), n.times(g, 1-alpha))
			h := n.apply("add", n.times(kept[1], beta), n.times(n.apply("mul", g, g), 1-beta))
			step := n.apply("div", n.apply("mul", rate, v), n.apply("add", n.apply("sqrt", h), n.scalar(ir.F32, eps)))
			return []*ir.Value{n.times(n.apply("sub", x, step), 1-post), v, h}
		})
	}},
)

// times is v times a number.
func (n *call) times(v *ir.Value, x float64) *ir.Value { return n.apply("mul", v, n.scalar(ir.F32, x)) }

// updates calls update for each tensor, with its regularized gradient and what is kept of it, and sorts the results as ONNX does.
func (n *call) updates(states int, update func(x, g *ir.Value, kept []*ir.Value) []*ir.Value) []*value {
	norm, rest := n.float("norm_coefficient", 0), len(n.in)-2
	if rest < 1 || rest%(2+states) != 0 {
		refuse("%d operands are not a tensor, a gradient and %d more for each", rest, states)
	}
	count := rest / (2 + states)
	list := make([]*ir.Value, count*(1+states))
	for i := range count {
		x, g := n.v(2+i), n.v(2+count+i)
		g = n.apply("add", n.times(x, norm), g)
		var kept []*ir.Value
		for k := range states {
			kept = append(kept, n.v(2+(2+k)*count+i))
		}
		for k, v := range update(x, g, kept) {
			list[k*count+i] = v
		}
	}
	return n.results(list...)
}

// gradient is the gradient of a value of the graph by others that it was computed from. The node's operands are the places at which it is taken: those
// values themselves.
func gradient(n *call) []*value {
	var names []string
	if a := n.attr("xs"); a != nil {
		names = append(names, a.Strings...)
	}
	count := len(names)
	if a := n.attr("zs"); a != nil {
		names = append(names, a.Strings...)
	}
	if count == 0 || !slices.Equal(names, n.node.Inputs) {
		refuse("it is taken at %v, but the graph computes with %v", n.node.Inputs, names)
	}
	// made is the value as the graph computed with it.
	made := func(name string) *ir.Value {
		x := n.scope.find(name)
		switch {
		case x == nil || x.isSeq || x.none || x.behind != nil:
			refuse("%q is no tensor of this graph", name)
		case x.c != nil || x.elem() != ir.F32:
			refuse("%q is known, or no f32", name)
		case x.v == nil:
			return x.last
		}
		return x.v
	}
	y := made(n.str("y", ""))
	if hasBatch(y) {
		refuse("its sum over the elements of %v would mix the examples of a batch", y.Type)
	}
	var by []*ir.Value
	for _, name := range names[:count] {
		by = append(by, made(name))
	}
	grads, err := n.im.sink.b.Gradients(y, by, y.Name+" depends on "+names[0])
	if err != nil {
		panic(refusal{err})
	}
	var list []*value
	for i, g := range grads {
		if g == nil {
			if g, err = n.im.sink.b.Filled(by[i], 0); err != nil {
				panic(refusal{err})
			}
		}
		x := n.scope.find(names[i])
		r := &value{t: x.t, v: g}
		if x.v == nil {
			r.v, r.last = nil, g
		}
		list = append(list, r)
	}
	return list
}
