package onnx

import (
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

var _ = registerExport(map[string]exportRow{
	"conv1d": exportConv, "conv2d": exportConv, "conv3d": exportConv,
	"conv1d_grad_input": exportConvTranspose, "conv2d_grad_input": exportConvTranspose, "conv3d_grad_input": exportConvTranspose,
	"max_pool": exportPool("MaxPool"), "avg_pool": exportPool("AveragePool"), "lp_pool": exportPool("LpPool"),
	"global_avg_pool": exportGlobalAvgPool,
	"dense":           exportDense,
	"matmul":          exportMatMul,
	"batch_norm": func(w *exporting) {
		in := []string{w.first(w.op.Args[0])}
		for i := 1; i < 5; i++ {
			in = append(in, w.in(i))
		}
		w.finish(w.rank(0) > 2, w.node("BatchNormalization", in, floatAttr("epsilon", w.op.Attrs.Float("eps"))))
	},
	"lrn": func(w *exporting) {
		if w.rank(0) < 3 {
			refuse("LRN needs an axis between the batch and the channels, and the input is %v", w.op.Args[0].Type)
		}
		a := w.op.Attrs
		w.doneFirst(w.node("LRN", []string{w.first(w.op.Args[0])}, intAttr("size", a.Int("size")), floatAttr("alpha", a.Float("alpha")),
			floatAttr("beta", a.Float("beta")), floatAttr("bias", a.Float("bias"))))
	},
	"standardize": exportStandardize,
	"rms_norm": func(w *exporting) {
		x := w.in(0)
		axes := w.ints(seq(axis(w.op.Attrs.Int("axis"), w.rank(0)), w.rank(0))...)
		mean := w.node("ReduceMean", []string{w.apply("Mul", x, x), axes}, boolAttr("keepdims", true))
		y := w.apply("Div", x, w.apply("Sqrt", w.apply("Add", mean, w.scalar(w.op.Attrs.Float("eps")))))
		if len(w.op.Args) > 1 {
			y = w.apply("Mul", y, w.in(1))
		}
		w.done(y)
	},
})

// border is the border of a window in the order of ONNX, worked out where the attributes say "same".
func (w *exporting) border(in, kernel, stride, dilation []int) []int {
	if pads := w.op.Attrs.Ints("pads"); len(pads) > 0 {
		return pads
	}
	n := len(in)
	pads := make([]int, 2*n)
	mode, ok := w.op.Attrs.Get("padding").(string)
	if !ok || mode == "valid" {
		return pads
	}
	for i := range n {
		reach := (kernel[i]-1)*dilation[i] + 1
		total := max(((in[i]+stride[i]-1)/stride[i]-1)*stride[i]+reach-in[i], 0)
		pads[i], pads[n+i] = total/2, total-total/2
		if mode == "same_lower" {
			pads[i], pads[n+i] = pads[n+i], pads[i]
		}
	}
	return pads
}

// sides are the extents between the batch and the last axis.
func sides(s ir.Shape) []int { return fixed(s[1 : len(s)-1]) }

// kernelOf is a kernel [k…,C,M] as ONNX has it, [M,C,k…].
func (w *exporting) kernelOf(v *ir.Value) string {
	n := len(v.Type.Shape)
	return w.permuted(v, append([]int{n - 1, n - 2}, seq(0, n-2)...))
}

func exportConv(w *exporting) {
	axes, a, k := w.rank(0)-2, w.op.Attrs, w.shape(1)
	kernel, stride, dilation := fixed(k[:len(k)-2]), perAxis(a.Ints("stride"), axes), perAxis(a.Ints("dilation"), axes)
	in := []string{w.first(w.op.Args[0]), w.kernelOf(w.op.Args[1])}
	if len(w.op.Args) > 2 {
		in = append(in, w.in(2))
	}
	w.doneFirst(w.node("Conv", in, intsAttr("kernel_shape", kernel...), intsAttr("strides", stride...), intsAttr("dilations", dilation...),
		intsAttr("pads", w.border(sides(w.shape(0)), kernel, stride, dilation)...), intAttr("group", a.Int("groups"))))
}

// exportConvTranspose writes the gradient of a convolution with respect to its input, which is what a transposed convolution is.
func exportConvTranspose(w *exporting) {
	axes, a, k := w.rank(0)-2, w.op.Attrs, w.shape(1)
	size, kernel, stride, dilation := perAxis(a.Ints("size"), axes), fixed(k[:len(k)-2]), perAxis(a.Ints("stride"), axes), perAxis(a.Ints("dilation"), axes)
	pads, extra := w.border(size, kernel, stride, dilation), make([]int, axes)
	for i, n := range sides(w.shape(0)) {
		extra[i] = size[i] - ((n-1)*stride[i] + (kernel[i]-1)*dilation[i] + 1 - pads[i] - pads[axes+i])
		if extra[i] < 0 || extra[i] >= max(stride[i], dilation[i]) {
			refuse("ConvTranspose cannot give %d elements on an axis of %d", size[i], n)
		}
	}
	w.doneFirst(w.node("ConvTranspose", []string{w.first(w.op.Args[0]), w.kernelOf(w.op.Args[1])}, intsAttr("kernel_shape", kernel...), intsAttr("strides", stride...),
		intsAttr("dilations", dilation...), intsAttr("pads", pads...), intsAttr("output_padding", extra...), intAttr("group", a.Int("groups"))))
}

func exportPool(name string) exportRow {
	return func(w *exporting) {
		axes, a := w.rank(0)-2, w.op.Attrs
		size, stride, dilation := perAxis(a.Ints("size"), axes), perAxis(a.Ints("stride"), axes), slices.Repeat([]int{1}, axes)
		if len(stride) == 0 {
			stride = size
		}
		var attrs []*Attribute
		switch name {
		case "MaxPool":
			dilation = perAxis(a.Ints("dilation"), axes)
			attrs = append(attrs, intsAttr("dilations", dilation...))
		case "AveragePool":
			attrs = append(attrs, boolAttr("count_include_pad", a.Bool("count_include_pad")))
		default:
			p := a.Float("p")
			if p != math.Trunc(p) {
				refuse("LpPool knows whole powers only, not %v", p)
			}
			attrs = append(attrs, intAttr("p", int(p)))
		}
		attrs = append(attrs, intsAttr("kernel_shape", size...), intsAttr("strides", stride...), intsAttr("pads", w.border(sides(w.shape(0)), size, stride, dilation)...),
			boolAttr("ceil_mode", a.Bool("ceil_mode")))
		w.doneFirst(w.node(name, []string{w.first(w.op.Args[0])}, attrs...))
	}
}

func exportGlobalAvgPool(w *exporting) {
	y := w.apply("GlobalAveragePool", w.first(w.op.Args[0]))
	w.done(w.node("Flatten", []string{y}, intAttr("axis", 1)))
}

func exportDense(w *exporting) {
	in := []string{w.in(0), w.in(1)}
	if len(w.op.Args) > 2 {
		in = append(in, w.in(2))
	}
	if w.rank(0) == 2 {
		w.done(w.node("Gemm", in))
		return
	}
	y := w.apply("MatMul", in[:2]...)
	if len(in) > 2 {
		y = w.apply("Add", y, in[2])
	}
	w.done(y)
}

func exportMatMul(w *exporting) {
	in := make([]string, 2)
	for i, name := range []string{"transpose_a", "transpose_b"} {
		in[i] = w.in(i)
		if n := w.rank(i); w.op.Attrs.Bool(name) && n > 1 {
			in[i] = w.permuted(w.op.Args[i], append(seq(0, n-2), n-1, n-2))
		}
	}
	w.done(w.node("MatMul", in))
}

// exportStandardize writes layer normalization as such, and other forms by their definition. Groups of channels get an axis of their own for a while.
func exportStandardize(w *exporting) {
	axes, groups, rank := w.axes(), w.op.Attrs.Int("groups"), w.rank(0)
	eps := w.op.Attrs.Float("eps")
	layer := groups == 1 && axes[0] == rank-len(axes) && len(w.op.Args) > 1 && len(w.shape(1)) == len(axes)
	if layer && !w.used[w.op.Results[1]] && !w.used[w.op.Results[2]] {
		in := []string{w.in(0)}
		for i := 1; i < len(w.op.Args); i++ {
			in = append(in, w.in(i))
		}
		w.done(w.node("LayerNormalization", in, intAttr("axis", axes[0]), floatAttr("epsilon", eps)))
		return
	}
	x, shape := w.in(0), w.shape(0)
	if groups > 1 {
		c := shape[rank-1].Size
		grouped := append(slices.Clone(shape[:rank-1]), ir.D(groups), ir.D(c/groups))
		x, shape = w.reshape(x, shape, grouped), grouped
		axes[slices.Index(axes, rank-1)] = rank
	}
	over := w.ints(axes...)
	keep := boolAttr("keepdims", true)
	mean := w.node("ReduceMean", []string{x, over}, keep)
	d := w.apply("Sub", x, mean)
	variance := w.node("ReduceMean", []string{w.apply("Mul", d, d), over}, keep)
	y := w.apply("Div", d, w.apply("Sqrt", w.apply("Add", variance, w.scalar(eps))))
	y = w.reshape(y, shape, w.shape(0))
	for i, op := range []string{"Mul", "Add"} {
		if len(w.op.Args) > i+1 {
			y = w.apply(op, y, w.in(i+1))
		}
	}
	results := []string{y}
	for _, v := range []string{mean, variance} {
		results = append(results, w.apply("Squeeze", v, over))
	}
	w.done(results...)
}
