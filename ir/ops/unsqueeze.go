package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// Unsqueeze puts in axes of extent 1.
var Unsqueeze = Register(&Operator{
	Name:     "unsqueeze",
	Doc:      "Puts in axes of extent 1, numbered as they are in the result.",
	Formula:  "y[n, 0, i] = x[n, i]",
	Example:  "row = unsqueeze(x, [1])",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "any shape and element type"}},
	Attrs:    []AttrDef{{Name: "axes", Doc: "the new axes by their number in the result, or from -1, its last", Kind: []int{}}},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		x := args[0].Type
		s, err := withAxes("unsqueeze", x, a.Ints("axes"))
		if err != nil {
			return nil, err
		}
		return b.reshaped(args[0], s)
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[0]
		rank := len(x.Shape) + len(a.Ints("axes"))
		y := &Tensor{Elem: x.Elem, Data: slices.Clone(x.Data)}
		left := x.Shape
		for i := range rank {
			if slices.Contains(a.Ints("axes"), i) || slices.Contains(a.Ints("axes"), i-rank) {
				y.Shape = append(y.Shape, 1)
			} else {
				y.Shape, left = append(y.Shape, left[0]), left[1:]
			}
		}
		return []*Tensor{y}
	},
	ONNX: ONNX{Name: "Unsqueeze", Min: 1, Max: 25, Attrs: map[string]string{"axes": "axes"}, Note: "axes must be constants (an input from opset 13 on)"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(3)), Attrs: ir.Attrs{{Name: "axes", Value: []int{1}}}},
		{Args: f32Types(ir.NS(3, 2)), Attrs: ir.Attrs{{Name: "axes", Value: []int{-1, 1, 3}}}, Batch: 2},
		{Args: f32Types(nil), Attrs: ir.Attrs{{Name: "axes", Value: []int{0, 1}}}},
		{Args: f32Types(ir.S(3)), Attrs: ir.Attrs{{Name: "axes", Value: []int{0}}}},
		{Args: []ir.Type{ir.T(ir.Bool, ir.S(2))}, Attrs: ir.Attrs{{Name: "axes", Value: []int{1}}}, Data: map[int][]float64{0: {1, 0}}},
	},
})

// withAxes is the shape of x with axes of extent 1 put in, none of them before the batch.
func withAxes(kind string, x ir.Type, axes []int) (ir.Shape, error) {
	if len(axes) == 0 || len(x.Shape)+len(axes) > maxRank {
		return nil, WithNote("name the axes by their number in the result", "%s cannot put %d axes into %s", kind, len(axes), x)
	}
	result := make(ir.Shape, len(x.Shape)+len(axes))
	for i := range result {
		result[i] = ir.D(0)
	}
	at, err := plainAxes(kind, axes, result)
	if err != nil {
		return nil, WithNote("axes are numbered as they are in the result", "%s cannot put axes %v into %s", kind, axes, x)
	}
	left := x.Shape
	for i := range result {
		if slices.Contains(at, i) {
			result[i] = ir.D(1)
			continue
		}
		result[i], left = left[0], left[1:]
		if i > 0 && !result[i].Static() {
			return nil, WithNote("axis 0 is the batch", "%s cannot put an axis before the batch of %s", kind, x)
		}
	}
	return result, nil
}

// maxRank bounds the axes that an attribute may ask for.
const maxRank = 64
