package onnx

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// Operators that say of each place of their result where in a picture it comes from.

var _ = register("",
	opRow{name: "AffineGrid", min: 20, run: affineGrid},
	opRow{name: "CenterCropPad", min: 18, run: centerCropPad},
	opRow{name: "Col2Im", min: 18, heavy: true, run: columnsToImage},
	opRow{name: "DeformConv", min: 19, heavy: true, run: deformConv},
)

// placesMost is how many elements a table that a row makes may have.
const placesMost = 1 << 22

// makes takes room for a table of the given extents.
func (n *call) makes(dims ...int) {
	elems := 1
	for _, d := range dims {
		if d > placesMost/elems {
			refuse("a table of %v would be too large", dims)
		}
		elems *= max(1, d)
	}
	if err := n.im.take(2 * elems); err != nil {
		panic(refusal{err})
	}
}

// affineGrid maps the places of a picture, from -1 to 1 along each axis, by a matrix of each example.
func affineGrid(n *call) []*value {
	size, corners := n.ints(1, "the size"), n.bool("align_corners", false)
	theta := n.f32(n.v(0))
	d := len(size) - 2
	if s := theta.Type.Shape; d < 2 || d > 3 || len(s) != 3 || s[1] != ir.D(d) || s[2] != ir.D(d+1) {
		refuse("matrices %v do not map pictures of size %v", theta.Type, size)
	}
	spatial := size[2:]
	c := &constant{t: Float, shape: []int{product(spatial), d + 1}, name: "places"}
	if slices.Min(spatial) < 1 {
		refuse("pictures of size %v are not supported", size)
	}
	n.makes(append(slices.Clone(spatial), d+1)...)
	for i := range product(spatial) {
		for a, p := range slices.Backward(place(i, spatial)) { // x is first
			at := (2*float64(p)+1)/float64(spatial[a]) - 1
			if corners {
				if at = -1; spatial[a] > 1 {
					at += 2 * float64(p) / float64(spatial[a]-1)
				}
			}
			c.data = append(c.data, at)
		}
		c.data = append(c.data, 1)
	}
	y := n.op("einsum", []*ir.Value{theta, n.im.materialize(c)}, at1("equation", "nij,pj->npi"))
	return n.results(n.back(n.reshape(y, append(append([]int{y.Type.Shape[0].Size}, spatial...), d)...)))
}

// centerCropPad cuts or fills both ends of axes.
func centerCropPad(n *call) []*value {
	dims, want, axes := n.dims(0), n.ints(1, "the shape"), n.list("axes")
	if axes == nil {
		axes = seq(0, len(dims))
	}
	if len(axes) != len(want) {
		refuse("there are %d axes, but %d extents", len(axes), len(want))
	}
	x := n.v(0)
	before, after := make([]int, len(dims)), make([]int, len(dims))
	for i, a := range axes {
		a = axis(a, len(dims))
		switch spare := dims[a] - want[i]; {
		case want[i] < 1:
			refuse("a tensor without elements is not supported")
		case spare > 0:
			x = n.op("slice", []*ir.Value{x}, at1("starts", []int{spare / 2}), at1("ends", []int{spare/2 + want[i]}), at1("axes", []int{a}))
		case spare < 0:
			before[a], after[a] = -spare/2, -spare-(-spare/2)
		}
	}
	if hasBatch(x) && before[0]+after[0] == 0 {
		before, after = before[1:], after[1:]
	}
	if slices.ContainsFunc(slices.Concat(before, after), func(p int) bool { return p > 0 }) {
		x = n.op("pad", []*ir.Value{x}, at1("before", before), at1("after", after))
	}
	return n.results(x)
}

// columnsToImage adds up blocks of a picture, one for each place that a window stood at. Each element of the picture gets at most one from each element of
// the window, which is looked up.
func columnsToImage(n *call) []*value {
	image, block := n.ints(1, "the shape of the picture"), n.ints(2, "the shape of the blocks")
	rank := len(image)
	steps, spread, pads := n.list("strides"), n.list("dilations"), n.list("pads")
	ones := slices.Repeat([]int{1}, rank)
	if steps == nil {
		steps = ones
	}
	if spread == nil {
		spread = ones
	}
	if pads == nil {
		pads = make([]int, 2*rank)
	}
	dims := n.dims(0)
	if len(block) != rank || len(steps) != rank || len(spread) != rank || len(pads) != 2*rank || len(dims) != 3 || rank == 0 ||
		slices.Min(slices.Concat(image, block, steps, spread)) < 1 || slices.Min(pads) < 0 {
		refuse("its operands do not fit each other: a picture %v of blocks %v", image, block)
	}
	stands := make([]int, rank)
	for a := range stands {
		stands[a] = (image[a]+pads[a]+pads[rank+a]-spread[a]*(block[a]-1)-1)/steps[a] + 1
	}
	if slices.Min(stands) < 1 {
		refuse("blocks %v do not fit into a picture %v", block, image)
	}
	n.makes(append(slices.Clone(block), image...)...)
	e, l, p := product(block), product(stands), product(image)
	if dims[2] != l || dims[1]%e != 0 {
		refuse("%v are no blocks %v of a picture %v", dims, block, image)
	}
	from, hit := &constant{t: Int64, shape: []int{e * p}}, &constant{t: Bool, shape: []int{e, p}}
	for i := range e {
		in := place(i, block)
		for j := range p {
			at, found := 0, 1.0
			for a, to := range place(j, image) {
				off := to + pads[a] - in[a]*spread[a]
				if off < 0 || off%steps[a] != 0 || off/steps[a] >= stands[a] {
					found = 0
					break
				}
				at = at*stands[a] + off/steps[a]
			}
			if found == 0 {
				at = 0
			}
			from.data, hit.data = append(from.data, float64(i*l+at)), append(hit.data, found)
		}
	}
	channels := dims[1] / e
	x := n.reshape(n.f32(n.v(0)), dims[0], channels, e*l)
	x = n.reshape(n.op("gather", []*ir.Value{x, n.im.materialize(from)}, at1("axis", 2)), dims[0], channels, e, p)
	x = n.apply("where", n.im.materialize(hit), x, n.scalar(ir.F32, 0))
	x = n.op("reduce_sum", []*ir.Value{x}, at1("axes", []int{2}), at1("keep_dims", false))
	return n.results(n.back(n.reshape(x, append([]int{dims[0], channels}, image...)...)))
}

// deformConv is a convolution each of whose weights looks at a place that is computed, between the elements of the picture.
func deformConv(n *call) []*value {
	xs, ws, offs := n.dims(0), n.dims(1), n.dims(2)
	if len(xs) != 4 || len(ws) != 4 || len(offs) != 4 {
		refuse("deformable convolution of %v by %v is not supported; pictures are", xs, ws)
	}
	groups, sets := n.int("group", 1), n.int("offset_group", 1)
	kernel, steps, spread, pads := n.list("kernel_shape"), n.list("strides"), n.list("dilations"), n.list("pads")
	if steps == nil {
		steps = []int{1, 1}
	}
	if spread == nil {
		spread = []int{1, 1}
	}
	if pads == nil {
		pads = make([]int, 4)
	}
	oh, ow, k := offs[2], offs[3], ws[2]*ws[3]
	if kernel != nil && !slices.Equal(kernel, ws[2:]) || len(steps) != 2 || len(spread) != 2 || len(pads) != 4 || groups < 1 || sets < 1 ||
		xs[1]%groups != 0 || xs[1]%sets != 0 || ws[0]%groups != 0 || ws[1] != xs[1]/groups || offs[1] != 2*sets*k {
		refuse("its operands do not fit each other: %v by %v with offsets %v", xs, ws, offs)
	}
	// The places without offsets, and what makes them coordinates from -1 to 1: x first, as grid_sample takes them.
	base := &constant{t: Float, shape: []int{k, oh, ow, 2}, name: "places"}
	n.makes(base.shape...)
	for i := range k * oh * ow {
		p := place(i, []int{ws[2], ws[3], oh, ow})
		for a := 1; a >= 0; a-- {
			at := float64(p[2+a]*steps[a] + p[a]*spread[a] - pads[a])
			base.data = append(base.data, (2*at+1)/float64(xs[2+a])-1)
		}
	}
	scale := &constant{t: Float, shape: []int{2}, data: []float64{2 / float64(xs[3]), 2 / float64(xs[2])}}
	batch := xs[0]
	offsets := n.reshape(n.f32(n.v(2)), batch, sets, k, 2, oh, ow)
	var mask *ir.Value
	if n.has(4) {
		mask = n.reshape(n.f32(n.v(4)), batch, sets, k, oh, ow)
	}
	x := n.reshape(n.f32(n.v(0)), batch, sets, xs[1]/sets, xs[2], xs[3])
	set := func(v *ir.Value, i int) *ir.Value {
		s := v.Type.Shape
		v = n.op("slice", []*ir.Value{v}, at1("starts", []int{i}), at1("ends", []int{i + 1}), at1("axes", []int{1}))
		dims := []int{batch}
		for _, d := range s[2:] {
			dims = append(dims, d.Size)
		}
		return n.reshape(v, dims...)
	}
	var parts []*ir.Value
	for i := range sets {
		shift := n.transpose(set(offsets, i), 0, 1, 3, 4, 2) // [N,K,OH,OW,2], y first
		shift = n.op("flip", []*ir.Value{shift}, at1("axes", []int{4}))
		grid := n.apply("add", n.apply("mul", shift, n.im.materialize(scale)), n.im.materialize(base))
		picture := n.transpose(set(x, i), 0, 2, 3, 1)
		y := n.op("grid_sample", []*ir.Value{picture, n.reshape(grid, batch, k*oh, ow, 2)}, at1("mode", "linear"), at1("padding_mode", "zeros"), at1("align_corners", false))
		y = n.reshape(y, batch, k, oh*ow, xs[1]/sets)
		if mask != nil {
			y = n.apply("mul", y, n.reshape(set(mask, i), batch, k, oh*ow, 1))
		}
		parts = append(parts, y)
	}
	columns := parts[0]
	if sets > 1 {
		columns = n.op("concat", parts, at1("axis", 3))
	}
	columns = n.reshape(columns, batch, k, oh*ow, groups, xs[1]/groups)
	w := n.reshape(n.f32(n.v(1)), groups, ws[0]/groups, ws[1], k)
	y := n.op("einsum", []*ir.Value{columns, w}, at1("equation", "nkpgc,gock->ngop"))
	y = n.reshape(y, batch, ws[0], oh, ow)
	if n.has(3) {
		y = n.apply("add", y, n.reshape(n.f32(n.v(3)), ws[0], 1, 1))
	}
	return n.results(n.back(y))
}
