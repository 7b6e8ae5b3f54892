package onnx

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

var _ = register("",
	opRow{name: "If", min: 1, raw: true, run: branch},
	opRow{name: "Loop", min: 1, raw: true, run: loop},
	opRow{name: "Scan", min: 8, raw: true, run: scan},
)

// graph is an attribute that is a graph.
func (n *call) graph(name string) *Graph {
	a := n.attr(name)
	if a == nil || a.G == nil {
		refuse("it has no %s", name)
	}
	return a.G
}

// inside imports the nodes of a graph that sees the values around it, with the given values for its inputs.
func (n *call) inside(g *Graph, in []*value) []*value {
	if len(g.Inputs) != len(in) {
		refuse("its graph takes %d values, not %d", len(g.Inputs), len(in))
	}
	sc := newScope(n.scope)
	err := n.im.initializers(sc, g)
	if err == nil {
		for i, info := range g.Inputs {
			sc.values[info.Name] = in[i]
		}
		err = n.im.nodes(sc, g.Nodes)
	}
	if err != nil {
		panic(refusal{&damage{at(n.node.Op, err)}})
	}
	var names []string
	for _, o := range g.Outputs {
		names = append(names, o.Name)
	}
	list, err := outputs(sc, names, "graph of "+n.node.title())
	if err != nil {
		panic(refusal{err})
	}
	if list == nil && len(names) > 0 {
		panic(refusal{errBroken})
	}
	return list
}

// errBroken says that a node inside is not supported, which is noted already.
var errBroken = fmt.Errorf("a node of its graph is not supported")

// branch imports one branch where the condition is known, else both, of which an element-by-element choice is made.
func branch(n *call) []*value {
	yes, no := n.graph("then_branch"), n.graph("else_branch")
	if c := n.x(0).c; c != nil {
		if c.elems() != 1 {
			refuse("its condition is not one truth value")
		}
		if c.data[0] != 0 {
			return n.inside(yes, nil)
		}
		return n.inside(no, nil)
	}
	a, b := n.inside(yes, nil), n.inside(no, nil)
	if len(a) != len(b) {
		refuse("its branches give %d and %d results", len(a), len(b))
	}
	cond := n.v(0)
	if len(cond.Type.Shape) > 0 {
		cond = n.reshape(cond)
	}
	list := make([]*value, len(a))
	for i := range a {
		if a[i].isSeq || b[i].isSeq || a[i].none || b[i].none || a[i].t != b[i].t || !a[i].shape().Equal(b[i].shape()) {
			panic(refusal{&demand{"the condition, as its branches give values of different types or shapes,", n.node.Inputs[0]}})
		}
		list[i] = &value{t: a[i].t, v: n.apply("where", cond, n.im.plain(a[i]), n.im.plain(b[i]))}
	}
	return list
}

// loop unrolls: how often it runs must be known.
func loop(n *call) []*value {
	g := n.graph("body")
	limit := maxSteps
	if n.has(0) {
		limit = int(n.one(0, "how often it runs"))
	}
	vars := slices.Clone(n.in[min(2, len(n.in)):])
	if len(g.Outputs) < 1+len(vars) {
		refuse("its graph gives %d values, but takes %d", len(g.Outputs), len(vars))
	}
	scans := make([][]*value, len(g.Outputs)-1-len(vars))
	if n.has(1) && n.one(1, "the condition") == 0 {
		limit = 0
	}
	for i := 0; i < limit; i++ {
		out := n.inside(g, append([]*value{known(Int64, float64(i)), known(Bool, 1)}, vars...))
		vars = out[1 : 1+len(vars)]
		for k, x := range out[1+len(vars):] {
			scans[k] = append(scans[k], x)
		}
		c := out[0].c
		if c == nil || c.elems() != 1 {
			refuse("whether it goes on depends on values that are computed at run time")
		}
		if c.data[0] == 0 {
			break
		}
	}
	list := slices.Clone(vars)
	for _, s := range scans {
		list = append(list, n.stacked(s, 0))
	}
	return list
}

// stacked joins values along a new axis.
func (n *call) stacked(list []*value, a int) *value {
	if len(list) == 0 {
		refuse("a loop that never runs gives tensors without elements, which are not supported")
	}
	if !slices.ContainsFunc(list, func(x *value) bool { return x.c == nil }) && a == 0 {
		c := &constant{t: list[0].t, shape: append([]int{len(list)}, list[0].c.shape...)}
		for _, x := range list {
			if !slices.Equal(x.c.shape, list[0].c.shape) {
				refuse("its results have different shapes")
			}
			if err := n.im.take(x.c.elems()); err != nil {
				panic(refusal{err})
			}
			c.data = append(c.data, x.c.all()...)
		}
		return &value{t: c.t, c: c}
	}
	args := make([]*ir.Value, len(list))
	for i, x := range list {
		if x.isSeq || x.none {
			refuse("sequences cannot be stacked")
		}
		v := n.im.plain(x)
		var dims []int
		for _, d := range v.Type.Shape {
			dims = append(dims, d.Size)
		}
		args[i] = n.reshape(v, slices.Insert(dims, axis(a, len(dims)+1), 1)...)
	}
	if len(args) == 1 {
		return &value{t: list[0].t, v: args[0]}
	}
	return &value{t: list[0].t, v: n.op("concat", args, at1("axis", axis(a, len(args[0].Type.Shape))))}
}

// scan unrolls over an axis of its inputs. In opset 8 there is a batch in front, for which all is done one by one.
func scan(n *call) []*value {
	g, inputs := n.graph("body"), n.int("num_scan_inputs", 0)
	in := n.in
	if n.opset == 8 {
		if n.has(0) {
			refuse("lengths of sequences are not supported")
		}
		if n.attr("directions") != nil && slices.Contains(n.list("directions"), 1) {
			refuse("directions are not supported in opset 8")
		}
		return n.scanBatches(g, in[1:], inputs)
	}
	opt := scanOptions{inAxes: n.list("scan_input_axes"), outAxes: n.list("scan_output_axes"), inTurned: n.list("scan_input_directions"), outTurned: n.list("scan_output_directions")}
	return n.scanned(g, in, inputs, opt)
}

// scanOptions say, for each scan input and output, its axis and whether it runs backwards.
type scanOptions struct{ inAxes, outAxes, inTurned, outTurned []int }

func pick(list []int, i int) int {
	if i < len(list) {
		return list[i]
	}
	return 0
}

func (n *call) scanned(g *Graph, in []*value, inputs int, opt scanOptions) []*value {
	states := len(in) - inputs
	if inputs < 1 || states < 0 || len(g.Outputs) < states {
		refuse("it has %d scan inputs of %d operands", inputs, len(in))
	}
	vars := slices.Clone(in[:states])
	steps := -1
	for i, x := range in[states:] {
		s := x.shape()
		if size := s[axis(pick(opt.inAxes, i), len(s))]; steps >= 0 && steps != size.Size || !size.Static() {
			refuse("its inputs have different numbers of steps")
		} else {
			steps = size.Size
		}
	}
	scans := make([][]*value, len(g.Outputs)-states)
	for t := range steps {
		args := slices.Clone(vars)
		for i, x := range in[states:] {
			k := t
			if pick(opt.inTurned, i) == 1 {
				k = steps - 1 - t
			}
			args = append(args, n.step(x, axis(pick(opt.inAxes, i), len(x.shape())), k))
		}
		out := n.inside(g, args)
		vars = out[:states]
		for k, x := range out[states:] {
			if pick(opt.outTurned, k) == 1 {
				scans[k] = slices.Insert(scans[k], 0, x)
			} else {
				scans[k] = append(scans[k], x)
			}
		}
	}
	list := slices.Clone(vars)
	for k, s := range scans {
		list = append(list, n.stacked(s, pick(opt.outAxes, k)))
	}
	return list
}

// step is x at place k of an axis, which is gone then.
func (n *call) step(x *value, a, k int) *value {
	v := n.im.plain(x)
	var dims []int
	for i, d := range v.Type.Shape {
		if i != a {
			dims = append(dims, d.Size)
		}
	}
	v = n.op("slice", []*ir.Value{v}, at1("starts", []int{k}), at1("ends", []int{k + 1}), at1("axes", []int{a}))
	return &value{t: x.t, v: n.reshape(v, dims...)}
}

// scanBatches scans each example of a batch by itself.
func (n *call) scanBatches(g *Graph, in []*value, inputs int) []*value {
	if len(in) == 0 || len(in[0].shape()) == 0 {
		refuse("it has no operands with a batch")
	}
	var all [][]*value
	for b := range in[0].shape()[0].Size {
		args := make([]*value, len(in))
		for i, x := range in {
			args[i] = n.step(x, 0, b)
		}
		for k, x := range n.scanned(g, args, inputs, scanOptions{}) {
			if b == 0 {
				all = append(all, nil)
			}
			all[k] = append(all[k], x)
		}
	}
	var list []*value
	for _, s := range all {
		list = append(list, n.stacked(s, 0))
	}
	return list
}
