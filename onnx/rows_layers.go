package onnx

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

var _ = register("",
	opRow{name: "Conv", min: 1, heavy: true, run: conv},
	opRow{name: "ConvTranspose", min: 1, heavy: true, run: convTranspose},
	pool("MaxPool", "max_pool"), pool("AveragePool", "avg_pool"), pool("LpPool", "lp_pool"),
	globalPool("GlobalAveragePool", "global_avg_pool"), globalPool("GlobalMaxPool", "global_max_pool"), globalPool("GlobalLpPool", "global_lp_pool"),
	opRow{name: "BatchNormalization", min: 1, run: batchNorm},
	opRow{name: "InstanceNormalization", min: 1, run: func(n *call) []*value {
		return n.lasts(n.back(n.op("instance_norm", []*ir.Value{n.image(0), n.vector(1), n.vector(2)}, at1("eps", n.float("epsilon", 1e-5)))))
	}},
	opRow{name: "GroupNormalization", min: 18, run: groupNorm},
	opRow{name: "LayerNormalization", min: 17, run: layerNorm},
	opRow{name: "RMSNormalization", min: 23, run: func(n *call) []*value {
		n.int("stash_type", 1)
		a := axis(n.int("axis", -1), n.rank(0)) - n.rank(0)
		return n.results(n.back(n.op("rms_norm", []*ir.Value{n.f32(n.v(0)), n.f32(n.v(1))}, at1("axis", a), at1("eps", n.float("epsilon", 1e-5)))))
	}},
	opRow{name: "MeanVarianceNormalization", min: 9, run: func(n *call) []*value {
		axes := n.list("axes")
		if axes == nil {
			axes = []int{0, 2, 3}
		}
		d, _, variance := n.moments(n.f32(n.v(0)), axes)
		deviation := n.apply("add", n.apply("sqrt", variance), n.scalar(ir.F32, 1e-9))
		return n.results(n.back(n.apply("div", d, deviation)))
	}},
	opRow{name: "LRN", min: 1, run: func(n *call) []*value {
		return n.lasts(n.back(n.op("lrn", []*ir.Value{n.image(0)}, at1("size", n.int("size", 0)), at1("alpha", n.float("alpha", 1e-4)),
			at1("beta", n.float("beta", 0.75)), at1("bias", n.float("bias", 1)))))
	}},
	opRow{name: "LpNormalization", min: 1, run: func(n *call) []*value {
		a, p := axis(n.int("axis", -1), n.rank(0)), n.int("p", 2)
		kind := map[int]string{1: "reduce_l1", 2: "reduce_l2"}[p]
		if kind == "" {
			refuse("p is %d; 1 and 2 are supported", p)
		}
		x := n.f32(n.v(0))
		return n.results(n.back(n.apply("div", x, n.op(kind, []*ir.Value{x}, at1("axes", []int{a}), at1("keep_dims", true)))))
	}},
	opRow{name: "Dropout", min: 1, run: dropout},
	opRow{name: "Gemm", min: 1, heavy: true, run: gemm},
	opRow{name: "MatMul", min: 1, heavy: true, run: func(n *call) []*value { return n.results(n.back(n.matmul(n.f32(n.v(0)), n.x(1)))) }},
	opRow{name: "Einsum", min: 12, heavy: true, run: func(n *call) []*value {
		var args []*ir.Value
		for i := range n.in {
			args = append(args, n.f32(n.v(i)))
		}
		return n.results(n.back(n.op("einsum", args, at1("equation", n.str("equation", "")))))
	}},
	opRow{name: "Det", min: 11, heavy: true, run: determinant},
	opRow{name: "GridSample", min: 16, heavy: true, run: func(n *call) []*value {
		mode := n.str("mode", "linear")
		if w := map[string]string{"bilinear": "linear", "bicubic": "cubic"}[mode]; w != "" {
			mode = w
		}
		if n.rank(0) == 5 {
			return n.gridVolume(mode, n.str("padding_mode", "zeros"), n.bool("align_corners", false))
		}
		return n.lasts(n.back(n.op("grid_sample", []*ir.Value{n.image(0), n.f32(n.v(1))}, at1("mode", mode), at1("padding_mode", n.str("padding_mode", "zeros")),
			at1("align_corners", n.bool("align_corners", false)))))
	}},
	opRow{name: "Resize", min: 10, heavy: true, run: resize},
	opRow{name: "Upsample", min: 1, max: 6, heavy: true, run: func(n *call) []*value {
		scales := []float64{1, 1, n.float("height_scale", 0), n.float("width_scale", 0)}
		return n.resized(scales, nil, nil, at1("mode", n.str("mode", "nearest")), at1("coordinate_transformation_mode", "asymmetric"), at1("nearest_mode", "floor"))
	}},
	opRow{name: "Upsample", min: 7, max: 9, heavy: true, run: func(n *call) []*value {
		var scales []float64
		if n.has(1) {
			scales = n.known(1, "the scales").all()
		} else if a := n.attr("scales"); a != nil {
			for _, f := range a.Floats {
				scales = append(scales, float64(f))
			}
		}
		return n.resized(scales, nil, nil, at1("mode", n.str("mode", "nearest")), at1("coordinate_transformation_mode", "asymmetric"), at1("nearest_mode", "floor"))
	}},
	opRow{name: "MaxUnpool", min: 9, run: maxUnpool},
)

// gemm is a dense layer where its operands allow.
func gemm(n *call) []*value {
	alpha, beta := n.float("alpha", 1), n.float("beta", 1)
	ta, tb := n.bool("transA", false), n.bool("transB", false)
	n.int("broadcast", 1)
	w := n.x(1)
	if n.rank(0) != 2 || n.rank(1) != 2 {
		refuse("it needs two matrices, not %v and %v", n.x(0).shape(), w.shape())
	}
	x := n.f32(n.v(0))
	plainBias := !n.has(2) || beta == 1 && n.rank(2) == 1 && n.x(2).shape()[0] == w.shape()[map[bool]int{true: 0, false: 1}[tb]]
	if w.c != nil && !ta && alpha == 1 && plainBias {
		c := w.c
		if tb {
			c = n.im.permuted(c, []int{1, 0})
		}
		args := []*ir.Value{x, n.f32(n.im.materialize(c))}
		if n.has(2) {
			args = append(args, n.f32(n.v(2)))
		}
		return n.results(n.back(n.op("dense", args)))
	}
	args := []*ir.Value{x, n.f32(n.v(1))}
	if n.has(2) {
		args = append(args, n.f32(n.v(2)))
	}
	return n.results(n.back(n.op("gemm", args, at1("transpose_a", ta), at1("transpose_b", tb), at1("alpha", alpha), at1("beta", beta))))
}

// matmul is the product of matrices in the last two axes. A vector is a row on the left and a column on the right, whose axis is gone afterwards.
func (n *call) matmul(a *ir.Value, right *value) *ir.Value {
	ra, rb := len(a.Type.Shape), len(right.shape())
	if ra == 0 || rb == 0 {
		refuse("a number is no matrix")
	}
	b := n.f32(n.im.plain(right))
	if right.c != nil && rb == 2 && ra >= 2 {
		return n.op("dense", []*ir.Value{a, b})
	}
	if ra == 1 {
		a = n.reshape(a, 1, a.Type.Shape[0].Size)
	}
	if rb == 1 {
		b = n.reshape(b, b.Type.Shape[0].Size, 1)
	}
	y := n.op("matmul", []*ir.Value{a, b})
	if ra > 1 && rb > 1 {
		return y
	}
	var dims []int
	for i, d := range y.Type.Shape {
		if last := len(y.Type.Shape) - 1; !(ra == 1 && i == last-1 || rb == 1 && i == last) {
			dims = append(dims, d.Size)
		}
	}
	return n.reshape(y, dims...)
}

// determinant is written out for matrices of two rows. Others are brought to triangular form: in each column the largest element of the rows that are left
// is divided by, and counts with the sign of the rows that its own passes on its way up.
func determinant(n *call) []*value {
	dims := n.dims(0)
	rank := len(dims)
	if rank < 2 || dims[rank-1] != dims[rank-2] || dims[rank-1] > 64 {
		refuse("it needs square matrices of at most 64 rows, not %v", dims)
	}
	outer, size := dims[:rank-2], dims[rank-1]
	count := product(outer)
	x := n.f32(n.v(0))
	cut := func(v *ir.Value, axis, at int) *ir.Value {
		return n.op("slice", []*ir.Value{v}, at1("starts", []int{at}), at1("ends", []int{at + 1}), at1("axes", []int{axis}))
	}
	if size <= 2 {
		el := func(i, k int) *ir.Value { return n.reshape(cut(cut(x, rank-2, i), rank-1, k), outer...) }
		if size == 1 {
			return n.results(n.back(el(0, 0)))
		}
		return n.results(n.back(n.apply("sub", n.apply("mul", el(0, 0), el(1, 1)), n.apply("mul", el(0, 1), el(1, 0)))))
	}
	x = n.reshape(x, count, size, size)
	zero, one := n.scalar(ir.F32, 0), n.scalar(ir.F32, 1)
	left := n.expand(n.reshape(one, 1, 1), []int{count, size}) // 1 for rows that are left
	det := n.expand(n.reshape(one, 1), []int{count})
	above := &constant{t: Float, shape: []int{size, size}} // for each row those above it
	for i := range size * size {
		above.data = append(above.data, truth(i/size < i%size))
	}
	for k := range size {
		column := n.reshape(cut(x, 2, k), count, size)
		largest := n.op("argmax", []*ir.Value{n.apply("where", n.apply("greater", left, zero), n.apply("abs", column), n.scalar(ir.F32, -1))}, at1("axis", 1), at1("keep_dims", false))
		chosen := n.op("one_hot", []*ir.Value{n.cast(largest, ir.I32)}, at1("depth", size), at1("axis", 1))
		pick := func(v *ir.Value) *ir.Value {
			return n.op("reduce_sum", []*ir.Value{n.apply("mul", v, chosen)}, at1("axes", []int{1}), at1("keep_dims", false))
		}
		pivot := pick(column)
		passed := pick(n.op("dense", []*ir.Value{left, n.im.materialize(above)})) // rows that are left above the chosen one
		sign := n.apply("sub", one, n.apply("mul", n.op("mod", []*ir.Value{passed, n.scalar(ir.F32, 2)}), n.scalar(ir.F32, 2)))
		det = n.apply("mul", n.apply("mul", det, pivot), sign)
		left = n.apply("sub", left, chosen)
		if k == size-1 {
			break
		}
		row := n.op("einsum", []*ir.Value{chosen, x}, at1("equation", "bi,bij->bj"))
		by := n.apply("where", n.apply("equal", pivot, zero), one, pivot)
		factor := n.apply("mul", left, n.apply("div", column, n.reshape(by, count, 1)))
		x = n.apply("sub", x, n.apply("mul", n.reshape(factor, count, size, 1), n.reshape(row, count, 1, size)))
	}
	return n.results(n.back(n.reshape(det, outer...)))
}

// resize takes scales or sizes; opset 10 knows scales only, and one way to place the pixels.
func resize(n *call) []*value {
	if n.opset == 10 {
		return n.resized(n.known(1, "the scales").all(), nil, nil, at1("mode", n.str("mode", "nearest")), at1("coordinate_transformation_mode", "asymmetric"), at1("nearest_mode", "floor"))
	}
	var scales, roi []float64
	var sizes []int
	if n.has(2) {
		if k := n.known(2, "the scales"); k.elems() > 0 {
			scales = k.all()
		}
	}
	if n.has(3) {
		if k := n.known(3, "the sizes"); k.elems() > 0 {
			sizes = k.ints()
		}
	}
	coordinates := n.str("coordinate_transformation_mode", "half_pixel")
	if n.has(1) && coordinates == "tf_crop_and_resize" {
		roi = n.known(1, "the region").all()
	}
	return n.resized(scales, sizes, roi, at1("mode", n.str("mode", "nearest")), at1("coordinate_transformation_mode", coordinates),
		at1("nearest_mode", n.str("nearest_mode", "round_prefer_floor")), at1("cubic_coeff_a", n.float("cubic_coeff_a", -0.75)),
		at1("exclude_outside", n.bool("exclude_outside", false)), at1("extrapolation_value", n.float("extrapolation_value", 0)),
		at1("antialias", n.bool("antialias", false)), at1("keep_aspect_ratio_policy", n.str("keep_aspect_ratio_policy", "stretch")))
}

// resized resizes the axes whose extents change.
func (n *call) resized(scales []float64, sizes []int, roi []float64, attrs ...ir.Attr) []*value {
	dims := n.dims(0)
	axes := n.list("axes")
	if axes == nil {
		axes = seq(0, len(dims))
	}
	if scales != nil && len(scales) != len(axes) || sizes != nil && len(sizes) != len(axes) || scales == nil && sizes == nil || roi != nil && len(roi) != 2*len(axes) {
		refuse("its scales or sizes are not one for each axis")
	}
	var change, to []int
	var by, region []float64
	for pass := range 2 {
		for i, a := range axes {
			a = axis(a, len(dims))
			same := scales != nil && scales[i] == 1 || sizes != nil && sizes[i] == dims[a]
			if same && (roi == nil || roi[i] == 0 && roi[i+len(axes)] == 1) {
				continue
			}
			if roi != nil {
				region = append(region, roi[i+pass*len(axes)])
			}
			if pass == 1 {
				continue
			}
			change = append(change, a)
			if scales != nil {
				by = append(by, scales[i])
			} else {
				to = append(to, sizes[i])
			}
		}
	}
	if change == nil {
		return []*value{n.x(0)}
	}
	turned := len(dims) > 2 && !slices.Contains(change, 0) && !slices.Contains(change, 1)
	v := n.f32(n.im.plain(n.x(0)))
	if turned {
		v, change = n.image(0), permuted(lastAxes(len(dims)), change)
	}
	attrs = append(attrs, at1("axes", change))
	if by != nil {
		attrs = append(attrs, at1("scales", by))
	} else {
		attrs = append(attrs, at1("sizes", to))
	}
	if region != nil {
		attrs = append(attrs, at1("roi", region))
	}
	y := n.back(n.op("resize", []*ir.Value{v}, attrs...))
	if turned {
		return n.lasts(y)
	}
	return n.results(y)
}
