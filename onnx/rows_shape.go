package onnx

import (
	"maps"
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
			c.t, c.data = k.t, k.all()
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
		if x := n.x(0); x.behind != nil {
			for i, d := range dims {
				if !ok && d == 1 && x.perm[i] != 0 {
					axes = append(axes, i)
				}
			}
			return []*value{n.dropped(x, x.behind, axes)}
		}
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
	opRow{name: "Tile", min: 1, max: 5, run: func(n *call) []*value {
		repeats := slices.Repeat([]int{1}, n.rank(0))
		repeats[axis(int(n.one(2, "the axis")), n.rank(0))] = int(n.one(1, "the number of repeats"))
		return n.results(n.op("tile", []*ir.Value{n.v(0)}, at1("repeats", repeats)))
	}},
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
		if x.turned() && slices.Equal(perm, toLast(len(perm))) {
			return n.results(x.last)
		}
		if y := n.reordered(x, perm); y != nil {
			return []*value{y}
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
		if !((limit-start)/step <= foldGrown) { // also of NaN
			refuse("a range of %v elements is too large", (limit-start)/step)
		}
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
	kinds := map[string]func(a *Attribute) *constant{
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
	}
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		if a := n.attr(name); a != nil && c == nil {
			c = kinds[name](a)
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
	} else if x.behind != nil {
		return []*value{n.reshapedBehind(x, dims, shape)}
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
