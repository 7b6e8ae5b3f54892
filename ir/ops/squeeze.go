package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// Squeeze drops axes of extent 1.
var Squeeze = Register(&Operator{
	Name:     "squeeze",
	Doc:      "Drops axes of extent 1: those that are named, or all but the batch.",
	Formula:  "y[n, i] = x[n, 0, i]",
	Example:  "column = squeeze(x, [2])",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "any shape and element type"}},
	Attrs:    []AttrDef{{Name: "axes", Doc: "axes of extent 1, from 0, the batch, or from -1, the last; empty for all of them", Default: []int{}}},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		x := args[0].Type
		var axes []int
		if given := a.Ints("axes"); len(given) > 0 {
			var err error
			if axes, err = plainAxes("squeeze", given, x.Shape); err != nil {
				return nil, err
			}
		} else {
			for i, d := range x.Shape {
				if d == ir.D(1) {
					axes = append(axes, i)
				}
			}
		}
		for _, i := range axes {
			if x.Shape[i] != ir.D(1) {
				return nil, WithNote("reshape and flatten join axes of other extents", "squeeze cannot drop axis %d of %s, whose extent is %s", i, x, x.Shape[i])
			}
		}
		return b.reshaped(args[0], dropAxes(x.Shape, axes, false))
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[0]
		y := &Tensor{Elem: x.Elem, Shape: []int{}, Data: slices.Clone(x.Data)}
		for i, d := range x.Shape {
			named := slices.Contains(a.Ints("axes"), i) || slices.Contains(a.Ints("axes"), i-len(x.Shape))
			if d != 1 || len(a.Ints("axes")) > 0 && !named {
				y.Shape = append(y.Shape, d)
			}
		}
		return []*Tensor{y}
	},
	ONNX: ONNX{Name: "Squeeze", Min: 1, Max: 25, Attrs: map[string]string{"axes": "axes"}, Note: "axes must be constants (an input from opset 13 on)"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(1, 3, 1))},
		{Args: f32Types(ir.NS(1, 3, 1)), Attrs: ir.Attrs{{Name: "axes", Value: []int{-1}}}, Batch: 2},
		{Args: f32Types(ir.S(1, 1)), Attrs: ir.Attrs{{Name: "axes", Value: []int{0}}}},
		{Args: f32Types(ir.S(1, 1))},
		{Args: f32Types(ir.NS(2))},
		{Args: []ir.Type{ir.T(ir.I64, ir.S(1, 2))}, Data: map[int][]float64{0: {4, -5}}},
	},
})

// reshaped appends a reshape of x, whose type is known to fit, and returns it as the results of an expansion.
func (b *Builder) reshaped(x *ir.Value, s ir.Shape) ([]*ir.Value, error) {
	if err := wantAny("reshape", "x", x.Type); err != nil {
		return nil, err
	}
	return []*ir.Value{b.reshapeTo(x.Name, x, s)}, nil
}
