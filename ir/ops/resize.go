package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// Resize samples images, or any axes, at another resolution.
var Resize = Register(&Operator{
	Name: "resize",
	Doc: "Samples axes at another resolution: by the nearest element, linearly between two, or by a cubic through four. sizes are the new extents, scales what the extents are multiplied with; " +
		"one number counts for all axes between the batch and the channels. Everything that depends on the geometry is worked out at compile time, an axis after the other.",
	Formula:  "y[n, i, j, c] = Σ_u Σ_v wy[i, u] * wx[j, v] * x[n, iy[i, u], ix[j, v], c]",
	Example:  "small = image |> resize([32, 32], mode=\"linear\", antialias=true)",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "f32, any shape; [N,H,W,C] where axes are left out"}},
	Attrs: []AttrDef{
		{Name: "sizes", Doc: "the new extents: one number, or one for each axis", Default: []int{}},
		{Name: "mode", Doc: "how to sample", Default: "nearest", Values: []string{"nearest", "linear", "cubic"}},
		{Name: "scales", Doc: "what the extents are multiplied with, where sizes are left out; the result is rounded down", Default: []float64{}},
		{Name: "axes", Doc: "the axes; empty for all between the batch and the channels", Default: []int{}},
		{Name: "coordinate_transformation_mode", Doc: "where an element of the result lies in x", Default: "half_pixel", Values: coordinateModes},
		{Name: "nearest_mode", Doc: "which element is nearest", Default: "round_prefer_floor", Values: []string{"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}},
		{Name: "cubic_coeff_a", Doc: "the shape of the cubic: -0.75 as PyTorch, -0.5 as TensorFlow", Default: -0.75},
		{Name: "exclude_outside", Doc: "leave out what lies outside of x, and share its weight among the rest; else x goes on with its last element", Default: false},
		{Name: "antialias", Doc: "where an axis shrinks, widen the filter so that it sees every element", Default: false},
		{Name: "keep_aspect_ratio_policy", Doc: "stretch to sizes, or one scale for all axes, so that the result is not_larger or not_smaller than sizes", Default: "stretch", Values: []string{"stretch", "not_larger", "not_smaller"}},
		{Name: "roi", Doc: "for tf_crop_and_resize: the starts, then the ends, of the part of x to sample, from 0 to 1", Default: []float64{}},
		{Name: "extrapolation_value", Doc: "for tf_crop_and_resize: the elements that lie outside of x", Default: 0.0},
	},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		x := args[0]
		if err := wantElem("resize", "x", x.Type, ir.F32); err != nil {
			return nil, err
		}
		scalings, err := newScalings(x.Type, a)
		if err != nil {
			return nil, err
		}
		f := newFilter(a)
		for _, s := range scalings {
			x = b.resample("resize", x, s.axis, f.matrix(s), a.Float("extrapolation_value"))
		}
		return []*ir.Value{x}, nil
	},
	Eval: evalResize,
	ONNX: ONNX{Name: "Resize", Min: 10, Max: 25, Attrs: map[string]string{
		"sizes": "sizes", "scales": "scales", "mode": "mode", "axes": "axes", "coordinate_transformation_mode": "coordinate_transformation_mode", "nearest_mode": "nearest_mode",
		"cubic_coeff_a": "cubic_coeff_a", "exclude_outside": "exclude_outside", "antialias": "antialias", "keep_aspect_ratio_policy": "keep_aspect_ratio_policy",
		"roi": "roi", "extrapolation_value": "extrapolation_value"}, Note: "sizes, scales and roi must be constants; opset 10 is coordinate_transformation_mode asymmetric with nearest_mode floor"},
	Samples: resizeSamples(),
})

// scaling is the geometry of one axis that is resized.
type scaling struct {
	axis, in, out int
	scale         float64
	width         float64    // the extent of the result before rounding
	roi           [2]float64 // the part of the axis that is sampled
}

// newScalings works out which axes are resized, and how.
func newScalings(x ir.Type, a ir.Attrs) ([]scaling, error) {
	sizes, scales, axes := a.Ints("sizes"), a.Floats("scales"), a.Ints("axes")
	if (len(sizes) == 0) == (len(scales) == 0) {
		return nil, WithNote("write resize([64, 64]), or resize(scales=[2, 2])", "resize of %s needs either sizes or scales", x)
	}
	if len(axes) == 0 {
		for i := 1; i < len(x.Shape)-1; i++ {
			axes = append(axes, i)
		}
		if len(axes) == 0 {
			return nil, WithNote("name the axes", "resize needs axes between the batch and the channels, but its input is %s", x)
		}
	}
	if _, err := plainAxes("resize", axes, x.Shape); err != nil {
		return nil, err
	}
	n := max(len(sizes), len(scales))
	if n != 1 && n != len(axes) {
		return nil, WithNote("write one number for all axes, or one for each", "resize has %d numbers for %d axes of %s", n, len(axes), x)
	}
	list := make([]scaling, len(axes))
	for i, axis := range axes {
		s := scaling{axis: mustAxis(axis, len(x.Shape)), roi: [2]float64{0, 1}}
		d := x.Shape[s.axis]
		if !d.Static() {
			return nil, WithNote("name the other axes", "resize cannot change the batch of %s", x)
		}
		s.in = d.Size
		if len(sizes) > 0 {
			s.out = sizes[i%n]
			s.scale, s.width = float64(s.out)/float64(s.in), float64(s.out)
		} else {
			s.scale = scales[i%n]
			s.width = s.scale * float64(s.in)
			s.out = int(math.Floor(min(max(s.width, 0), ir.MaxElems)))
		}
		list[i] = s
	}
	if len(sizes) > 0 && a.Str("keep_aspect_ratio_policy") != "stretch" {
		oneScale(list, a.Str("keep_aspect_ratio_policy") == "not_larger")
	}
	if err := checkScalings(x, list); err != nil {
		return nil, err
	}
	return list, setROI(list, a)
}

// oneScale gives all axes the smallest of their scales, or the largest.
func oneScale(list []scaling, smallest bool) {
	scale := list[0].scale
	for _, s := range list {
		if s.scale < scale == smallest {
			scale = s.scale
		}
	}
	for i := range list {
		s := &list[i]
		s.scale, s.width = scale, scale*float64(s.in)
		s.out = int(math.Floor(s.width + 0.5))
	}
}

func checkScalings(x ir.Type, list []scaling) error {
	shape := slices.Clone(x.Shape)
	for _, s := range list {
		if !(s.scale > 0) || s.out < 1 || s.out > maxRows {
			return WithNote(fmt.Sprintf("the new extent must be within 1 and %d", maxRows), "resize would bring axis %d of %s to %d elements (scale %v)", s.axis, x, s.out, s.scale)
		}
		shape[s.axis] = ir.D(s.out)
	}
	if _, ok := shape.Elems(); !ok {
		return WithNote("choose smaller sizes", "resize would give %s, more than the %d elements that a tensor may have", shape, ir.MaxElems)
	}
	return nil
}

// setROI reads the part of each axis that is sampled.
func setROI(list []scaling, a ir.Attrs) error {
	roi := a.Floats("roi")
	if a.Str("coordinate_transformation_mode") != "tf_crop_and_resize" {
		return nil
	}
	if len(roi) != 2*len(list) {
		return WithNote("write the start of each axis, then the end of each, from 0 to 1", "resize with tf_crop_and_resize has %d numbers in roi for %d axes", len(roi), len(list))
	}
	for i := range list {
		list[i].roi = [2]float64{roi[i], roi[len(list)+i]}
		if r := list[i].roi[0] + list[i].roi[1]; math.IsNaN(r) || math.IsInf(r, 0) || math.Abs(r) > ir.MaxElems {
			return WithNote("0 is the start of an axis, 1 its end", "resize cannot sample from %v to %v", list[i].roi[0], list[i].roi[1])
		}
	}
	return nil
}
