package onnx

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

var _ = register("",
	reduction("ReduceSum", "reduce_sum"), reduction("ReduceMean", "reduce_mean"), reduction("ReduceMax", "reduce_max"), reduction("ReduceMin", "reduce_min"),
	reduction("ReduceProd", "reduce_prod"), reduction("ReduceL1", "reduce_l1"), reduction("ReduceL2", "reduce_l2"), reduction("ReduceLogSum", "reduce_log_sum"),
	reduction("ReduceLogSumExp", "reduce_log_sum_exp"), reduction("ReduceSumSquare", "reduce_sum_square"),
	extreme("ArgMax", "argmax"), extreme("ArgMin", "argmin"),
	opRow{name: "TopK", min: 1, run: func(n *call) []*value {
		a := axis(n.int("axis", -1), n.rank(0))
		k := n.int("k", 0)
		if n.has(1) {
			k = int(n.one(1, "k"))
		}
		x := n.sortable(0)
		y := n.im.results("topk", n.name(), []*ir.Value{x}, at1("k", k), at1("axis", a), at1("largest", n.bool("largest", true)), at1("sorted", n.bool("sorted", true)))
		return []*value{{t: n.x(0).t, v: n.back(y[0])}, {t: Int64, v: n.cast(y[1], ir.I64)}}
	}},
	opRow{name: "CumSum", min: 11, run: func(n *call) []*value {
		a := axis(int(n.one(1, "the axis")), n.rank(0))
		return n.results(n.op("cumsum", []*ir.Value{n.v(0)}, at1("axis", a), at1("exclusive", n.bool("exclusive", false)), at1("reverse", n.bool("reverse", false))))
	}},
	opRow{name: "CumProd", min: 26, run: cumulativeProduct},
	softmax("Softmax", "softmax"), softmax("LogSoftmax", "log_softmax"), softmax("Hardmax", "hardmax"),
)

// cumulativeProduct multiplies each element by the one before it, then by that two, four, eight … places before it.
func cumulativeProduct(n *call) []*value {
	x, dims := n.v(0), n.dims(0)
	a := axis(int(n.one(1, "the axis")), len(dims))
	if a == 0 && hasBatch(x) {
		refuse("it would multiply the examples of a batch")
	}
	flip := func(v *ir.Value) *ir.Value { return n.op("flip", []*ir.Value{v}, at1("axes", []int{a})) }
	// later moves all elements by some places, behind ones.
	later := func(v *ir.Value, places int) *ir.Value {
		room := slices.Clone(dims)
		room[a] = places
		ones := n.expand(n.scalar(v.Type.Elem, 1), room)
		if hasBatch(v) {
			ones = n.im.rows(ones)
		}
		kept := n.op("slice", []*ir.Value{v}, at1("starts", []int{0}), at1("ends", []int{dims[a] - places}), at1("axes", []int{a}))
		return n.op("concat", []*ir.Value{ones, kept}, at1("axis", a))
	}
	reverse := n.bool("reverse", false)
	if reverse {
		x = flip(x)
	}
	if n.bool("exclusive", false) {
		if dims[a] == 1 {
			return n.results(n.expand(n.scalar(x.Type.Elem, 1), dims))
		}
		x = later(x, 1)
	}
	for places := 1; places < dims[a]; places *= 2 {
		x = n.apply("mul", x, later(x, places))
	}
	if reverse {
		x = flip(x)
	}
	return n.results(x)
}

// sortable is operand i as a type that sorting operators take.
func (n *call) sortable(i int) *ir.Value {
	v := n.v(i)
	switch {
	case v.Type.Elem.Float():
		return n.cast(v, ir.F32)
	case v.Type.Elem != ir.I64:
		return n.cast(v, ir.I32)
	}
	return v
}

// reduction folds axes. They are an attribute, and an operand from opset 18 on (13 for ReduceSum).
func reduction(name, kind string) opRow {
	return opRow{name: name, min: 1, run: func(n *call) []*value {
		x, keep, noop := n.x(0), n.bool("keepdims", true), n.bool("noop_with_empty_axes", false)
		rank := n.rank(0)
		axes, _ := n.axesFrom(1, rank)
		if len(axes) == 0 {
			if noop {
				return []*value{x}
			}
			for i := range rank {
				axes = append(axes, i)
			}
		}
		slices.Sort(axes)
		axes = slices.Compact(axes)
		if rank > 0 && axes[0] == 0 && !x.shape()[0].Static() {
			refuse("it would fold the examples of a batch")
		}
		if rank == 0 {
			return n.results(n.op(kind, []*ir.Value{n.reshape(n.v(0), 1)}, at1("axes", []int{0})))
		}
		use := kind
		if x.elem() == ir.Bool {
			use = map[string]string{"reduce_max": "reduce_any", "reduce_min": "reduce_all"}[kind]
		}
		v, turned := n.x(0).last, x.turned() && keep
		if turned {
			axes = permuted(lastAxes(rank), axes)
			slices.Sort(axes)
		} else {
			v = n.v(0)
		}
		small := x.elem() == ir.I8 || x.elem() == ir.U8
		if small {
			v = n.cast(v, ir.I32)
		}
		if x.elem() == ir.F16 || x.elem() == ir.BF16 {
			v = n.cast(v, ir.F32)
		}
		y := n.back(n.op(use, []*ir.Value{v}, at1("axes", axes), at1("keep_dims", keep)))
		if turned {
			return n.lasts(y)
		}
		return n.results(y)
	}}
}

// lastAxes says where each axis lies when the second one is last.
func lastAxes(rank int) []int { return inverse(toLast(rank)) }

// extreme finds the place of the largest or smallest element.
func extreme(name, kind string) opRow {
	return opRow{name: name, min: 1, run: func(n *call) []*value {
		a := axis(n.int("axis", 0), n.rank(0))
		y := n.op(kind, []*ir.Value{n.sortable(0)}, at1("axis", a), at1("keep_dims", n.bool("keepdims", true)), at1("select_last_index", n.bool("select_last_index", false)))
		return typed(Int64, n.cast(y, ir.I64))
	}}
}

// softmax works on one axis; before opset 13 on all axes from one on, as one.
func softmax(name, kind string) opRow {
	return opRow{name: name, min: 1, run: func(n *call) []*value {
		x, rank := n.x(0), n.rank(0)
		if n.opset < 13 {
			if a := axis(n.int("axis", 1), max(rank, 1)); a != rank-1 {
				dims := n.dims(0)
				flat := n.reshape(n.f32(n.v(0)), product(dims[:a]), product(dims[a:]))
				return n.results(n.back(n.reshape(n.op(kind, []*ir.Value{flat}, at1("axis", 1)), dims...)))
			}
		}
		a := rank - 1
		if n.opset >= 13 {
			a = axis(n.int("axis", -1), rank)
		}
		if x.turned() {
			return n.lasts(n.back(n.op(kind, []*ir.Value{n.f32(x.last)}, at1("axis", lastAxes(rank)[a]))))
		}
		v := n.f32(n.v(0))
		if rank == 1 { // the operators want rows
			y := n.op(kind, []*ir.Value{n.reshape(v, 1, n.dims(0)[0])}, at1("axis", 1))
			return n.results(n.back(n.reshape(y, n.dims(0)...)))
		}
		if a != rank-1 {
			perm := slices.Concat(seq(0, a), seq(a+1, rank), []int{a})
			y := n.op(kind, []*ir.Value{n.transpose(v, perm...)}, at1("axis", rank-1))
			return n.results(n.back(n.transpose(y, inverse(perm)...)))
		}
		return n.results(n.back(n.op(kind, []*ir.Value{v}, at1("axis", a))))
	}}
}

// seq is from … to-1.
func seq(from, to int) []int {
	var list []int
	for i := from; i < to; i++ {
		list = append(list, i)
	}
	return list
}
