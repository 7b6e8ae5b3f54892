package onnx

import (
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// Operators of which the data says how many results there are. A program has fixed extents, so their results have room for the most there can be, and
// a count beside them says how many there are. A few operators take such a value on; what is left of it may only be an output.

// extent is how much of a value there is: the first count places along an axis. The others hold anything.
type extent struct {
	axis  int
	count *ir.Value // i32, without axes
}

var _ = register("",
	opRow{name: "NonZero", min: 9, run: nonZero},
	opRow{name: "NonMaxSuppression", min: 10, heavy: true, run: nonMaxSuppression},
	opRow{name: "Unique", min: 11, heavy: true, run: unique},
)

// among is v, of which there are as many places along an axis as count says.
func among(t DataType, v *ir.Value, axis int, count *ir.Value) *value {
	return &value{t: t, v: v, some: &extent{axis, count}}
}

// alone refuses a batch: what is found in one example would lie behind what is found in another.
func (n *call) alone(v *ir.Value) *ir.Value {
	if hasBatch(v) {
		refuse("how many results there are depends on all examples of %v together", v.Type)
	}
	return v
}

func nonZero(n *call) []*value {
	x := n.alone(n.v(0))
	if n.rank(0) == 0 {
		refuse("a number without axes has no places")
	}
	r := n.im.results("nonzero", n.name(), []*ir.Value{x}, at1("size", product(n.dims(0))), at1("batch_dims", 0))
	return []*value{among(Int64, n.cast(r[0], ir.I64), 1, r[1])}
}

// nonMaxSuppression lists rows of image, class and box.
func nonMaxSuppression(n *call) []*value {
	boxes, scores := n.alone(n.f32(n.v(0))), n.alone(n.f32(n.v(1)))
	if n.rank(0) != 3 || n.rank(1) != 3 {
		refuse("boxes %v and scores %v must have three axes", boxes.Type.Shape, scores.Type.Shape)
	}
	most, overlap, least := 0, 0.0, math.Inf(-1)
	if n.has(2) {
		most = min(saturated(int64(n.one(2, "how many boxes of a class may stay"))), n.dims(0)[1])
	}
	if n.has(3) {
		overlap = n.one(3, "the threshold of overlap")
	}
	if n.has(4) {
		least = n.one(4, "the threshold of scores")
	}
	centers := n.int("center_point_box", 0) != 0
	if most <= 0 {
		return []*value{{t: Int64, c: &constant{t: Int64, shape: []int{0, 3}}}}
	}
	r := n.im.results("nms", n.name(), []*ir.Value{boxes, scores}, at1("max_output", most), at1("iou_threshold", overlap), at1("score_threshold", least), at1("center_point_box", centers))
	kept := r[0]
	room := n.dims(1)[0] * n.dims(1)[1] * most
	stays := n.apply("greater_equal", kept, n.scalar(ir.I32, 0))
	found := n.im.results("nonzero", n.name(), []*ir.Value{stays}, at1("size", room), at1("batch_dims", 0))
	rows := n.op("transpose", []*ir.Value{found[0]}, at1("perm", []int{1, 0}))
	box := n.reshape(n.op("gather_nd", []*ir.Value{kept, rows}, at1("batch_dims", 0)), room, 1)
	class := n.op("slice", []*ir.Value{rows}, at1("starts", []int{0}), at1("ends", []int{2}), at1("axes", []int{1}))
	return []*value{among(Int64, n.cast(n.op("concat", []*ir.Value{class, box}, at1("axis", 1)), ir.I64), 0, found[1])}
}

func unique(n *call) []*value {
	x, attrs, a := n.alone(n.v(0)), []ir.Attr{at1("batch_dims", 0)}, 0
	if x.Type.Elem.Float() {
		x = n.f32(x)
	}
	if n.attr("axis") != nil {
		a = axis(n.int("axis", 0), n.rank(0))
		attrs = append(attrs, at1("axis", []int{a}))
	}
	r := n.im.results("unique", n.name(), []*ir.Value{x}, attrs...)
	values, places, inverse, times, count := r[0], r[1], r[2], r[3], r[4]
	if !n.bool("sorted", true) {
		size := places.Type.Shape[0].Size
		used := n.apply("less", n.cast(n.im.materialize(whole(seq(0, size)...).c), ir.I32), count)
		order := n.op("argsort", []*ir.Value{n.apply("where", used, places, n.scalar(ir.I32, float64(size)))}, at1("axis", 0))
		take := func(v, at *ir.Value, axis int) *ir.Value {
			return n.op("gather", []*ir.Value{v, at}, at1("axis", axis))
		}
		inverse = take(n.op("argsort", []*ir.Value{order}, at1("axis", 0)), inverse, 0)
		values, places, times = take(values, order, a), take(places, order, 0), take(times, order, 0)
	}
	list := []*value{among(n.x(0).t, n.back(values), a, count), among(Int64, n.cast(places, ir.I64), 0, count),
		{t: Int64, v: n.cast(inverse, ir.I64)}, among(Int64, n.cast(times, ir.I64), 0, count)}
	return list[:min(len(list), len(n.node.Outputs))]
}

// takers are the operators that take a value of which the data says how much there is, and the axis of their result that says so; -1 where they cannot
// take it along this axis. Operators that work element by element on one operand do, too.
var takers = map[string]func(n *call, operand, axis int) int{
	"Identity": sameAxis, "Cast": sameAxis,
	"Transpose": func(n *call, _, a int) int {
		if perm := n.list("perm"); perm != nil {
			return slices.Index(perm, a)
		}
		return n.rank(0) - 1 - a
	},
	"Gather": func(n *call, operand, a int) int {
		along := axis(n.int("axis", 0), n.rank(0))
		switch {
		case operand == 1:
			return along + a
		case a == along:
			return -1 // places counted from the end would be others
		case a > along:
			return a + n.rank(1) - 1
		}
		return a
	},
	"GatherND": func(n *call, operand, a int) int {
		if operand == 0 || a == n.rank(1)-1 {
			return -1
		}
		return a
	},
	"Squeeze": func(n *call, _, a int) int {
		axes, ok := n.axesFrom(1, n.rank(0))
		if !ok || slices.Contains(axes, a) {
			return -1
		}
		for _, d := range axes {
			if d < a {
				a--
			}
		}
		return a
	},
	"Slice": func(n *call, _, a int) int {
		axes := n.list("axes")
		if n.has(3) {
			axes = n.ints(3, "the axes")
		}
		for _, d := range axes {
			if axis(d, n.rank(0)) == a {
				return -1
			}
		}
		if axes == nil {
			return -1
		}
		return a
	},
}

func sameAxis(_ *call, _, a int) int { return a }

// partly is what the node makes of an operand of which there is only a part, nil where all operands are there in full.
func (n *call) partly() *extent {
	var found *extent
	for i, x := range n.in {
		if x == nil || x.some == nil {
			continue
		}
		take := takers[n.node.Op]
		if literals[n.node.Op] != nil && len(n.in) == 1 && n.node.Domain == "" {
			take = sameAxis
		}
		a := -1
		if take != nil && found == nil {
			a = take(n, i, x.some.axis)
		}
		if a < 0 {
			refuse("how many elements %s has depends on the data, and all extents are fixed when a model is compiled; %s cannot take what there is room for", n.node.Inputs[i], n.node.Op)
		}
		found = &extent{a, x.some.count}
	}
	return found
}

// countOf returns the number of places of an output from the function, and what the result is called.
func (im *importer) countOf(output string, e *extent) string {
	f := im.sink.b.Func
	for _, r := range f.Results {
		if r.Value == e.count {
			return r.Name
		}
	}
	name := im.unique(output + "_count")
	f.Return(name, e.count)
	im.result.Extents = append(im.result.Extents, name)
	return name
}

// trimmed is c with the first places along an axis only.
func (c *constant) trimmed(axis, count int) *constant {
	r := *c
	r.data, r.shape = firstPlaces(c.all(), c.shape, axis, count)
	r.packed, r.fill = nil, false
	return &r
}

// First takes of the elements of an output those that there are, where count is what its Count says, and returns their shape.
func (p *Port) First(data []float64, count int) ([]float64, []int) {
	return firstPlaces(data, p.Shape, p.Along, max(0, min(count, p.Shape[p.Along])))
}

// firstPlaces takes the first places along an axis.
func firstPlaces(data []float64, shape []int, axis, count int) ([]float64, []int) {
	list, row := []float64{}, shape[axis]*product(shape[axis+1:])
	for i := range product(shape[:axis]) {
		list = append(list, data[i*row:i*row+count*product(shape[axis+1:])]...)
	}
	shape = slices.Clone(shape)
	shape[axis] = count
	return list, shape
}
