package ops

import (
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// Upsample enlarges images by whole numbers.
var Upsample = Register(&Operator{
	Name:     "upsample",
	Doc:      "Enlarges the axes between the batch and the channels by whole numbers: each element repeated, or, with mode linear, lines between the centres of elements.",
	Formula:  "y[n, h, w, c] = x[n, h div factor, w div factor, c] (nearest)",
	Example:  "large = x |> upsample(2)",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "f32 [N, …, C]"}},
	Attrs: []AttrDef{
		{Name: "factor", Doc: "one number, or one for each axis", Default: []int{2}},
		{Name: "mode", Doc: "how to fill in", Default: "nearest", Values: []string{"nearest", "linear", "cubic"}},
	},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		scales := make([]float64, len(a.Ints("factor")))
		for i, f := range a.Ints("factor") {
			if scales[i] = float64(f); f < 1 {
				return nil, WithNote("resize shrinks images too", "upsample cannot enlarge by a factor of %d", f)
			}
		}
		attrs := []ir.Attr{{Name: "scales", Value: scales}, {Name: "mode", Value: a.Str("mode")}}
		if a.Str("mode") == "nearest" {
			attrs = append(attrs, ir.Attr{Name: "coordinate_transformation_mode", Value: "asymmetric"}, ir.Attr{Name: "nearest_mode", Value: "floor"})
		}
		return b.Ops("resize", "upsample", args, attrs...)
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, factor := args[0], a.Ints("factor")
		shape := slices.Clone(x.Shape)
		by := func(axis int) int {
			if axis < 1 || axis > len(shape)-2 {
				return 1
			}
			return factor[min(axis-1, len(factor)-1)]
		}
		if a.Str("mode") != "nearest" {
			scales := make([]float64, len(factor))
			for i, f := range factor {
				scales[i] = float64(f)
			}
			full, _ := Complete(Resize.Attrs, ir.Attrs{{Name: "scales", Value: scales}, {Name: "mode", Value: a.Str("mode")}})
			return evalResize(args, full)
		}
		for i := range shape {
			shape[i] *= by(i)
		}
		y, from, n := NewTensor(ir.F32, shape...), make([]int, len(shape)), 0
		eachIndex(shape, func(ix []int) {
			for i := range ix {
				from[i] = int(math.Floor(float64(ix[i]) / float64(by(i))))
			}
			y.Data[n] = x.Data[x.at(from)]
			n++
		})
		return []*Tensor{y}
	},
	ONNX: ONNX{Name: "Upsample", Min: 7, Max: 9, Attrs: map[string]string{"factor": "scales", "mode": "mode"}, Note: "scales that are whole constants; linear is Resize with coordinate_transformation_mode asymmetric"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(3, 2, 5))},
		{Args: f32Types(ir.NS(3, 2, 2)), Attrs: ir.Attrs{{Name: "factor", Value: []int{3, 1}}}, Batch: 2},
		{Args: f32Types(ir.NS(3, 2)), Attrs: ir.Attrs{{Name: "factor", Value: 16}}, Batch: 1},
		{Args: f32Types(ir.NS(3, 4, 1)), Attrs: ir.Attrs{{Name: "mode", Value: "linear"}}, Batch: 2},
		{Args: f32Types(ir.NS(5, 2)), Attrs: ir.Attrs{{Name: "mode", Value: "cubic"}, {Name: "factor", Value: 3}}},
	},
})
