package onnx

import (
	"github.com/dlc-ml/dlc/ir"
)

var _ = register("",
	opRow{name: "Gather", min: 1, run: func(n *call) []*value {
		a := axis(n.int("axis", 0), n.rank(0))
		n.within(1, n.x(0).shape()[a])
		if x, c := n.x(0), n.x(1).c; x.behind != nil && c != nil && len(c.shape) == 0 {
			at := bound(c.ints()[0], n.dims(0)[a])
			piece := n.cut(x, a, []int{at, at + 1})[0]
			return []*value{n.dropped(piece, piece.behind, []int{a})}
		}
		if c := n.x(1).c; c != nil && len(c.shape) == 0 && (a > 0 || !hasBatch(n.v(0))) {
			return []*value{n.step(n.x(0), a, bound(c.ints()[0], n.dims(0)[a]))}
		}
		return n.results(n.op("gather", []*ir.Value{n.v(0), n.index(1)}, at1("axis", a)))
	}},
	opRow{name: "GatherElements", min: 11, run: func(n *call) []*value {
		a := axis(n.int("axis", 0), n.rank(0))
		n.within(1, n.x(0).shape()[a])
		return n.results(n.op("gather_elements", []*ir.Value{n.v(0), n.index(1)}, at1("axis", a)))
	}},
	opRow{name: "GatherND", min: 11, run: func(n *call) []*value {
		return n.results(n.op("gather_nd", []*ir.Value{n.v(0), n.index(1)}, at1("batch_dims", n.int("batch_dims", 0))))
	}},
	opRow{name: "Scatter", min: 9, max: 10, run: scatterElements},
	opRow{name: "ScatterElements", min: 11, run: scatterElements},
	opRow{name: "ScatterND", min: 11, run: func(n *call) []*value {
		return n.results(n.op("scatter_nd", []*ir.Value{n.v(0), n.index(1), n.v(2)}, at1("reduction", n.str("reduction", "none"))))
	}},
	opRow{name: "Compress", min: 9, run: compress},
	opRow{name: "OneHot", min: 9, run: oneHot},
	opRow{name: "Where", min: 9, run: func(n *call) []*value { return n.elementwise("where", n.in) }},
)

// index is operand i as a type that indices may have.
func (n *call) index(i int) *ir.Value {
	v := n.v(i)
	if v.Type.Elem == ir.I64 {
		return v
	}
	return n.cast(v, ir.I32)
}

// within refuses known indices that are out of range.
func (n *call) within(i int, size ir.Dim) {
	c := n.x(i).c
	if c == nil || !size.Static() {
		return
	}
	for _, x := range c.all() {
		if x < float64(-size.Size) || x >= float64(size.Size) {
			refuse("the index %v is out of range: there are %d", x, size.Size)
		}
	}
}

func scatterElements(n *call) []*value {
	a := axis(n.int("axis", 0), n.rank(0))
	n.within(1, n.x(0).shape()[a])
	return n.results(n.op("scatter_elements", []*ir.Value{n.v(0), n.index(1), n.v(2)}, at1("axis", a), at1("reduction", n.str("reduction", "none"))))
}

// compress takes the slices for which a condition holds. One that is computed says how many there are.
func compress(n *call) []*value {
	v, a := n.v(0), 0
	if n.attr("axis") != nil {
		a = axis(n.int("axis", 0), n.rank(0))
	} else {
		v = n.reshape(v, product(n.dims(0)))
	}
	if n.x(1).c == nil {
		places, holds := min(n.dims(1)[0], v.Type.Shape[a].Size), n.alone(n.v(1))
		holds = n.op("slice", []*ir.Value{holds}, at1("starts", []int{0}), at1("ends", []int{places}), at1("axes", []int{0}))
		found := n.im.results("nonzero", n.name(), []*ir.Value{holds}, at1("size", places), at1("batch_dims", 0))
		return []*value{among(n.x(0).t, n.op("gather", []*ir.Value{n.alone(v), n.reshape(found[0], places)}, at1("axis", a)), a, found[1])}
	}
	var take []float64
	for i, x := range n.known(1, "the condition").all() {
		if x != 0 {
			take = append(take, float64(i))
		}
	}
	if take == nil {
		refuse("a tensor without elements is not supported")
	}
	places := n.im.materialize(&constant{t: Int64, shape: []int{len(take)}, data: take})
	return n.results(n.op("gather", []*ir.Value{v, places}, at1("axis", a)))
}

// oneHot makes vectors of the two values that its third operand holds.
func oneHot(n *call) []*value {
	depth, rank := int(n.one(1, "the depth")), n.rank(0)
	a := axis(n.int("axis", -1), rank+1)
	at := n.index(0)
	scalar := rank == 0
	if scalar {
		at = n.reshape(at, 1)
	}
	hot := n.cast(n.op("one_hot", []*ir.Value{at}, at1("depth", depth), at1("axis", a)), ir.Bool)
	if scalar {
		hot = n.reshape(hot, depth)
	}
	end := func(i int) *ir.Value {
		v := n.op("slice", []*ir.Value{n.v(2)}, at1("starts", []int{i}), at1("ends", []int{i + 1}), at1("axes", []int{0}))
		return n.reshape(v)
	}
	off, on := end(0), end(1)
	return typed(n.x(2).t, n.apply("where", hot, on, off))
}
