package ops

import "github.com/dlc-ml/dlc/ir"

// GroupNorm is group normalization.
var GroupNorm = Register(&Operator{
	Name: "group_norm",
	Doc: "Group normalization (Wu and He, Group Normalization, 2018): brings each group of channels of x [N,..,C] to mean 0 and variance 1 for each example, over all " +
		"places and the channels of the group, then multiplies with scale [C] and adds shift [C].",
	Formula:  "y = (x - mean) / sqrt(variance + eps) * scale[c] + shift[c]",
	Example:  "features = image |> conv2d(16) |> group_norm(4) |> relu",
	Category: "layer",
	Args: []Arg{
		{Name: "x", Doc: "f32[N,..,C]"}, {Name: "scale", Doc: "f32[C]", Optional: true}, {Name: "shift", Doc: "f32[C]", Optional: true},
	},
	Attrs: groupNormAttrs,
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, groups := args[0], a.Int("groups")
		c := x.Shape[len(x.Shape)-1]
		example := volume(x.Shape[1:])
		y, _, _ := evalNormed(args, a.Float("eps"), func(i int) int { return i/example*groups + i%c/(c/groups) }, func(i int) int { return i % c })
		return []*Tensor{y}
	},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		x, groups := args[0].Type, a.Int("groups")
		if err := features("group_norm", x); err != nil {
			return nil, err
		}
		axes, last := axisRange(1, len(x.Shape)), len(x.Shape)-1
		if groups == x.Shape[last].Size && last > 1 {
			axes, groups = axes[:last-1], 1 // groups of one channel: the last axis stays as it is
		}
		return standardized(b, "group_norm", args, axes, groups, a)
	},
	Layer: &Layer{
		Doc:   "makes the parameters scale [C], one, and shift [C], zero",
		Attrs: groupNormAttrs,
		Build: func(b *Builder, x []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
			t := x[0].Type
			if err := features("group_norm", t); err != nil {
				return nil, err
			}
			attrs := ir.Attrs{{Name: "axes", Value: axisRange(1, len(t.Shape))}, {Name: "groups", Value: a.Int("groups")}, {Name: "eps", Value: a.Float("eps")}}
			if _, err := newNorm("group_norm", t, attrs); err != nil {
				return nil, err
			}
			return b.normLayer("group_norm", x[0], t.Shape[len(t.Shape)-1:], a)
		},
	},
	ONNX: ONNX{Name: "GroupNormalization", Min: 18, Max: 21, Attrs: map[string]string{"groups": "num_groups", "eps": "epsilon"},
		Note: "channels are transposed from the second axis to the last; scale and bias of opset 18, one for each group, are repeated"},
	Samples: channelNormSamples(func(c, i int) ir.Attrs {
		return ir.Attrs{{Name: "groups", Value: []int{1, c, c / 2}[i%3]}, {Name: "eps", Value: 1e-2}}
	}),
})

var groupNormAttrs = []AttrDef{{Name: "groups", Doc: "number of groups that the channels are divided into", Kind: 0}, epsAttr}

// axisRange lists the numbers from first up to but not end.
func axisRange(first, end int) []int {
	list := []int{}
	for i := first; i < end; i++ {
		list = append(list, i)
	}
	return list
}

// channelNormSamples are images and rows with an even number of channels.
func channelNormSamples(attrs func(channels, i int) ir.Attrs) []Sample {
	var list []Sample
	for i, s := range []ir.Shape{ir.NS(3, 2, 4), ir.NS(5, 6), ir.NS(3, 3, 8), ir.NS(7, 2), ir.NS(2, 3, 2, 4), ir.NS(2, 2, 18), ir.NS(9, 10)} {
		c := s[len(s)-1:]
		shapes := []ir.Shape{s, c, c}[:3-i%3]
		list = append(list, Sample{Args: f32Types(shapes...), Attrs: attrs(c[0].Size, i), Batch: 1 + i%2})
	}
	return list
}
