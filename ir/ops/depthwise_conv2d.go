package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// DepthwiseConv2D is a convolution of each channel by itself.
var DepthwiseConv2D = Register(&Operator{
	Name: "depthwise_conv2d",
	Doc: "Convolution of each channel of an image [N,H,W,C] with kernels of its own [kh,kw,1,C*multiplier], giving [N,H',W',C*multiplier], where the results of one " +
		"channel stand together. It is conv2d with as many groups as channels.",
	Formula:  "y[n,i,j,f] = bias[f] + Σ x[n, i*stride + u*dilation - top, j*stride + v*dilation - left, f/multiplier] * w[u,v,0,f]",
	Example:  `features = image |> depthwise_conv2d(kernel=3, padding="same")`,
	Category: "layer",
	Args: []Arg{
		{Name: "x", Doc: "an image, f32[N,H,W,C]"}, {Name: "w", Doc: "the kernels, f32[kh,kw,1,C*multiplier]"}, {Name: "bias", Doc: "f32[C*multiplier]", Optional: true},
	},
	Attrs: depthwiseAttrs,
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		return evalConv(args, append(slices.Clone(a), ir.Attr{Name: "groups", Value: args[0].Shape[3]}))
	},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		if err := spatial("depthwise_conv2d", args[0].Type, 2); err != nil {
			return nil, err
		}
		return b.Ops("conv2d", "depthwise_conv2d", args, append(slices.Clone(a), ir.Attr{Name: "groups", Value: args[0].Type.Shape[3].Size})...)
	},
	Layer: &Layer{
		Doc: "makes the parameters weight [kh,kw,1,C*multiplier], uniform in ±sqrt(6/(kh*kw)) at the start, and, unless bias=false, bias [C*multiplier], zero",
		Attrs: append(append([]AttrDef{
			{Name: "kernel", Doc: "side of the kernel: one number, or [vertical, horizontal]", Default: []int{3}},
			{Name: "multiplier", Doc: "number of kernels for each channel", Default: 1},
		}, depthwiseAttrs...), AttrDef{Name: "bias", Doc: "whether to add a learned number to each result", Default: true}),
		Build: func(b *Builder, x []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
			if err := spatial("depthwise_conv2d", x[0].Type, 2); err != nil {
				return nil, err
			}
			channels, n := x[0].Type.Shape[3].Size, a.Int("multiplier")
			if n < 1 || n > ir.MaxElems/channels {
				return nil, WithNote("multiplier=1 gives as many results as channels", "depthwise_conv2d cannot have %d kernels for each of %d channels", n, channels)
			}
			attrs := append(slices.Clone(a), ir.Attr{Name: "filters", Value: channels * n}, ir.Attr{Name: "groups", Value: channels})
			return Lookup("conv2d").Layer.Build(b, x, attrs)
		},
	},
	ONNX: ONNX{Note: "written as Conv with as many groups as channels"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(5, 4, 3), ir.S(3, 3, 1, 3), ir.S(3)), Attrs: ir.Attrs{{Name: "padding", Value: "same"}}},
		{Args: f32Types(ir.NS(6, 5, 2), ir.S(2, 3, 1, 4)), Attrs: ir.Attrs{{Name: "stride", Value: 2}}, Batch: 1},
		{Args: f32Types(ir.NS(5, 5, 9), ir.S(3, 3, 1, 9)), Attrs: ir.Attrs{{Name: "dilation", Value: 2}, {Name: "pads", Value: []int{1, 2, 0, 1}}}, Batch: 2},
	},
})

// depthwiseAttrs are those of a convolution, but for the groups.
var depthwiseAttrs = slices.DeleteFunc(slices.Clone(convAttrs), func(d AttrDef) bool { return d.Name == "groups" })
