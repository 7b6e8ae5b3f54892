package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
)

// coordinateModes are ONNX's ways to place the elements of a resized axis.
var coordinateModes = []string{"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"}

// coordinates give the place in x of element i of a resized axis.
var coordinates = map[string]func(s scaling, i float64) float64{
	"half_pixel": halfPixel,
	"half_pixel_symmetric": func(s scaling, i float64) float64 {
		// The centre of the result, before it was cut to whole elements, lies on that of x.
		return float64(s.in)/2*(1-float64(s.out)/s.width) + halfPixel(s, i)
	},
	"pytorch_half_pixel": func(s scaling, i float64) float64 {
		if s.width <= 1 {
			return 0
		}
		return halfPixel(s, i)
	},
	"align_corners": func(s scaling, i float64) float64 {
		if s.width == 1 {
			return 0
		}
		return i * float64(s.in-1) / (s.width - 1)
	},
	"asymmetric":           func(s scaling, i float64) float64 { return i / s.scale },
	"tf_half_pixel_for_nn": func(s scaling, i float64) float64 { return (i + 0.5) / s.scale },
	"tf_crop_and_resize": func(s scaling, i float64) float64 {
		last := float64(s.in - 1)
		if s.width == 1 {
			return (s.roi[0] + s.roi[1]) / 2 * last
		}
		return s.roi[0]*last + i*(s.roi[1]-s.roi[0])*last/(s.width-1)
	},
}

func halfPixel(s scaling, i float64) float64 { return (i+0.5)/s.scale - 0.5 }

// filter is how elements are sampled.
type filter struct {
	mode, nearest      string
	at                 func(s scaling, i float64) float64
	crop               bool // what lies outside is not sampled
	a                  float64
	exclude, antialias bool
}

func newFilter(a ir.Attrs) filter {
	mode := a.Str("coordinate_transformation_mode")
	return filter{mode: a.Str("mode"), nearest: a.Str("nearest_mode"), at: coordinates[mode], crop: mode == "tf_crop_and_resize",
		a: a.Float("cubic_coeff_a"), exclude: a.Bool("exclude_outside"), antialias: a.Bool("antialias")}
}

// matrix is the sparse matrix that resizes one axis.
func (f filter) matrix(s scaling) sparse {
	m := make(sparse, s.out)
	for i := range m {
		m[i] = f.row(s, f.at(s, float64(i)))
	}
	return m
}

// row samples an axis at one place: it lies between the elements base and base+1, ratio of the way, where 0 < ratio <= 1.
func (f filter) row(s scaling, place float64) []entry {
	last := float64(s.in - 1)
	if f.crop && (place < 0 || place > last) {
		return nil
	}
	place = min(max(place, -float64(2*s.in)), float64(3*s.in))
	base := int(math.Ceil(place)) - 1
	first, weights := f.weights(place-float64(base), min(s.scale, 1))
	sum := 0.0
	if f.exclude {
		for t := range weights {
			if at := base + first + t; at < 0 || at >= s.in {
				weights[t] = 0
			}
			sum += weights[t]
		}
	}
	var row []entry
	for t, w := range weights {
		if sum != 0 {
			w /= sum
		}
		column := min(max(base+first+t, 0), s.in-1)
		if n := len(row); n > 0 && row[n-1].column == column {
			row[n-1].weight += w
		} else {
			row = append(row, entry{column, w})
		}
	}
	return trimmed(row)
}

// trimmed drops entries without weight, but keeps one.
func trimmed(row []entry) []entry {
	kept := row[:0:0]
	for _, e := range row {
		if e.weight != 0 {
			kept = append(kept, e)
		}
	}
	if len(kept) == 0 {
		return row[:1]
	}
	return kept
}

// weights are those of the elements base+first, base+first+1 … for a place ratio of the way from base to the next. An axis that shrinks by scale
// stretches an antialiasing filter by as much.
func (f filter) weights(ratio, scale float64) (first int, list []float64) {
	if f.mode == "nearest" {
		return f.nearestAt(ratio), []float64{1}
	}
	shape, reach := f.triangle, 1
	if f.mode == "cubic" {
		shape, reach = f.cubic, 2
	}
	if !f.antialias {
		scale = 1
	}
	first = int(math.Floor(-float64(reach)/scale)) + 1
	sum := 0.0
	for t := first; t <= 1-first; t++ {
		w := shape(math.Abs(float64(t)-ratio) * scale)
		list = append(list, w)
		sum += w
	}
	if f.antialias {
		for t := range list {
			list[t] /= sum
		}
	}
	return first, list
}

// nearestAt is 0 where the element base is nearest, 1 where the next is.
func (f filter) nearestAt(ratio float64) int {
	up := ratio == 1
	switch f.nearest {
	case "round_prefer_floor":
		up = ratio > 0.5
	case "round_prefer_ceil":
		up = ratio >= 0.5
	case "ceil":
		up = true
	}
	if up {
		return 1
	}
	return 0
}

func (f filter) triangle(x float64) float64 { return max(1-x, 0) }

// cubic is the convolution kernel of Keys, "Cubic convolution interpolation for digital image processing" (1981), for x >= 0.
func (f filter) cubic(x float64) float64 {
	switch {
	case x <= 1:
		return ((f.a+2)*x-(f.a+3))*x*x + 1
	case x < 2:
		return ((f.a*x-5*f.a)*x+8*f.a)*x - 4*f.a
	}
	return 0
}
