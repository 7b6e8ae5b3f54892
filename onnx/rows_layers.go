package onnx

import (
	"math"
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
	opRow{name: "Det", min: 11, run: determinant},
	opRow{name: "GridSample", min: 16, heavy: true, run: func(n *call) []*value {
		mode := n.str("mode", "linear")
		if w := map[string]string{"bilinear": "linear", "bicubic": "cubic"}[mode]; w != "" {
			mode = w
		}
		return n.lasts(n.back(n.op("grid_sample", []*ir.Value{n.image(0), n.f32(n.v(1))}, at1("mode", mode), at1("padding_mode", n.str("padding_mode", "zeros")),
			at1("align_corners", n.bool("align_corners", false)))))
	}},
	opRow{name: "RoiAlign", min: 10, heavy: true, run: roiAlign},
	opRow{name: "Resize", min: 10, heavy: true, run: resize},
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

// geometry are the attributes of a window that moves over the given number of axes.
func (n *call) geometry(axes int) []ir.Attr {
	list := []ir.Attr{at1("stride", orOnes(n.list("strides"), axes))}
	pads := n.list("pads")
	switch auto := n.str("auto_pad", "NOTSET"); auto {
	case "SAME_UPPER":
		return append(list, at1("padding", "same"))
	case "SAME_LOWER":
		return append(list, at1("padding", "same_lower"))
	case "NOTSET", "":
		if pads != nil {
			list = append(list, at1("pads", pads))
		}
	case "VALID":
	default:
		refuse("auto_pad is %q", auto)
	}
	return list
}

func orOnes(list []int, n int) []int {
	if list == nil {
		return slices.Repeat([]int{1}, n)
	}
	return list
}

// spatialAxes is the number of axes behind the channels of operand 0.
func (n *call) spatialAxes() int {
	axes := n.rank(0) - 2
	if axes < 1 || axes > 3 {
		refuse("it needs one to three axes behind the channels, not %d: %v", axes, n.x(0).shape())
	}
	return axes
}

// kernel is operand i, a kernel [M,C,k…], as [k…,C,M].
func (n *call) kernel(x *value) *ir.Value {
	perm := append(seq(2, len(x.shape())), 1, 0)
	if x.c != nil {
		return n.f32(n.im.materialize(n.im.permuted(x.c, perm)))
	}
	return n.f32(n.transpose(n.im.plain(x), perm...))
}

func conv(n *call) []*value {
	axes := n.spatialAxes()
	if n.rank(1) != axes+2 {
		refuse("its kernel %v does not fit its input %v", n.x(1).shape(), n.x(0).shape())
	}
	n.list("kernel_shape")
	attrs := append(n.geometry(axes), at1("dilation", orOnes(n.list("dilations"), axes)), at1("groups", n.int("group", 1)))
	args := []*ir.Value{n.image(0), n.kernel(n.x(1))}
	if n.has(2) {
		args = append(args, n.vector(2))
	}
	return n.lasts(n.back(n.op("conv"+itoa(axes)+"d", args, attrs...)))
}

// convTranspose works out the border where the output's extents are given, as the standard says.
func convTranspose(n *call) []*value {
	axes := n.spatialAxes()
	dims, kernel := n.dims(0), n.dims(1)
	if len(kernel) != axes+2 {
		refuse("its kernel %v does not fit its input %v", kernel, dims)
	}
	n.list("kernel_shape")
	stride, dilation := orOnes(n.list("strides"), axes), orOnes(n.list("dilations"), axes)
	extra := n.list("output_padding")
	if extra == nil {
		extra = make([]int, axes)
	}
	extra = slices.Clone(extra)
	pads, auto, shape := n.list("pads"), n.str("auto_pad", "NOTSET"), n.list("output_shape")
	if len(stride) != axes || len(dilation) != axes || len(extra) != axes || pads != nil && len(pads) != 2*axes {
		refuse("its attributes are not one for each axis")
	}
	same := auto == "SAME_UPPER" || auto == "SAME_LOWER"
	if shape != nil || same {
		if len(shape) > axes {
			shape = shape[len(shape)-axes:]
		}
		pads = make([]int, 2*axes)
		for i := range axes {
			want := dims[i+2] * stride[i]
			if len(shape) == axes {
				want = shape[i]
			}
			total := stride[i]*(dims[i+2]-1) + extra[i] + (kernel[i+2]-1)*dilation[i] + 1 - want
			if total < 0 {
				extra[i], total = extra[i]-total, 0
			}
			small := total / 2
			pads[i], pads[i+axes] = total-small, small
			if auto == "SAME_UPPER" {
				pads[i], pads[i+axes] = small, total-small
			}
		}
	}
	attrs := []ir.Attr{at1("stride", stride), at1("dilation", dilation), at1("groups", n.int("group", 1)), at1("output_padding", extra)}
	if pads != nil {
		attrs = append(attrs, at1("pads", pads))
	}
	args := []*ir.Value{n.image(0), n.kernel(n.x(1))}
	if n.has(2) {
		args = append(args, n.vector(2))
	}
	return n.lasts(n.back(n.op("conv_transpose", args, attrs...)))
}

func pool(name, kind string) opRow {
	return opRow{name: name, min: 1, heavy: true, run: func(n *call) []*value {
		axes := n.spatialAxes()
		size := n.list("kernel_shape")
		attrs := append(n.geometry(axes), at1("size", size), at1("ceil_mode", n.bool("ceil_mode", false)))
		if d := orOnes(n.list("dilations"), axes); kind == "max_pool" {
			attrs = append(attrs, at1("dilation", d))
		} else if slices.Max(d) > 1 {
			refuse("dilations are not supported")
		}
		switch kind {
		case "avg_pool":
			attrs = append(attrs, at1("count_include_pad", n.bool("count_include_pad", false)))
		case "lp_pool":
			attrs = append(attrs, at1("p", n.int("p", 2)))
		}
		if n.wants(1) {
			return n.pooledWithPlaces(axes, size)
		}
		n.int("storage_order", 0)
		x := n.im.channelsLast(n.x(0))
		y := n.op(kind, []*ir.Value{n.cast(x, ir.F32)}, attrs...)
		return n.lasts(n.back(y))
	}}
}

// pooledWithPlaces is the largest element of each window and its place in the whole input, the first of equal ones. The taps of the window are cut out
// one by one, side by side, and the place follows from the window and the tap.
func (n *call) pooledWithPlaces(axes int, size []int) []*value {
	dims := n.dims(0)
	stride, dilation, pads := orOnes(n.list("strides"), axes), orOnes(n.list("dilations"), axes), n.list("pads")
	if pads == nil {
		pads = make([]int, 2*axes)
	}
	columns := n.int("storage_order", 0) == 1
	if n.str("auto_pad", "NOTSET") != "NOTSET" || n.bool("ceil_mode", false) || columns && axes != 2 || len(size) != axes || len(pads) != 2*axes || len(stride) != axes || len(dilation) != axes {
		refuse("its result Indices is supported with pads alone")
	}
	x := n.op("pad", []*ir.Value{n.f32(n.v(0))}, at1("before", pads[:axes]), at1("after", pads[axes:]), at1("value", math.Inf(-1)))
	out, inner := slices.Clone(dims), dims[2:]
	for i := range axes {
		out[i+2] = (inner[i]+pads[i]+pads[i+axes]-(size[i]-1)*dilation[i]-1)/stride[i] + 1
	}
	step := make([]int, axes) // from one element to the next along each axis, within a channel
	for i := range step {
		step[i] = product(inner[i+1:])
	}
	if columns {
		step = []int{1, inner[0]}
	}
	if slices.Min(out) < 1 || product(size) > 1024 {
		refuse("its window does not fit its input")
	}
	var taps []*ir.Value
	var offsets []float64
	each(size, func(ix []int) {
		from, to, offset := make([]int, axes), make([]int, axes), 0
		for i := range axes {
			from[i] = ix[i] * dilation[i]
			to[i] = from[i] + (out[i+2]-1)*stride[i] + 1
			offset += (from[i] - pads[i]) * step[i]
		}
		tap := n.op("slice", []*ir.Value{x}, at1("starts", from), at1("ends", to), at1("axes", seq(2, axes+2)), at1("steps", stride))
		taps, offsets = append(taps, n.reshape(tap, append([]int{1}, out...)...)), append(offsets, float64(offset))
	})
	all := taps[0]
	if len(taps) > 1 {
		all = n.op("concat", taps, at1("axis", 0))
	}
	base := &constant{t: Int32, shape: out}
	each(out, func(ix []int) {
		place := (ix[0]*dims[1] + ix[1]) * product(inner)
		for i := range axes {
			place += ix[i+2] * stride[i] * step[i]
		}
		base.data = append(base.data, float64(place))
	})
	which := n.cast(n.op("argmax", []*ir.Value{all}, at1("axis", 0), at1("keep_dims", false)), ir.I32)
	table := n.im.materialize(&constant{t: Int32, shape: []int{len(offsets)}, data: offsets})
	places := n.apply("add", n.op("gather", []*ir.Value{table, which}, at1("axis", 0)), n.im.materialize(base))
	y := n.op("reduce_max", []*ir.Value{all}, at1("axes", []int{0}), at1("keep_dims", false))
	return append(n.results(n.back(y)), &value{t: Int64, v: n.cast(places, ir.I64)})
}

// each calls f for every index of a tensor of the given extents, the last axis running fastest.
func each(dims []int, f func(ix []int)) {
	ix := make([]int, len(dims))
	for range product(dims) {
		f(ix)
		for i := len(ix) - 1; i >= 0; i-- {
			if ix[i]++; ix[i] < dims[i] {
				break
			}
			ix[i] = 0
		}
	}
}

func globalPool(name, kind string) opRow {
	return opRow{name: name, min: 1, run: func(n *call) []*value {
		dims := n.dims(0)
		if len(dims) < 3 {
			refuse("it needs axes behind the channels")
		}
		var attrs []ir.Attr
		if kind == "global_lp_pool" {
			attrs = append(attrs, at1("p", n.int("p", 2)))
		}
		y := n.op(kind, []*ir.Value{n.image(0)}, attrs...)
		ones := slices.Repeat([]int{1}, len(dims)-2)
		return n.lasts(n.back(n.reshape(y, append(append([]int{dims[0]}, ones...), dims[1])...)))
	}}
}

// batchNorm uses running statistics, or in training form those of the batch, which it also gives.
func batchNorm(n *call) []*value {
	eps, momentum := n.float("epsilon", 1e-5), n.float("momentum", 0.9)
	training := n.bool("training_mode", false)
	n.int("is_test", 1)
	if n.int("spatial", 1) == 0 {
		refuse("spatial=0 is not supported")
	}
	x := n.image(0)
	if !training {
		args := []*ir.Value{x}
		for i := 1; i < 5; i++ {
			args = append(args, n.vector(i))
		}
		return n.lasts(n.back(n.op("batch_norm", args, at1("eps", eps))))
	}
	rank := len(x.Type.Shape)
	d, mean, variance := n.moments(x, seq(0, rank-1))
	inv := n.apply("rsqrt", n.apply("add", variance, n.scalar(ir.F32, eps)))
	y := n.apply("add", n.apply("mul", n.apply("mul", d, inv), n.vector(1)), n.vector(2))
	list := n.lasts(n.back(y))
	for i, now := range []*ir.Value{mean, variance} {
		now = n.reshape(now, x.Type.Shape[rank-1].Size)
		old := n.apply("mul", n.vector(3+i), n.scalar(ir.F32, momentum))
		list = append(list, n.results(n.apply("add", old, n.apply("mul", now, n.scalar(ir.F32, 1-momentum))))...)
	}
	return list
}

// moments are the distance from the mean, the mean and the variance over axes, which are kept.
func (n *call) moments(x *ir.Value, axes []int) (d, mean, variance *ir.Value) {
	over := []ir.Attr{at1("axes", axes), at1("keep_dims", true)}
	mean = n.op("reduce_mean", []*ir.Value{x}, over...)
	d = n.apply("sub", x, mean)
	return d, mean, n.op("reduce_mean", []*ir.Value{n.apply("mul", d, d)}, over...)
}

func groupNorm(n *call) []*value {
	groups := n.int("num_groups", 0)
	n.int("stash_type", 1)
	x := n.image(0)
	channels := x.Type.Shape[len(x.Type.Shape)-1].Size
	each := func(i int) *ir.Value {
		v := n.vector(i)
		if n.opset >= 21 || groups < 1 || channels%groups != 0 || v.Type.Shape[0].Size == channels {
			return v
		}
		wide := n.op("broadcast_to", []*ir.Value{n.reshape(v, groups, 1)}, at1("shape", []int{groups, channels / groups}))
		return n.reshape(wide, channels)
	}
	return n.lasts(n.back(n.op("group_norm", []*ir.Value{x, each(1), each(2)}, at1("groups", groups), at1("eps", n.float("epsilon", 1e-5)))))
}

// layerNorm is one operator, or its parts where mean and deviation are wanted too.
func layerNorm(n *call) []*value {
	n.int("stash_type", 1)
	rank, eps := n.rank(0), n.float("epsilon", 1e-5)
	a := axis(n.int("axis", -1), rank)
	x, scale := n.f32(n.v(0)), n.f32(n.v(1))
	if !n.wants(1) && !n.wants(2) && a > 0 && len(scale.Type.Shape) == rank-a {
		args := []*ir.Value{x, scale}
		if n.has(2) {
			args = append(args, n.f32(n.v(2)))
		}
		return n.results(n.back(n.op("layer_norm", args, at1("axis", a-rank), at1("eps", eps))))
	}
	d, mean, variance := n.moments(x, seq(a, rank))
	inv := n.apply("rsqrt", n.apply("add", variance, n.scalar(ir.F32, eps)))
	y := n.apply("mul", n.apply("mul", d, inv), scale)
	if n.has(2) {
		y = n.apply("add", y, n.f32(n.v(2)))
	}
	return n.results(n.back(y), mean, inv)
}

// dropout is the identity but in training, which draws random numbers.
func dropout(n *call) []*value {
	ratio := n.float("ratio", 0.5)
	n.int("seed", 0)
	n.int("is_test", 1)
	if n.has(1) {
		ratio = n.one(1, "the ratio")
	}
	if n.has(2) && n.one(2, "training_mode") != 0 && ratio != 0 {
		refuse("in training it draws random numbers, which an import cannot repeat")
	}
	list := []*value{n.x(0)}
	if n.wants(1) {
		mask := &constant{t: Bool, shape: n.dims(0), data: []float64{1}, fill: true}
		if n.opset < 10 {
			mask.t = n.x(0).t
		}
		list = append(list, &value{t: mask.t, c: mask})
	}
	return list
}

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

// determinant is written out for matrices of up to three rows.
func determinant(n *call) []*value {
	dims := n.dims(0)
	rank := len(dims)
	if rank < 2 || dims[rank-1] != dims[rank-2] || dims[rank-1] > 3 {
		refuse("it needs square matrices of at most 3 rows, not %v", dims)
	}
	x, size := n.f32(n.v(0)), dims[rank-1]
	el := func(i, k int) *ir.Value {
		v := n.op("slice", []*ir.Value{x}, at1("starts", []int{i, k}), at1("ends", []int{i + 1, k + 1}), at1("axes", []int{rank - 2, rank - 1}))
		return n.reshape(v, dims[:rank-2]...)
	}
	minor := func(r1, r2, c1, c2 int) *ir.Value {
		return n.apply("sub", n.apply("mul", el(r1, c1), el(r2, c2)), n.apply("mul", el(r1, c2), el(r2, c1)))
	}
	switch size {
	case 1:
		return n.results(n.back(el(0, 0)))
	case 2:
		return n.results(n.back(minor(0, 1, 0, 1)))
	}
	y := n.apply("mul", el(0, 0), minor(1, 2, 1, 2))
	y = n.apply("sub", y, n.apply("mul", el(0, 1), minor(1, 2, 0, 2)))
	return n.results(n.back(n.apply("add", y, n.apply("mul", el(0, 2), minor(1, 2, 0, 1)))))
}

// roiAlign works on one image, or on regions whose images are known and of which each has equally many.
func roiAlign(n *call) []*value {
	mode := n.str("coordinate_transformation_mode", map[bool]string{true: "half_pixel", false: "output_half_pixel"}[n.opset >= 16])
	x, dims := n.image(0), n.dims(1)
	if n.dims(0)[0] != 1 {
		refuse("it is supported for one image, not %d", n.dims(0)[0])
	}
	size := []int{n.int("output_height", 1), n.int("output_width", 1)}
	y := n.op("roi_align", []*ir.Value{x, n.reshape(n.f32(n.v(1)), 1, dims[0], 4)}, at1("size", size), at1("sampling_ratio", n.int("sampling_ratio", 0)),
		at1("spatial_scale", n.float("spatial_scale", 1)), at1("half_pixel", mode == "half_pixel"), at1("mode", n.str("mode", "avg")))
	return n.lasts(n.back(n.reshape(y, dims[0], size[0], size[1], n.dims(0)[1])))
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

// maxUnpool puts each number back to the place that it was taken from.
func maxUnpool(n *call) []*value {
	dims, axes := n.dims(0), n.spatialAxes()
	kernel, stride, pads := n.list("kernel_shape"), orOnes(n.list("strides"), axes), n.list("pads")
	if pads == nil {
		pads = make([]int, 2*axes)
	}
	if len(kernel) != axes || len(stride) != axes || len(pads) != 2*axes {
		refuse("its attributes are not one for each axis")
	}
	out := slices.Clone(dims)
	for i := range axes {
		out[i+2] = (dims[i+2]-1)*stride[i] + kernel[i] - pads[i] - pads[i+axes]
	}
	natural := slices.Clone(out)
	if n.has(2) {
		out = n.ints(2, "the shape")
	}
	if len(out) != len(dims) || !slices.Equal(out[:2], dims[:2]) || product(natural) <= 0 {
		refuse("its result %v does not fit its input %v", out, dims)
	}
	for i := range out {
		if out[i] < natural[i] || out[i] > math.MaxInt32 {
			refuse("its result %v is smaller than %v", out, natural)
		}
	}
	// The places count the elements of the smaller result, which lies in a corner of the one asked for.
	zeros := n.im.materialize(&constant{t: n.x(0).t, shape: []int{product(natural)}, data: []float64{0}, fill: true})
	all := product(dims)
	y := n.op("scatter_elements", []*ir.Value{zeros, n.reshape(n.v(1), all), n.reshape(n.v(0), all)}, at1("axis", 0))
	y = n.reshape(y, natural...)
	if !slices.Equal(out, natural) {
		after := make([]int, len(out))
		for i := range out {
			after[i] = out[i] - natural[i]
		}
		y = n.op("pad", []*ir.Value{y}, at1("before", make([]int, len(out))), at1("after", after))
	}
	return n.results(y)
}
