package ops

import (
	"github.com/dlc-ml/dlc/ir"
)

// Roll shifts elements around in a circle.
var Roll = Register(&Operator{
	Name:     "roll",
	Doc:      "Shifts elements along axes in a circle: what leaves at the end comes in at the start. A negative number shifts towards the start.",
	Formula:  "y[…, (i + shift) mod I, …] = x[…, i, …]",
	Example:  "shifted = roll(x, [1], axes=[1])",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "any shape and element type"}},
	Attrs: []AttrDef{
		{Name: "shift", Doc: "by how many elements, one number for each axis", Kind: []int{}},
		{Name: "axes", Doc: "the axes, from 0, the batch, or from -1, the last; not the batch; empty for the last ones", Default: []int{}},
	},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		x, shift, axes := args[0], a.Ints("shift"), a.Ints("axes")
		if len(axes) == 0 {
			for i := range shift {
				axes = append(axes, i-len(shift))
			}
		}
		if len(shift) == 0 || len(axes) != len(shift) {
			return nil, WithNote("write one shift for each axis", "roll has %d shifts for %d axes", len(shift), len(axes))
		}
		for i, axis := range axes {
			axis, err := plainAxis("roll", axis, x.Type.Shape)
			if err != nil {
				return nil, err
			}
			d := x.Type.Shape[axis]
			if !d.Static() || d.Size < 1 {
				return nil, WithNote("examples are independent; roll another axis", "roll cannot shift along the batch of %s", x.Type)
			}
			by := (shift[i]%d.Size + d.Size) % d.Size
			if by == 0 {
				continue
			}
			parts := []*ir.Value{b.cut("roll", x, axis, d.Size-by, d.Size), b.cut("roll", x, axis, 0, d.Size-by)}
			if x, err = b.Op("concat", "roll", parts, ir.Attr{Name: "axis", Value: axis}); err != nil {
				return nil, err
			}
		}
		return []*ir.Value{x}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[0]
		for i, by := range a.Ints("shift") {
			axis := len(x.Shape) - len(a.Ints("shift")) + i
			if list := a.Ints("axes"); len(list) > 0 {
				axis = evalAxes(list[i:i+1], len(x.Shape))[0]
			}
			y, n := NewTensor(x.Elem, x.Shape...), x.Shape[axis]
			at := 0
			eachIndex(x.Shape, func(ix []int) {
				i := ix[axis]
				ix[axis] = ((i+by)%n + n) % n
				y.Data[y.at(ix)] = x.Data[at]
				ix[axis] = i
				at++
			})
			x = y
		}
		return []*Tensor{x}
	},
	ONNX: ONNX{Note: "two Slices and Concat"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(5)), Attrs: ir.Attrs{{Name: "shift", Value: 2}}},
		{Args: f32Types(ir.NS(5, 3)), Attrs: ir.Attrs{{Name: "shift", Value: []int{-1, 4}}, {Name: "axes", Value: []int{1, -1}}}, Batch: 2},
		{Args: f32Types(ir.NS(5, 3)), Attrs: ir.Attrs{{Name: "shift", Value: []int{7, 3}}}, Batch: 1},
		{Args: f32Types(ir.S(1)), Attrs: ir.Attrs{{Name: "shift", Value: 3}}},
		{Args: []ir.Type{ir.T(ir.I32, ir.S(3))}, Attrs: ir.Attrs{{Name: "shift", Value: -1}}, Data: map[int][]float64{0: {-3, 4, 5}}},
	},
})
