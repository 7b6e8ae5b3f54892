package ops

import "github.com/dlc-ml/dlc/ir"

// InstanceNorm is instance normalization.
var InstanceNorm = Register(&Operator{
	Name: "instance_norm",
	Doc: "Instance normalization (Ulyanov, Vedaldi and Lempitsky, Instance Normalization: The Missing Ingredient for Fast Stylization, 2016): brings each channel of x " +
		"[N,..,C] to mean 0 and variance 1 over the places of each example, then multiplies with scale [C] and adds shift [C].",
	Formula:  "y = (x - mean) / sqrt(variance + eps) * scale[c] + shift[c]",
	Example:  "features = image |> conv2d(16) |> instance_norm |> relu",
	Category: "layer",
	Args: []Arg{
		{Name: "x", Doc: "f32[N,..,C]"}, {Name: "scale", Doc: "f32[C]", Optional: true}, {Name: "shift", Doc: "f32[C]", Optional: true},
	},
	Attrs: []AttrDef{epsAttr},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[0]
		c, example := x.Shape[len(x.Shape)-1], volume(x.Shape[1:])
		y, _, _ := evalNormed(args, a.Float("eps"), func(i int) int { return i/example*c + i%c }, func(i int) int { return i % c })
		return []*Tensor{y}
	},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		if err := places("instance_norm", args[0].Type); err != nil {
			return nil, err
		}
		return standardized(b, "instance_norm", args, axisRange(1, len(args[0].Type.Shape)-1), 1, a)
	},
	Layer: &Layer{
		Doc:   "makes the parameters scale [C], one, and shift [C], zero",
		Attrs: []AttrDef{epsAttr},
		Build: func(b *Builder, x []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
			if err := places("instance_norm", x[0].Type); err != nil {
				return nil, err
			}
			return b.normLayer("instance_norm", x[0], x[0].Type.Shape[len(x[0].Type.Shape)-1:], a)
		},
	},
	ONNX: ONNX{Name: "InstanceNormalization", Min: 1, Max: 22, Attrs: map[string]string{"eps": "epsilon"},
		Note: "channels are transposed from the second axis to the last"},
	Samples: channelNormSamples(func(c, i int) ir.Attrs { return ir.Attrs{{Name: "eps", Value: 1e-2}} }),
})

// places checks that x has axes between the batch and the channels.
func places(kind string, x ir.Type) error {
	if err := features(kind, x); err != nil {
		return err
	}
	if len(x.Shape) < 3 {
		return WithNote("layer_norm normalizes the last axis", "%s works over the places of each channel, but %v has none", kind, x)
	}
	return nil
}
