package onnx

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

var _ = register("",
	opRow{name: "Constant", min: 1, raw: true, run: constantNode},
	opRow{name: "ConstantOfShape", min: 9, raw: true, run: func(n *call) []*value {
		c := &constant{t: Float, data: []float64{0}, fill: true, weight: true}
		if a := n.attr("value"); a != nil && a.T != nil {
			k := n.decoded(a.T)
			if k.elems() != 1 {
				refuse("its value must be one number")
			}
			c.t, c.data = k.t, k.data
		}
		return []*value{n.filled(c, n.ints(0, "the shape"))}
	}},
	opRow{name: "Shape", min: 1, raw: true, run: func(n *call) []*value {
		dims := n.dims(0)
		start, end := bound(n.int("start", 0), len(dims)), bound(n.int("end", len(dims)), len(dims))
		return []*value{whole(dims[min(start, end):end]...)}
	}},
	opRow{name: "Size", min: 1, raw: true, run: func(n *call) []*value {
		size := 1
		for _, d := range n.dims(0) {
			size *= d
		}
		w := whole(size)
		w.c.shape = nil
		return []*value{w}
	}},
	opRow{name: "Reshape", min: 1, run: reshape},
	opRow{name: "Flatten", min: 1, run: func(n *call) []*value {
		dims := n.dims(0)
		a := n.int("axis", 1)
		if a < 0 {
			a += len(dims)
		}
		if a < 0 || a > len(dims) {
			refuse("there is no axis %d in a tensor of %d axes", a, len(dims))
		}
		return n.results(n.reshape(n.v(0), product(dims[:a]), product(dims[a:])))
	}},
	opRow{name: "Squeeze", min: 1, run: func(n *call) []*value {
		dims := n.dims(0)
		axes, ok := n.axesFrom(1, len(dims))
		var keep []int
		for i, d := range dims {
			switch {
			case ok && !slices.Contains(axes, i), !ok && d != 1:
				keep = append(keep, d)
			case d != 1:
				refuse("axis %d of %v cannot be squeezed", i, dims)
			}
		}
		return n.results(n.reshape(n.v(0), keep...))
	}},
	opRow{name: "Unsqueeze", min: 1, run: func(n *call) []*value {
		dims := n.dims(0)
		count := 0
		if n.has(1) {
			count = n.known(1, "axes").elems()
		} else {
			count = len(n.list("axes"))
		}
		axes, _ := n.axesFrom(1, len(dims)+count)
		var shape []int
		for i := range len(dims) + count {
			if slices.Contains(axes, i) {
				shape = append(shape, 1)
			} else if len(dims) > 0 {
				shape, dims = append(shape, dims[0]), dims[1:]
			}
		}
		return n.results(n.reshape(n.v(0), shape...))
	}},
	opRow{name: "Expand", min: 8, run: func(n *call) []*value { return n.results(n.expand(n.v(0), n.ints(1, "the shape"))) }},
	opRow{name: "Tile", min: 6, run: func(n *call) []*value {
		return n.results(n.op("tile", []*ir.Value{n.v(0)}, at1("repeats", n.ints(1, "the number of repeats"))))
	}},
	opRow{name: "Transpose", min: 1, run: func(n *call) []*value {
		perm := n.list("perm")
		if perm == nil {
			for i := range n.rank(0) {
				perm = append(perm, n.rank(0)-1-i)
			}
		}
		x := n.x(0)
		if x.c == nil && x.v == nil && slices.Equal(perm, toLast(len(perm))) {
			return n.results(x.last)
		}
		if x.c == nil && len(perm) > 2 && slices.Equal(perm, toFirst(len(perm))) {
			return n.lasts(n.v(0))
		}
		return n.results(n.transpose(n.v(0), perm...))
	}},
	opRow{name: "Concat", min: 1, run: concat},
	opRow{name: "Split", min: 1, run: split},
	opRow{name: "Slice", min: 1, run: slice},
	opRow{name: "Pad", min: 1, run: pad},
	opRow{name: "Range", min: 11, run: func(n *call) []*value {
		start, limit, step := n.one(0, "the start"), n.one(1, "the limit"), n.one(2, "the step")
		return n.results(n.op("range", nil, at1("start", start), at1("limit", limit), at1("step", step), at1("elem", n.x(0).elem().String())))
	}},
	opRow{name: "EyeLike", min: 9, run: func(n *call) []*value {
		dims := n.dims(0)
		if len(dims) != 2 {
			refuse("it needs a matrix, not %v", dims)
		}
		t := n.x(0).t
		if a := n.attr("dtype"); a != nil {
			t = DataType(a.I)
		}
		y := n.op("eye", nil, at1("rows", dims[0]), at1("columns", dims[1]), at1("k", n.int("k", 0)))
		return typed(t, n.cast(y, elemFor(t)))
	}},
	opRow{name: "DepthToSpace", min: 1, run: func(n *call) []*value {
		return n.lasts(n.op("depth_to_space", []*ir.Value{n.im.channelsLast(n.x(0))}, at1("block", n.int("blocksize", 0)), at1("mode", n.str("mode", "DCR"))))
	}},
	opRow{name: "SpaceToDepth", min: 1, run: func(n *call) []*value {
		return n.lasts(n.op("space_to_depth", []*ir.Value{n.im.channelsLast(n.x(0))}, at1("block", n.int("blocksize", 0))))
	}},
	opRow{name: "Trilu", min: 14, run: func(n *call) []*value {
		k := 0
		if n.has(1) {
			k = n.ints(1, "k")[0]
		}
		return n.results(n.op("trilu", []*ir.Value{n.v(0)}, at1("upper", n.bool("upper", true)), at1("k", k)))
	}},
	opRow{name: "ReverseSequence", min: 10, run: func(n *call) []*value {
		x, batch, time := n.v(0), n.int("batch_axis", 1), n.int("time_axis", 0)
		perm := []int{axis(batch, n.rank(0)), axis(time, n.rank(0))}
		for i := range n.rank(0) {
			if !slices.Contains(perm, i) {
				perm = append(perm, i)
			}
		}
		y := n.op("reverse_sequence", []*ir.Value{n.transpose(x, perm...), n.cast(n.v(1), ir.I32)})
		return n.results(n.transpose(y, inverse(perm)...))
	}},
)

// inverse is the order of axes that undoes perm.
func inverse(perm []int) []int {
	list := make([]int, len(perm))
	for i, p := range perm {
		list[p] = i
	}
	return list
}

// bound brings a bound of a range of n to 0 … n, negative ones counting from the end.
func bound(i, n int) int {
	if i < 0 {
		i += n
	}
	return max(0, min(n, i))
}

func product(list []int) int {
	p := 1
	for _, x := range list {
		p *= x
	}
	return p
}

// elemFor is the element type of a program for one of ONNX.
func elemFor(t DataType) ir.DType {
	e, ok := elemOfType[t]
	if !ok {
		refuse("the element type %v is not supported", t)
	}
	return e
}

// whole is a vector of whole numbers, as shapes are.
func whole(list ...int) *value {
	c := &constant{t: Int64, shape: []int{len(list)}}
	for _, x := range list {
		c.data = append(c.data, float64(x))
	}
	return &value{t: Int64, c: c}
}

// decoded is a tensor of an attribute.
func (n *call) decoded(t *Tensor) *constant {
	c, err := n.im.constant(t)
	if err != nil {
		panic(refusal{err})
	}
	return c
}

// filled is a constant of the given extents, all of whose elements are that of c.
func (n *call) filled(c *constant, shape []int) *value {
	dims := make([]int64, len(shape))
	for i, d := range shape {
		dims[i] = int64(d)
	}
	if _, _, err := extents(dims); err != nil {
		panic(refusal{err})
	}
	c.shape, c.name = shape, n.node.Outputs[0]
	return &value{t: c.t, c: c}
}

// constantNode is the constant of the one attribute that is given.
func constantNode(n *call) []*value {
	var c *constant
	for name, make := range map[string]func(a *Attribute) *constant{
		"value": func(a *Attribute) *constant {
			if a.T == nil {
				refuse("it has no value")
			}
			return n.decoded(a.T)
		},
		"value_float": func(a *Attribute) *constant { return &constant{t: Float, data: []float64{float64(a.F)}} },
		"value_int":   func(a *Attribute) *constant { return &constant{t: Int64, data: []float64{float64(a.I)}} },
		"value_floats": func(a *Attribute) *constant {
			k := &constant{t: Float, shape: []int{len(a.Floats)}}
			for _, x := range a.Floats {
				k.data = append(k.data, float64(x))
			}
			return k
		},
		"value_ints": func(a *Attribute) *constant {
			k := &constant{t: Int64, shape: []int{len(a.Ints)}}
			for _, x := range a.Ints {
				k.data = append(k.data, float64(x))
			}
			return k
		},
		"sparse_value": func(a *Attribute) *constant {
			if a.Sparse == nil {
				refuse("it has no value")
			}
			k, err := n.im.dense(a.Sparse)
			if err != nil {
				panic(refusal{err})
			}
			return k
		},
	} {
		if a := n.attr(name); a != nil {
			c = make(a)
		}
	}
	if c == nil {
		refuse("it has no value that is supported; strings are not")
	}
	if c.name == "" {
		c.name = n.node.Outputs[0]
	}
	return []*value{{t: c.t, c: c}}
}

// reshape takes the new extents from an attribute before opset 5, and from an operand since.
func reshape(n *call) []*value {
	dims := n.dims(0)
	var shape []int
	if n.has(1) {
		shape = slices.Clone(n.ints(1, "the shape"))
	} else {
		shape = slices.Clone(n.list("shape"))
	}
	allow := n.bool("allowzero", false)
	free, rest := -1, product(dims)
	for i, d := range shape {
		if d == 0 && !allow && i < len(dims) {
			shape[i] = dims[i]
		}
		if d == -1 {
			free = i
			continue
		}
		if shape[i] <= 0 {
			refuse("a tensor without elements is not supported: the shape is %v", shape)
		}
		if rest%shape[i] != 0 {
			refuse("%v cannot become %v", dims, shape)
		}
		rest /= shape[i]
	}
	if free >= 0 {
		shape[free] = rest
	}
	if x := n.x(0); x.c == nil && slices.Equal(dims, shape) {
		return []*value{x}
	}
	return n.results(n.reshape(n.v(0), shape...))
}

// expand broadcasts v to a shape, both ways.
func (n *call) expand(v *ir.Value, shape []int) *ir.Value {
	have := v.Type.Shape
	if hasBatch(v) && (len(shape) > len(have) || len(shape) == len(have) && shape[0] != 1) {
		refuse("expanding %v to %v would repeat the examples of a batch", have, shape)
	}
	rank := max(len(have), len(shape))
	want := slices.Concat(slices.Repeat([]int{1}, rank-len(shape)), shape)
	for i, d := range have {
		if at := rank - len(have) + i; d.Size != 1 {
			if want[at] != 1 && want[at] != d.Size {
				refuse("%v does not broadcast to %v", have, shape)
			}
			want[at] = d.Size
		}
	}
	return n.op("broadcast_to", []*ir.Value{v}, at1("shape", want))
}

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
		turned = turned || x.c == nil && x.v == nil
	}
	missing := 1
	if n.opset >= 4 {
		missing = 0
	}
	a := axis(n.int("axis", missing), rank)
	if len(list) == 1 {
		return list
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
	if x.c == nil && x.v == nil {
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
	turned := x.c == nil && x.v == nil
	v := x.last
	if turned {
		before, after = permuted(before, toLast(rank)), permuted(after, toLast(rank))
	} else {
		v = n.v(0)
	}
	for len(before) > 0 && before[0] == 0 && after[0] == 0 {
		before, after = before[1:], after[1:]
	}
	if len(before) == 0 {
		return []*value{x}
	}
	y := n.op("pad", []*ir.Value{v}, at1("before", before), at1("after", after), at1("value", border), at1("mode", n.str("mode", "constant")))
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
