package ops

import (
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// evalResize samples each element of the result by itself, over all axes at once: every element of x within reach counts with the
// product of its weights along the axes.
func evalResize(args []*Tensor, a ir.Attrs) []*Tensor {
	x := args[0]
	axes := slices.Clone(a.Ints("axes"))
	if len(axes) == 0 {
		for i := 1; i < len(x.Shape)-1; i++ {
			axes = append(axes, i)
		}
	}
	for i := range axes {
		axes[i] = evalAxes(axes[i:i+1], len(x.Shape))[0]
	}
	shape, scale, width := evalScales(x.Shape, axes, a)
	y, n := NewTensor(ir.F32, shape...), 0
	eachIndex(shape, func(ix []int) {
		seen := make([]map[int]float64, len(axes)) // element → weight
		inside := true
		for k, axis := range axes {
			place := evalCoordinate(a, float64(ix[axis]), scale[k], float64(x.Shape[axis]), float64(shape[axis]), width[k], k, len(axes))
			if a.Str("coordinate_transformation_mode") == "tf_crop_and_resize" && (place < 0 || place > float64(x.Shape[axis]-1)) {
				inside = false
			}
			seen[k] = evalWeights(a, place, scale[k], x.Shape[axis])
		}
		if y.Data[n] = a.Float("extrapolation_value"); inside {
			y.Data[n] = evalSum(x, ix, axes, seen)
		}
		n++
	})
	return []*Tensor{y}
}

// evalScales returns the shape of the result, and of each axis the scale and the extent before rounding.
func evalScales(in, axes []int, a ir.Attrs) (shape []int, scale, width []float64) {
	shape = slices.Clone(in)
	scale, width = make([]float64, len(axes)), make([]float64, len(axes))
	for k, axis := range axes {
		if list := a.Ints("sizes"); len(list) > 0 {
			width[k] = float64(list[min(k, len(list)-1)])
			scale[k] = width[k] / float64(in[axis])
		} else {
			list := a.Floats("scales")
			scale[k] = list[min(k, len(list)-1)]
			width[k] = scale[k] * float64(in[axis])
		}
		shape[axis] = int(width[k])
	}
	if policy := a.Str("keep_aspect_ratio_policy"); policy != "stretch" && len(a.Ints("sizes")) > 0 {
		one := slices.Max(scale)
		if policy == "not_larger" {
			one = slices.Min(scale)
		}
		for k, axis := range axes {
			scale[k], width[k] = one, one*float64(in[axis])
			shape[axis] = int(math.Round(width[k]))
		}
	}
	return shape, scale, width
}

// evalCoordinate is ONNX's definition of x_original.
func evalCoordinate(a ir.Attrs, i, scale, in, out, width float64, k, axes int) float64 {
	switch a.Str("coordinate_transformation_mode") {
	case "half_pixel_symmetric":
		return in/2*(1-out/width) + (i+0.5)/scale - 0.5
	case "pytorch_half_pixel":
		if width <= 1 {
			return 0
		}
	case "align_corners":
		if width == 1 {
			return 0
		}
		return i * (in - 1) / (width - 1)
	case "asymmetric":
		return i / scale
	case "tf_half_pixel_for_nn":
		return (i + 0.5) / scale
	case "tf_crop_and_resize":
		start, end := a.Floats("roi")[k], a.Floats("roi")[axes+k]
		if width == 1 {
			return 0.5 * (start + end) * (in - 1)
		}
		return start*(in-1) + i*(end-start)*(in-1)/(width-1)
	}
	return (i+0.5)/scale - 0.5
}

// evalWeights gives the weight of every element of an axis of n for one place: those beyond the ends count for the end.
func evalWeights(a ir.Attrs, place, scale float64, n int) map[int]float64 {
	seen := map[int]float64{}
	if a.Str("mode") == "nearest" {
		at := map[string]float64{"round_prefer_floor": math.Ceil(place - 0.5), "round_prefer_ceil": math.Floor(place + 0.5),
			"floor": math.Floor(place), "ceil": math.Ceil(place)}[a.Str("nearest_mode")]
		seen[min(max(int(at), 0), n-1)] = 1
		return seen
	}
	if !a.Bool("antialias") || scale > 1 {
		scale = 1
	}
	c, sum := a.Float("cubic_coeff_a"), 0.0
	for i := int(place) - 3*n - 3*int(1/scale) - 5; i < 4*n+3*int(1/scale)+5; i++ {
		d, w := math.Abs(float64(i)-place)*scale, 0.0
		switch {
		case a.Str("mode") == "linear":
			w = max(0, 1-d)
		case d < 1:
			w = (c+2)*d*d*d - (c+3)*d*d + 1
		case d < 2:
			w = c*d*d*d - 5*c*d*d + 8*c*d - 4*c
		}
		if a.Bool("exclude_outside") && (i < 0 || i >= n) {
			continue
		}
		sum += w
		seen[min(max(i, 0), n-1)] += w
	}
	for i := range seen {
		seen[i] /= sum // without antialias and exclude_outside the sum is 1
	}
	return seen
}

// evalSum adds the elements that are seen along each axis around ix.
func evalSum(x *Tensor, ix, axes []int, seen []map[int]float64) float64 {
	sum := 0.0
	at := slices.Clone(ix)
	var walk func(k int, w float64)
	walk = func(k int, w float64) {
		if k == len(axes) {
			sum += w * x.Data[x.at(at)]
			return
		}
		for i := range x.Shape[axes[k]] {
			if v := seen[k][i]; v != 0 {
				at[axes[k]] = i
				walk(k+1, w*v)
			}
		}
	}
	walk(0, 1)
	return sum
}

// resizeSamples cover every mode with sizes that grow and shrink by odd ratios.
func resizeSamples() []Sample {
	var list []Sample
	add := func(batch int, s ir.Shape, attrs ...any) {
		var a ir.Attrs
		for i := 0; i < len(attrs); i += 2 {
			a = append(a, ir.Attr{Name: attrs[i].(string), Value: attrs[i+1]})
		}
		list = append(list, Sample{Args: f32Types(s), Attrs: a, Batch: batch})
	}
	for _, mode := range []string{"nearest", "linear", "cubic"} {
		for i, c := range coordinateModes {
			if c == "tf_crop_and_resize" {
				continue
			}
			add(1+i%2, ir.NS(4, 3, 2), "sizes", []int{7, 8}, "mode", mode, "coordinate_transformation_mode", c)
			add(1, ir.NS(7, 3), "scales", 0.6, "mode", mode, "coordinate_transformation_mode", c)
		}
		add(1, ir.NS(5, 4, 1), "sizes", []int{6, 3}, "mode", mode, "coordinate_transformation_mode", "tf_crop_and_resize", "roi", []float64{-0.2, 0.1, 1.3, 0.6}, "extrapolation_value", 10)
		add(2, ir.NS(2, 3, 5), "scales", []float64{2, 3}, "mode", mode)
		add(1, ir.NS(5, 6, 2), "sizes", 1, "mode", mode, "coordinate_transformation_mode", "align_corners")
		add(1, ir.NS(5, 1), "sizes", 1, "mode", mode, "coordinate_transformation_mode", "pytorch_half_pixel")
	}
	for _, nearest := range []string{"round_prefer_ceil", "floor", "ceil"} {
		add(2, ir.NS(5, 4, 2), "sizes", []int{8, 3}, "nearest_mode", nearest)
	}
	add(2, ir.NS(8, 2), "sizes", 3, "mode", "cubic", "exclude_outside", true)
	add(1, ir.NS(8, 2), "sizes", 11, "mode", "cubic", "exclude_outside", true, "cubic_coeff_a", -0.5)
	add(1, ir.NS(11, 9, 3), "sizes", []int{4, 5}, "mode", "linear", "antialias", true)
	add(2, ir.NS(11, 9, 1), "sizes", []int{4, 12}, "mode", "cubic", "antialias", true)
	add(1, ir.NS(13, 1), "sizes", 4, "mode", "cubic", "antialias", true, "exclude_outside", true)
	add(1, ir.NS(6, 4, 1), "sizes", []int{9, 9}, "mode", "linear", "keep_aspect_ratio_policy", "not_larger")
	add(1, ir.NS(6, 4, 1), "sizes", []int{9, 9}, "mode", "linear", "keep_aspect_ratio_policy", "not_smaller")
	add(1, ir.S(2, 3, 4), "sizes", []int{5, 2}, "mode", "linear", "axes", []int{-1, 0})
	add(2, ir.NS(3, 5), "sizes", 5, "axes", []int{2})
	add(1, ir.NS(64, 2), "sizes", 29, "mode", "linear", "antialias", true)
	return list
}
