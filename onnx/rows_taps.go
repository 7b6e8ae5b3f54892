package onnx

import (
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// Poolings whose windows are written out: for each place of the window a slice of the input.

// windows are the places of a window that is written out tap by tap.
type windows struct {
	in, size, stride, dilation, before, after, out []int
	padded                                         []int // behind each axis, as the node says; after may be more, or less, where the last window ends elsewhere
}

// windows reads where the windows of a pooling stand.
func (n *call) windows(axes int, size []int) *windows {
	w := &windows{in: n.dims(0)[2:], size: size, stride: orOnes(n.list("strides"), axes), dilation: orOnes(n.list("dilations"), axes), out: make([]int, axes)}
	pads, auto, ceil := n.list("pads"), n.str("auto_pad", "NOTSET"), n.bool("ceil_mode", false)
	if pads == nil || auto != "NOTSET" && auto != "" {
		pads = make([]int, 2*axes)
	}
	if len(size) != axes || len(pads) != 2*axes || len(w.stride) != axes || len(w.dilation) != axes ||
		slices.Min(slices.Concat(size, w.stride, w.dilation)) < 1 || product(size) > 1024 {
		refuse("its window does not fit its input")
	}
	w.before, w.padded, w.after = slices.Clone(pads[:axes]), slices.Clone(pads[axes:]), make([]int, axes)
	for i, in := range w.in {
		reach := (size[i]-1)*w.dilation[i] + 1
		switch auto {
		case "SAME_UPPER", "SAME_LOWER":
			total := max((ceilDiv(in, w.stride[i])-1)*w.stride[i]+reach-in, 0)
			if w.before[i] = total / 2; auto == "SAME_LOWER" {
				w.before[i] = total - total/2
			}
			w.padded[i] = total - w.before[i]
		case "NOTSET", "", "VALID":
		default:
			refuse("auto_pad is %q", auto)
		}
		room := in + w.before[i] + w.padded[i] - reach
		if room < 0 {
			refuse("its window does not fit its input")
		}
		w.out[i] = room/w.stride[i] + 1
		if ceil {
			if w.out[i] = ceilDiv(room, w.stride[i]) + 1; (w.out[i]-1)*w.stride[i] >= in+w.before[i] {
				w.out[i]-- // a window starts within the input or in front of it
			}
		}
		w.after[i] = (w.out[i]-1)*w.stride[i] + reach - in - w.before[i]
	}
	return w
}

// positive are the numbers of a list, with 0 for those below.
func positive(list []int) []int {
	list = slices.Clone(list)
	for i, x := range list {
		list[i] = max(x, 0)
	}
	return list
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// taps are the elements that each place of the window sees, with one more axis in front, and their places before strides: x holds fill outside.
func (n *call) taps(w *windows, fill float64) (all *ir.Value, places [][]int) {
	dims, axes := n.dims(0), len(w.in)
	x := n.op("pad", []*ir.Value{n.f32(n.v(0))}, at1("before", w.before), at1("after", positive(w.after)), at1("value", fill))
	out := append([]int{1, dims[0], dims[1]}, w.out...)
	var taps []*ir.Value
	each(w.size, func(ix []int) {
		from, to, place := make([]int, axes), make([]int, axes), make([]int, axes)
		for i := range axes {
			from[i] = ix[i] * w.dilation[i]
			to[i] = from[i] + (w.out[i]-1)*w.stride[i] + 1
			place[i] = from[i] - w.before[i]
		}
		tap := n.op("slice", []*ir.Value{x}, at1("starts", from), at1("ends", to), at1("axes", seq(2, axes+2)), at1("steps", w.stride))
		taps, places = append(taps, n.reshape(tap, out...)), append(places, place)
	})
	if len(taps) == 1 {
		return taps[0], places
	}
	return n.op("concat", taps, at1("axis", 0)), places
}

// dilatedPool is the mean, or a norm, of the elements of each window.
func (n *call) dilatedPool(kind string, w *windows) []*value {
	over := []ir.Attr{at1("axes", []int{0}), at1("keep_dims", false)}
	all, places := n.taps(w, 0)
	if kind == "lp_pool" {
		p := n.scalar(ir.F32, float64(n.int("p", 2)))
		sum := n.op("reduce_sum", []*ir.Value{n.apply("pow", n.apply("abs", all), p)}, over...)
		return n.results(n.back(n.apply("pow", sum, n.apply("reciprocal", p))))
	}
	border := n.bool("count_include_pad", false)
	count := &constant{t: Float, shape: append([]int{1, 1}, w.out...)}
	n.makes(w.out...)
	each(w.out, func(ix []int) {
		seen := 0.0
		for _, p := range places {
			inside := 1.0
			for i := range ix {
				at, low, high := ix[i]*w.stride[i]+p[i], 0, w.in[i]
				if border {
					low, high = -w.before[i], w.in[i]+w.padded[i]
				}
				if at < low || at >= high {
					inside = 0
				}
			}
			seen += inside
		}
		count.data = append(count.data, seen)
	})
	return n.results(n.back(n.apply("div", n.op("reduce_sum", []*ir.Value{all}, over...), n.im.materialize(count))))
}

// pooledWithPlaces is the largest element of each window and its place in the whole input, the first of equal ones. The taps of the window are cut out
// one by one, side by side, and the place follows from the window and the tap.
func (n *call) pooledWithPlaces(w *windows) []*value {
	dims, axes := n.dims(0), len(w.in)
	columns := n.int("storage_order", 0) == 1
	if columns && axes != 2 {
		refuse("storage_order is supported for pictures")
	}
	step := make([]int, axes) // from one element to the next along each axis, within a channel
	for i := range step {
		step[i] = product(w.in[i+1:])
	}
	if columns {
		step = []int{1, w.in[0]}
	}
	along := func(place []int) (at int) {
		for i, p := range place {
			at += p * step[i]
		}
		return at
	}
	all, places := n.taps(w, math.Inf(-1))
	var offsets []float64
	for _, p := range places {
		offsets = append(offsets, float64(along(p)))
	}
	out := append([]int{dims[0], dims[1]}, w.out...)
	base := &constant{t: Int32, shape: out}
	n.makes(out...)
	each(out, func(ix []int) {
		stands := make([]int, axes)
		for i := range axes {
			stands[i] = ix[i+2] * w.stride[i]
		}
		base.data = append(base.data, float64((ix[0]*dims[1]+ix[1])*product(w.in)+along(stands)))
	})
	which := n.cast(n.op("argmax", []*ir.Value{all}, at1("axis", 0), at1("keep_dims", false)), ir.I32)
	table := n.im.materialize(&constant{t: Int32, shape: []int{len(offsets)}, data: offsets})
	at := n.apply("add", n.op("gather", []*ir.Value{table, which}, at1("axis", 0)), n.im.materialize(base))
	y := n.op("reduce_max", []*ir.Value{all}, at1("axes", []int{0}), at1("keep_dims", false))
	return append(n.results(n.back(y)), &value{t: Int64, v: n.cast(at, ir.I64)})
}
