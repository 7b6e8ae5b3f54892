package ops

import (
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// SeparableConv2D is a convolution of each channel followed by one over channels.
var SeparableConv2D = Register(&Operator{
	Name: "separable_conv2d",
	Doc: "Depthwise separable convolution (Chollet, Xception: Deep Learning with Depthwise Separable Convolutions, 2017): a depthwise convolution of an image [N,H,W,C], " +
		"then a 1x1 convolution that joins the channels, giving [N,H',W',filters]. There is nothing between the two.",
	Formula:  "y = conv2d(depthwise_conv2d(x, depthwise), pointwise, bias)",
	Example:  `features = image |> separable_conv2d(32, kernel=3, padding="same")`,
	Category: "layer",
	Args: []Arg{
		{Name: "x", Doc: "an image, f32[N,H,W,C]"}, {Name: "depthwise", Doc: "f32[kh,kw,1,C*multiplier]"},
		{Name: "pointwise", Doc: "f32[1,1,C*multiplier,filters]"}, {Name: "bias", Doc: "f32[filters]", Optional: true},
	},
	Attrs: depthwiseAttrs,
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		inner := evalConv(args[:2], append(slices.Clone(a), ir.Attr{Name: "groups", Value: args[0].Shape[3]}))
		return evalConv(append(inner, args[2:]...), ir.Attrs{{Name: "groups", Value: 1}})
	},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		inner, err := b.Ops("depthwise_conv2d", "separable_conv2d", args[:2], a...)
		if err != nil {
			return nil, err
		}
		return b.Ops("conv2d", "separable_conv2d", append(inner, args[2:]...))
	},
	Layer: &Layer{
		Doc: "makes the parameters depthwise [kh,kw,1,C*multiplier] and pointwise [1,1,C*multiplier,filters], uniform in ±sqrt(6/inputs of a result) at the start, and, " +
			"unless bias=false, bias [filters], zero",
		Attrs: append(append([]AttrDef{
			{Name: "filters", Doc: "number of output channels", Kind: 0},
			{Name: "kernel", Doc: "side of the kernel: one number, or [vertical, horizontal]", Default: []int{3}},
			{Name: "multiplier", Doc: "number of kernels for each channel", Default: 1},
		}, depthwiseAttrs...), AttrDef{Name: "bias", Doc: "whether to add a learned number to each filter", Default: true}),
		Build: buildSeparable,
	},
	ONNX: ONNX{Note: "written as two Conv"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(5, 4, 3), ir.S(3, 3, 1, 3), ir.S(1, 1, 3, 5), ir.S(5)), Attrs: ir.Attrs{{Name: "padding", Value: "same"}}, Batch: 1},
		{Args: f32Types(ir.NS(6, 5, 2), ir.S(2, 3, 1, 4), ir.S(1, 1, 4, 3)), Attrs: ir.Attrs{{Name: "stride", Value: 2}}, Batch: 2},
	},
})

func buildSeparable(b *Builder, x []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
	const kind = "separable_conv2d"
	if err := spatial(kind, x[0].Type, 2); err != nil {
		return nil, err
	}
	channels, n, filters := x[0].Type.Shape[3].Size, a.Int("multiplier"), a.Int("filters")
	if n < 1 || n > ir.MaxElems/channels {
		return nil, WithNote("multiplier=1 keeps the number of channels", "%s cannot have %d kernels for each of %d channels", kind, n, channels)
	}
	if filters < 1 || filters > ir.MaxElems/(channels*n) {
		return nil, WithNote("the first argument is the number of filters: separable_conv2d(16)", "%s cannot have %d filters", kind, filters)
	}
	kernel, err := perAxis(kind, "kernel", a.Ints("kernel"), 2)
	if err != nil {
		return nil, err
	}
	var attrs ir.Attrs
	for _, d := range depthwiseAttrs {
		attrs = append(attrs, ir.Attr{Name: d.Name, Value: a.Get(d.Name)})
	}
	deep, wide := ir.T(ir.F32, ir.S(kernel[0], kernel[1], 1, channels*n)), ir.T(ir.F32, ir.S(1, 1, channels*n, filters))
	if _, ok := deep.Shape.Elems(); !ok {
		return nil, WithNote("use a smaller kernel", "%s would have a kernel %v of more than %d elements", kind, deep, ir.MaxElems)
	}
	// Everything is checked before a parameter is made.
	if _, err := convWindow(kind, 2, x[0].Type, deep, append(attrs, ir.Attr{Name: "groups", Value: channels})); err != nil {
		return nil, err
	}
	args := []*ir.Value{x[0]}
	for i, p := range []struct {
		name string
		t    ir.Type
		fan  int
	}{{"depthwise", deep, kernel[0] * kernel[1]}, {"pointwise", wide, channels * n}, {"bias", ir.T(ir.F32, ir.S(filters)), 0}} {
		init := ir.Init{Kind: "uniform", Scale: math.Sqrt(6 / float64(max(1, p.fan)))}
		if i == 2 {
			if !a.Bool("bias") {
				break
			}
			init = ir.Init{Kind: "zeros"}
		}
		v, err := b.Param(p.name, p.t, init)
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	return b.Ops(kind, kind, args, attrs...)
}
