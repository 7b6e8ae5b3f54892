package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
)

// Std is the standard deviation.
var Std = Register(&Operator{
	Name:     "std",
	Doc:      "The standard deviation of elements over axes, or over all where none are named: the square root of variance. Where it is 0 it has no gradient.",
	Formula:  "y = sqrt(variance(x))",
	Example:  "spread = x |> std(axes=[-1])",
	Category: "reduction",
	Args:     []Arg{{Name: "x", Doc: "f32, any shape"}},
	Attrs:    varianceAttrs,
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		v, err := b.variance("std", args[0], a)
		if err != nil {
			return nil, err
		}
		return []*ir.Value{b.apply("sqrt", v)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		y := evalVariance(args[0], a)
		for i := range y.Data {
			y.Data[i] = math.Sqrt(y.Data[i])
		}
		return []*Tensor{y}
	},
	ONNX:    ONNX{Note: "Sqrt of a variance"},
	Samples: stdSamples(),
})

// stdSamples leaves the gradient out where a single element has no deviation.
func stdSamples() []Sample {
	list := varianceSamples()
	for i := range list {
		n := 1
		for _, d := range list[i].Args[0].Shape {
			n *= d.Size
		}
		list[i].NoGrad = list[i].NoGrad || n == 1
	}
	return list
}
