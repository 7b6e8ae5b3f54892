package ops

import (
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// GLU is the gated linear unit (Dauphin et al., 2016).
var GLU = Register(&Operator{
	Name:     "glu",
	Doc:      "The gated linear unit: the first half of an axis times the sigmoid of the second.",
	Formula:  "y = a * sigmoid(b), where x is a and b in a row",
	Example:  "h = x |> dense(128) |> glu",
	Category: "activation",
	Args:     []Arg{{Name: "x", Doc: "any shape with an even number of elements along the axis"}},
	Attrs:    []AttrDef{{Name: "axis", Doc: "the axis that is halved; -1 is the last", Default: -1}},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		x := args[0]
		if err := wantElem("glu", "x", x.Type, floats...); err != nil {
			return nil, err
		}
		axis, err := plainAxis("glu", a.Int("axis"), x.Type.Shape)
		if err != nil {
			return nil, err
		}
		d := x.Type.Shape[axis]
		if !d.Static() || d.Size%2 != 0 {
			return nil, WithNote("make twice as many channels as it should give", "glu needs an axis of even extent, but axis %d of %v has %v", axis, x.Type, d)
		}
		var half [2]*ir.Value
		for i := range half {
			ints := func(name string, n int) ir.Attr { return ir.Attr{Name: name, Value: []int{n}} }
			if half[i], err = b.Op("slice", x.Name, args, ints("starts", i*d.Size/2), ints("ends", (i+1)*d.Size/2), ints("axes", axis)); err != nil {
				return nil, err
			}
		}
		return []*ir.Value{b.apply("mul", half[0], b.apply("sigmoid", half[1]))}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[0]
		axis := mustAxis(a.Int("axis"), len(x.Shape))
		shape := slices.Clone(x.Shape)
		shape[axis] /= 2
		y := NewTensor(x.Elem, shape...)
		n := 0
		eachIndex(shape, func(ix []int) {
			ix = slices.Clone(ix)
			first := x.Data[x.at(ix)]
			ix[axis] += shape[axis]
			y.Data[n] = first / (1 + math.Exp(-x.Data[x.at(ix)]))
			n++
		})
		return []*Tensor{y}
	},
	ONNX: ONNX{Note: "written as Split, Sigmoid and Mul"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(10))},
		{Args: f32Types(ir.NS(2)), Batch: 1},
		{Args: f32Types(ir.NS(4, 3)), Attrs: ir.Attrs{{Name: "axis", Value: 1}}, Batch: 2},
		{Args: f32Types(ir.S(2, 6, 2)), Attrs: ir.Attrs{{Name: "axis", Value: 0}}},
		{Args: f32Types(ir.NS(3, 14)), Range: map[int][2]float64{0: {-16, 16}}},
	},
})
