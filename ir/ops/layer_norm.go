package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// LayerNorm is layer normalization.
var LayerNorm = Register(&Operator{
	Name: "layer_norm",
	Doc: "Layer normalization (Ba, Kiros and Hinton, Layer Normalization, 2016): brings the last axes of x, from axis on, to mean 0 and variance 1 for each " +
		"example and each place before them, then multiplies with scale and adds shift, which have the extents of those axes. Results: the normalized tensor, the mean, and the inverse of the standard deviation, " +
		"1/sqrt(variance + eps), both with extent 1 in the normalized axes.",
	Formula:  "y = (x - mean) / sqrt(variance + eps) * scale + shift",
	Example:  "y = x |> layer_norm |> dense(64)",
	Category: "layer",
	Args: []Arg{
		{Name: "x", Doc: "f32[N,..,C]"},
		{Name: "scale", Doc: "f32, the normalized axes", Optional: true}, {Name: "shift", Doc: "f32, the normalized axes", Optional: true},
	},
	Attrs: layerNormAttrs,
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[0]
		axis, row := mustAxis(a.Int("axis"), len(x.Shape)), 1
		for _, d := range x.Shape[axis:] {
			row *= d
		}
		y, mean, variance := evalNormed(args, a.Float("eps"), func(i int) int { return i / row }, func(i int) int { return i % row })
		shape := slices.Clone(x.Shape)
		for i := range shape[axis:] {
			shape[axis+i] = 1
		}
		means, inverse := NewTensor(ir.F32, shape...), NewTensor(ir.F32, shape...)
		for i := range means.Data {
			means.Data[i], inverse.Data[i] = mean[i], 1/math.Sqrt(variance[i]+a.Float("eps"))
		}
		return []*Tensor{y, means, inverse}
	},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		axes, err := trailing("layer_norm", args[0].Type, a.Int("axis"))
		if err != nil {
			return nil, err
		}
		list, err := b.Ops("standardize", "layer_norm", args, ir.Attr{Name: "axes", Value: axes}, ir.Attr{Name: "groups", Value: 1}, ir.Attr{Name: "eps", Value: a.Float("eps")})
		if err != nil {
			return nil, fmt.Errorf("layer_norm: %w", err)
		}
		kept := dropAxes(args[0].Type.Shape, axes, true)
		inverse := b.apply("rsqrt", b.offset(list[2], a.Float("eps")))
		return []*ir.Value{list[0], b.reshapeTo("mean", list[1], kept), b.reshapeTo("inverse", inverse, kept)}, nil
	},
	Layer: &Layer{
		Doc:   "makes the parameters scale, one, and shift, zero, with the extents of the normalized axes",
		Attrs: layerNormAttrs,
		Build: func(b *Builder, x []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
			axes, err := trailing("layer_norm", x[0].Type, a.Int("axis"))
			if err != nil {
				return nil, err
			}
			return b.normLayer("layer_norm", x[0], x[0].Type.Shape[axes[0]:], a)
		},
	},
	ONNX:    ONNX{Name: "LayerNormalization", Min: 17, Max: 17, Attrs: map[string]string{"axis": "axis", "eps": "epsilon"}, Note: "stash_type is f32"},
	Samples: layerNormSamples(2),
})

var layerNormAttrs = []AttrDef{{Name: "axis", Doc: "the first axis that is normalized; -1 is the last", Default: -1}, epsAttr}

// trailing lists the axes of x from axis on. The batch cannot be among them.
func trailing(kind string, x ir.Type, axis int) ([]int, error) {
	if err := wantElem(kind, "x", x, ir.F32); err != nil {
		return nil, err
	}
	first, err := plainAxis(kind, axis, x.Shape)
	if err != nil {
		return nil, err
	}
	axes := []int{}
	for i := first; i < len(x.Shape); i++ {
		if !x.Shape[i].Static() {
			return nil, WithNote("batch_norm normalizes over the examples of a batch", "%s cannot run along the batch of %s: examples would depend on each other", kind, x)
		}
		axes = append(axes, i)
	}
	return axes, nil
}

// standardized is what a normalization without running statistics expands to.
func standardized(b *Builder, kind string, args []*ir.Value, axes []int, groups int, a ir.Attrs) ([]*ir.Value, error) {
	y, err := b.Ops("standardize", kind, args, ir.Attr{Name: "axes", Value: axes}, ir.Attr{Name: "groups", Value: groups}, ir.Attr{Name: "eps", Value: a.Float("eps")})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	return y[:1], nil
}

// normLayer makes scale, one, and shift, zero, and applies a normalization with them. Everything is checked before a parameter is made.
func (b *Builder) normLayer(kind string, x *ir.Value, gain ir.Shape, a ir.Attrs) ([]*ir.Value, error) {
	t := ir.T(ir.F32, gain)
	if _, err := newNorm(kind, x.Type, ir.Attrs{{Name: "axes", Value: []int{}}, {Name: "groups", Value: 1}, {Name: "eps", Value: a.Float("eps")}}); err != nil {
		return nil, err
	}
	args := []*ir.Value{x}
	for i, p := range Lookup(kind).Args[1:] {
		v, err := b.Param(p.Name, t, ir.Init{Kind: []string{"ones", "zeros"}[i]})
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	return b.Ops(kind, kind, args, a...)
}

// evalNormed normalizes naively: element i belongs to statistic stat(i), and to number gain(i) of scale and shift. It returns the statistics too.
func evalNormed(args []*Tensor, eps float64, stat, gain func(i int) int) (y *Tensor, mean, variance map[int]float64) {
	x, y := args[0], NewTensor(ir.F32, args[0].Shape...)
	mean, variance, count := map[int]float64{}, map[int]float64{}, map[int]float64{}
	for i, v := range x.Data {
		mean[stat(i)] += v
		count[stat(i)]++
	}
	for i, v := range x.Data {
		d := v - mean[stat(i)]/count[stat(i)]
		variance[stat(i)] += d * d / count[stat(i)]
	}
	for i, v := range x.Data {
		s := stat(i)
		y.Data[i] = (v - mean[s]/count[s]) / math.Sqrt(variance[s]+eps)
		if len(args) > 1 {
			y.Data[i] *= args[1].Data[gain(i)]
		}
		if len(args) > 2 {
			y.Data[i] += args[2].Data[gain(i)]
		}
	}
	for s, n := range count {
		mean[s] /= n
	}
	return y, mean, variance
}

// layerNormSamples are operands with up to so many parameters.
func layerNormSamples(params int) []Sample {
	var list []Sample
	for i, s := range []struct {
		x    ir.Shape
		axis int
		gain bool
	}{{ir.NS(9), -1, true}, {ir.NS(3, 17), -1, true}, {ir.NS(2, 5), -1, false}, {ir.NS(2, 3, 4), 2, true}, {ir.S(3, 8), 1, true}, {ir.S(5), 0, false}, {ir.NS(2, 33), 1, true}} {
		shapes := []ir.Shape{s.x}
		for range params - i%params {
			if s.gain {
				axis := s.axis
				if axis < 0 {
					axis += len(s.x)
				}
				shapes = append(shapes, s.x[axis:])
			}
		}
		list = append(list, Sample{Args: f32Types(shapes...), Attrs: ir.Attrs{{Name: "axis", Value: s.axis}, {Name: "eps", Value: 1e-2}}, Batch: 1 + i%3})
	}
	return list
}
