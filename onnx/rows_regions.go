package onnx

import (
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// Operators that cut regions out of pictures.

var _ = register("",
	opRow{name: "MaxRoiPool", min: 1, heavy: true, run: maxRoiPool},
	opRow{name: "RoiAlign", min: 10, heavy: true, run: roiAlign},
)

// roiAlign works on one image, or on an image for each region.
func roiAlign(n *call) []*value {
	mode := n.str("coordinate_transformation_mode", map[bool]string{true: "half_pixel", false: "output_half_pixel"}[n.opset >= 16])
	x, images, count := n.image(0), n.dims(0)[0], n.dims(1)[0]
	boxes := n.f32(n.v(1))
	if images == 1 {
		boxes = n.reshape(boxes, 1, count, 4)
	} else {
		x, boxes = n.op("gather", []*ir.Value{x, n.index(2)}, at1("axis", 0)), n.reshape(boxes, count, 1, 4)
	}
	size := []int{n.int("output_height", 1), n.int("output_width", 1)}
	y := n.op("roi_align", []*ir.Value{x, boxes}, at1("size", size), at1("sampling_ratio", n.int("sampling_ratio", 0)),
		at1("spatial_scale", n.float("spatial_scale", 1)), at1("half_pixel", mode == "half_pixel"), at1("mode", n.str("mode", "avg")))
	return n.lasts(n.back(n.reshape(y, count, size[0], size[1], n.dims(0)[1])))
}

// maxRoiPool cuts regions out of images, each into as many cells, and takes the largest element of each cell, first along its rows and then down. A cell
// without elements is 0.
func maxRoiPool(n *call) []*value {
	dims, size := n.dims(0), n.list("pooled_shape")
	if len(dims) != 4 || len(size) != 2 || slices.Min(size) < 1 || n.rank(1) != 2 || n.dims(1)[1] != 5 {
		refuse("regions %v of %v cannot become cells %v", n.x(1).shape(), n.x(0).shape(), size)
	}
	regions, count := n.f32(n.v(1)), n.dims(1)[0]
	column := func(i int) *ir.Value {
		c := n.op("slice", []*ir.Value{regions}, at1("starts", []int{i}), at1("ends", []int{i + 1}), at1("axes", []int{1}))
		return n.reshape(c, count, 1, 1)
	}
	number := func(x int) *ir.Value { return n.scalar(ir.I32, float64(x)) }
	pixel := func(v *ir.Value) *ir.Value { // the nearest; of two the one farther from 0
		v = n.apply("mul", v, n.scalar(ir.F32, n.float("spatial_scale", 1)))
		v = n.apply("mul", n.apply("sign", v), n.apply("floor", n.apply("add", n.apply("abs", v), n.scalar(ir.F32, 0.5))))
		return n.cast(v, ir.I32)
	}
	// inside says which elements of an axis lie in each cell: [regions,cells,elements].
	inside := func(first, last *ir.Value, cells, elements int) *ir.Value {
		n.makes(cells, elements)
		list := func(count int, dims ...int) *ir.Value {
			c := whole(seq(0, count)...).c
			c.t, c.shape = Int32, dims
			return n.im.materialize(c)
		}
		cell, element := list(cells, cells, 1), list(elements, elements)
		long := n.apply("max", n.apply("add", n.apply("sub", last, first), number(1)), number(1))
		from := n.apply("div", n.apply("mul", cell, long), number(cells))
		to := n.apply("div", n.apply("add", n.apply("mul", n.apply("add", cell, number(1)), long), number(cells-1)), number(cells))
		return n.apply("logical_and", n.apply("greater_equal", element, n.apply("add", first, from)), n.apply("less", element, n.apply("add", first, to)))
	}
	height, width := dims[2], dims[3]
	across := n.reshape(inside(pixel(column(1)), pixel(column(3)), size[1], width), count, 1, 1, size[1], width)
	down := n.reshape(inside(pixel(column(2)), pixel(column(4)), size[0], height), count, 1, size[0], height, 1)
	image := n.cast(n.reshape(column(0), count), ir.I32)
	x := n.reshape(n.op("gather", []*ir.Value{n.f32(n.v(0)), image}, at1("axis", 0)), count, dims[1], height, 1, width)
	least := n.scalar(ir.F32, math.Inf(-1))
	largest := func(where, x *ir.Value, axis int) *ir.Value {
		return n.op("reduce_max", []*ir.Value{n.apply("where", where, x, least)}, at1("axes", []int{axis}), at1("keep_dims", false))
	}
	x = largest(across, x, 4)
	x = largest(down, n.reshape(x, count, dims[1], 1, height, size[1]), 3)
	return n.results(n.back(n.apply("where", n.apply("equal", x, least), n.scalar(ir.F32, 0), x)))
}
