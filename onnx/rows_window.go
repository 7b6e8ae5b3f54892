package onnx

import (
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
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
			return n.dilatedPool(kind, n.windows(axes, size))
		}
		switch kind {
		case "avg_pool":
			attrs = append(attrs, at1("count_include_pad", n.bool("count_include_pad", false)))
		case "lp_pool":
			attrs = append(attrs, at1("p", n.int("p", 2)))
		}
		if n.wants(1) {
			return n.pooledWithPlaces(n.windows(axes, size))
		}
		n.int("storage_order", 0)
		x := n.im.channelsLast(n.x(0))
		y := n.op(kind, []*ir.Value{n.cast(x, ir.F32)}, attrs...)
		return n.lasts(n.back(y))
	}}
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
