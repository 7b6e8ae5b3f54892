package onnx

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// concat joins tensors, those without elements left out. Images stay with their channels last.
func concat(n *call) []*value {
	var list []*value
	for i := range n.in {
		if x := n.x(i); x.c == nil || x.c.elems() > 0 {
			list = append(list, x)
		}
	}
	if len(list) == 0 {
		return []*value{n.x(0)}
	}
	rank, turned := len(list[0].shape()), false
	for _, x := range list {
		turned = turned || x.turned()
	}
	missing := 1
	if n.opset >= 4 {
		missing = 0
	}
	a := axis(n.int("axis", missing), rank)
	if len(list) == 1 {
		return list
	}
	if slices.ContainsFunc(list, func(x *value) bool { return x.behind != nil }) {
		return []*value{n.joined(list, a)}
	}
	if a == 0 && !turned && !slices.ContainsFunc(list, func(x *value) bool { return x.c != nil || !hasBatch(x.v) }) {
		return []*value{n.joined(n.elsewhere(list), a)}
	}
	args := make([]*ir.Value, len(list))
	for i, x := range list {
		if turned {
			args[i] = n.im.channelsLast(x)
		} else {
			args[i] = n.im.plain(x)
		}
	}
	if a > 0 && slices.ContainsFunc(args, hasBatch) {
		for i := range args {
			args[i] = n.im.rows(args[i])
		}
	}
	if turned {
		return n.lasts(n.op("concat", args, at1("axis", lastAxis(a, rank))))
	}
	return n.results(n.op("concat", args, at1("axis", a)))
}

// lastAxis is where an axis lies when the second one is last.
func lastAxis(a, rank int) int { return slices.Index(toLast(rank), a) }

// split cuts a tensor into pieces.
func split(n *call) []*value {
	x := n.x(0)
	a := axis(n.int("axis", 0), n.rank(0))
	count := len(n.node.Outputs)
	sizes := n.list("split")
	if n.has(1) {
		sizes = n.ints(1, "the sizes")
	}
	if k := n.int("num_outputs", 0); k > 0 && k != count {
		refuse("num_outputs is %d, but it has %d results", k, count)
	}
	size := n.dims(0)[a]
	if sizes == nil {
		each := (size + count - 1) / count
		for left := size; len(sizes) < count; left -= each {
			sizes = append(sizes, max(0, min(each, left)))
		}
	}
	if len(sizes) != count || slices.Contains(sizes, 0) {
		refuse("pieces without elements are not supported: the sizes are %v", sizes)
	}
	if count == 1 {
		return []*value{x}
	}
	if x.behind != nil {
		bounds := []int{0}
		for _, s := range sizes {
			bounds = append(bounds, bounds[len(bounds)-1]+s)
		}
		return n.cut(x, a, bounds)
	}
	if x.turned() {
		return n.lasts(n.im.results("split", n.name(), []*ir.Value{x.last}, at1("axis", lastAxis(a, n.rank(0))), at1("sizes", sizes))...)
	}
	return n.results(n.im.results("split", n.name(), []*ir.Value{n.v(0)}, at1("axis", a), at1("sizes", sizes))...)
}

// slice takes its bounds from attributes before opset 10, and from operands since.
func slice(n *call) []*value {
	dims := n.dims(0)
	var starts, ends, axes, steps []int
	if n.opset < 10 {
		starts, ends, axes = n.list("starts"), n.list("ends"), n.list("axes")
	} else {
		starts, ends = n.ints(1, "the starts"), n.ints(2, "the ends")
		if n.has(3) {
			axes = n.ints(3, "the axes")
		}
		if n.has(4) {
			steps = n.ints(4, "the steps")
		}
	}
	if len(starts) != len(ends) || axes != nil && len(axes) != len(starts) || steps != nil && len(steps) != len(starts) {
		refuse("its starts, ends, axes and steps are not equally many")
	}
	var at, from, to, step, flips []int
	empty := false
	for i := range starts {
		a, by := i, 1
		if axes != nil {
			a = axes[i]
		}
		if steps != nil {
			by = steps[i]
		}
		a = axis(a, len(dims))
		lo, hi, by, flip := span(starts[i], ends[i], by, dims[a])
		if lo >= hi {
			empty = true
			dims[a] = 0
			continue
		}
		if flip {
			flips = append(flips, a)
		}
		if lo == 0 && hi == dims[a] && by == 1 && !flip {
			continue
		}
		at, from, to, step = append(at, a), append(from, lo), append(to, hi), append(step, by)
	}
	if empty {
		for i, a := range at {
			dims[a] = (to[i] - from[i] + step[i] - 1) / step[i]
		}
		return []*value{{t: n.x(0).t, c: &constant{t: n.x(0).t, shape: dims}}}
	}
	if x := n.x(0); x.behind != nil {
		for i, a := range at {
			if flips != nil || step[i] != 1 {
				refuse("a slice with steps would need the batch in front: %v", x.shape())
			}
			x = n.cut(x, a, []int{from[i], to[i]})[0]
		}
		return []*value{x}
	}
	v := n.v(0)
	if flips != nil {
		v = n.op("flip", []*ir.Value{v}, at1("axes", flips))
	}
	if len(at) == 0 {
		return n.results(v)
	}
	return n.results(n.op("slice", []*ir.Value{v}, at1("starts", from), at1("ends", to), at1("axes", at), at1("steps", step)))
}

// span brings the bounds of a slice of n elements to 0 ≤ lo ≤ hi ≤ n. Where the step is negative it is that of the elements in turned order.
func span(start, end, step, n int) (lo, hi, by int, flip bool) {
	switch {
	case step == 0:
		refuse("a step of 0 is none")
	case step > 0:
		return bound(start, n), bound(end, n), step, false
	}
	if start < 0 {
		start += n
	}
	if end < 0 {
		end += n
	}
	start, end = min(start, n-1), max(end, -1)
	return max(0, n-1-start), min(n, n-1-end), -step, true
}

// pad takes its border from attributes before opset 11, and from operands since.
func pad(n *call) []*value {
	rank := n.rank(0)
	var pads []int
	border := 0.0
	if n.opset < 11 {
		if pads = n.list("pads"); pads == nil {
			pads = n.list("paddings")
		}
		border = n.float("value", 0)
	} else {
		pads = n.ints(1, "the border")
		if n.has(2) {
			border = n.one(2, "the value of the border")
		}
	}
	if n.has(3) {
		full := make([]int, 2*rank)
		axes := n.ints(3, "the axes")
		if len(pads) != 2*len(axes) {
			refuse("%d pads are not two for each of the %d axes", len(pads), len(axes))
		}
		for i, a := range axes {
			a = axis(a, rank)
			full[a], full[a+rank] = pads[i], pads[i+len(axes)]
		}
		pads = full
	}
	if len(pads) != 2*rank {
		refuse("%d pads are not two for each of the %d axes", len(pads), rank)
	}
	before, after, x := pads[:rank], pads[rank:], n.x(0)
	turned := x.turned()
	v := x.last
	if turned {
		before, after = permuted(before, toLast(rank)), permuted(after, toLast(rank))
	} else {
		v = n.v(0)
	}
	for len(before) > 0 && before[0] == 0 && after[0] == 0 {
		before, after = before[1:], after[1:]
	}
	mode := n.str("mode", "constant")
	if len(before) == 0 {
		return []*value{x}
	}
	y := n.op("pad", []*ir.Value{v}, at1("before", before), at1("after", after), at1("value", border), at1("mode", mode))
	if turned {
		return n.lasts(y)
	}
	return n.results(y)
}

func permuted(list, perm []int) []int {
	r := make([]int, len(perm))
	for i, p := range perm {
		r[i] = list[p]
	}
	return r
}
