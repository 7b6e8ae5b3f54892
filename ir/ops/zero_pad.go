package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// ZeroPad frames images with zeros.
var ZeroPad = Register(&Operator{
	Name:     "zero_pad",
	Doc:      "Puts zeros around the axes between the batch and the channels: around the image of [N,H,W,C], before and after the frames of [N,T,C].",
	Formula:  "y[n, h, w, c] = x[n, h - top, w - left, c] where that exists, else 0",
	Example:  "framed = image |> zero_pad([1, 2])",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "[N, …, C], any element type"}},
	Attrs:    []AttrDef{{Name: "pads", Doc: "one number for all sides, one for each axis, [vertical, horizontal], or each side, [top, left, bottom, right]", Default: []int{1}}},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		return b.sides("zero_pad", args[0], a.Ints("pads"), 1)
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor { return evalSides(args[0], a.Ints("pads"), 1) },
	ONNX: ONNX{Note: "Pad with mode constant"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(2, 3, 2))},
		{Args: f32Types(ir.NS(2, 3, 2)), Attrs: ir.Attrs{{Name: "pads", Value: []int{1, 2, 0, 3}}}, Batch: 1},
		{Args: f32Types(ir.NS(2, 3, 2)), Attrs: ir.Attrs{{Name: "pads", Value: []int{0, 2}}}},
		{Args: f32Types(ir.NS(5, 2)), Attrs: ir.Attrs{{Name: "pads", Value: []int{3, 1}}}},
	},
})

// sides pads x, or crops it where sign is -1, on the axes between the first and the last.
func (b *Builder) sides(kind string, x *ir.Value, pads []int, sign int) ([]*ir.Value, error) {
	axes := len(x.Type.Shape) - 2
	if axes < 1 {
		return nil, WithNote("pad works on any axes", "%s needs axes between the batch and the channels, but its input is %s", kind, x.Type)
	}
	if n := len(pads); n != 1 && n != axes && n != 2*axes {
		return nil, WithNote("write one number, one for each axis, or those before each axis and then those after each", "%s takes 1, %d or %d numbers for %s, not %d", kind, axes, 2*axes, x.Type, n)
	}
	before, after := make([]int, axes+1), make([]int, axes+1)
	for i := range axes {
		before[i], after[i] = pads[i%len(pads)], pads[i%len(pads)]
		if len(pads) == 2*axes {
			after[i] = pads[axes+i]
		}
		for _, p := range []int{before[i], after[i]} {
			if p < 0 || p > ir.MaxElems {
				return nil, WithNote("zero_pad puts a border on, crop takes one off", "%s cannot work on %d elements of a side", kind, p)
			}
		}
		before[i], after[i] = sign*before[i], sign*after[i]
	}
	return b.Ops("pad", kind, []*ir.Value{x}, ir.Attr{Name: "before", Value: before}, ir.Attr{Name: "after", Value: after})
}

func evalSides(x *Tensor, pads []int, sign int) []*Tensor {
	axes := len(x.Shape) - 2
	switch len(pads) {
	case 2 * axes:
	case axes:
		pads = slices.Concat(pads, pads)
	default:
		pads = slices.Repeat(pads, 2*axes)
	}
	shape, from := slices.Clone(x.Shape), make([]int, len(x.Shape))
	for i := range axes {
		shape[1+i] += sign * (pads[i] + pads[axes+i])
	}
	y, n := NewTensor(x.Elem, shape...), 0
	eachIndex(shape, func(ix []int) {
		copy(from, ix)
		inside := true
		for i := range axes {
			from[1+i] -= sign * pads[i]
			inside = inside && from[1+i] >= 0 && from[1+i] < x.Shape[1+i]
		}
		if inside {
			y.Data[n] = x.Data[x.at(from)]
		}
		n++
	})
	return []*Tensor{y}
}
