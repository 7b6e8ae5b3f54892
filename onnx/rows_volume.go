package onnx

import "github.com/dlc-ml/dlc/ir"

// volumeTap is one of the elements along an axis that a place lies between: its number, its share, and whether there is such an element.
type volumeTap struct{ at, weight, inside *ir.Value }

// gridVolume reads volumes [N,C,D,H,W] at the places of a grid [N,d,h,w,3] of x, y and z, as grid_sample reads pictures.
func (n *call) gridVolume(mode, padding string, corners bool) []*value {
	dims, to := n.dims(0), n.dims(1)
	if len(to) != 5 || to[4] != 3 || to[0] != dims[0] || mode != "linear" && mode != "nearest" {
		refuse("volumes %v are not read at %v by %s: volumes are read linear or nearest", dims, to, mode)
	}
	places, channels, elements := to[1]*to[2]*to[3], dims[1], product(dims[2:])
	x := n.reshape(n.image(0), dims[0], elements, channels)
	grid := n.reshape(n.f32(n.v(1)), dims[0], places, 3)
	var taps [3][]volumeTap
	for a := range taps {
		g := n.op("slice", []*ir.Value{grid}, at1("starts", []int{2 - a}), at1("ends", []int{3 - a}), at1("axes", []int{2}))
		taps[a] = n.volumeTaps(g, dims[2+a], mode, padding, corners)
	}
	var y *ir.Value
	for _, d := range taps[0] {
		for _, h := range taps[1] {
			for _, w := range taps[2] {
				row := n.apply("add", n.apply("mul", d.at, n.scalar(ir.I32, float64(dims[3]))), h.at)
				at := n.apply("add", n.apply("mul", row, n.scalar(ir.I32, float64(dims[4]))), w.at)
				v := n.op("gather_nd", []*ir.Value{x, at}, at1("batch_dims", 1))
				v = n.apply("mul", v, n.apply("mul", n.apply("mul", d.weight, h.weight), w.weight))
				v = n.apply("where", n.apply("logical_and", n.apply("logical_and", d.inside, h.inside), w.inside), v, n.scalar(ir.F32, 0))
				if y == nil {
					y = v
				} else {
					y = n.apply("add", y, v)
				}
			}
		}
	}
	return n.lasts(n.back(n.reshape(y, dims[0], to[1], to[2], to[3], channels)))
}

// volumeTaps are the elements of an axis around coordinates from -1 to 1.
func (n *call) volumeTaps(g *ir.Value, size int, mode, padding string, corners bool) []volumeTap {
	number := func(x float64) *ir.Value { return n.scalar(ir.F32, x) }
	clip := func(v *ir.Value, low, high float64) *ir.Value {
		return n.op("clip", []*ir.Value{v}, at1("min", low), at1("max", high))
	}
	count := float64(size)
	low, high, scale, shift := -0.5, count-0.5, count/2, (count-1)/2
	if corners {
		low, high, scale, shift = 0, count-1, (count-1)/2, (count-1)/2
	}
	p := n.apply("add", n.apply("mul", g, number(scale)), number(shift))
	switch padding {
	case "zeros":
		p = clip(p, -2, count+1) // outside all the same, and a whole number that fits
	case "reflection":
		if high == low {
			p = n.apply("mul", g, number(0))
			break
		}
		q := n.apply("mod", n.apply("sub", p, number(low)), number(2*(high-low)))
		q = n.apply("min", q, n.apply("sub", number(2*(high-low)), q))
		p = clip(n.apply("add", q, number(low)), 0, count-1)
	case "border":
		p = clip(p, 0, count-1)
	default:
		refuse("padding_mode is %q", padding)
	}
	tap := func(at, weight *ir.Value) volumeTap {
		inside := n.apply("logical_and", n.apply("greater_equal", at, number(0)), n.apply("less_equal", at, number(count-1)))
		return volumeTap{n.cast(clip(at, 0, count-1), ir.I32), weight, inside}
	}
	if mode == "nearest" {
		return []volumeTap{tap(n.apply("round", p), number(1))}
	}
	first := n.apply("floor", p)
	share := n.apply("sub", p, first)
	return []volumeTap{tap(first, n.apply("sub", number(1), share)), tap(n.apply("add", first, number(1)), share)}
}
