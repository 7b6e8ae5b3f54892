package ops

import (
	"github.com/dlc-ml/dlc/ir"
)

// Shape gives the extents of a tensor.
var Shape = Register(&Operator{
	Name:     "shape",
	Doc:      "The extents of x, from start to end, as a tensor of one axis. What is known at compile time is a constant; the batch is the number of examples of the call.",
	Formula:  "y[i] = extent of axis start + i of x",
	Example:  "extents = shape(image, start=1)",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "any shape and element type"}},
	Attrs: []AttrDef{
		{Name: "start", Doc: "the first axis; negative from the end", Default: 0},
		{Name: "end", Doc: "the axis before which to stop; negative from the end", Default: ir.MaxElems},
	},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		s := args[0].Type.Shape
		from, to := clampRun(a.Int("start"), len(s), 1), clampRun(a.Int("end"), len(s), 1)
		if from >= to {
			return nil, WithNote("start is the first axis, end the one before which to stop", "shape of %s from axis %d to axis %d has no elements", args[0].Type, a.Int("start"), a.Int("end"))
		}
		var parts []*ir.Value
		var known []float64
		for _, d := range s[from:to] {
			if d.Static() {
				known = append(known, float64(d.Size))
				continue
			}
			n, err := b.extent(args[0], 1)
			if err != nil {
				return nil, err
			}
			parts = append(parts, b.reshapeTo("batch", n, ir.S(1))) // it leads
		}
		if known != nil {
			parts = append(parts, b.literal("shape", ir.I64, ir.S(len(known)), known...))
		}
		if len(parts) == 1 {
			return parts, nil
		}
		return b.Ops("concat", "shape", parts)
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		rank := len(args[0].Shape)
		t := &Tensor{Elem: ir.I64}
		for i, d := range args[0].Shape {
			if start, end := a.Int("start"), a.Int("end"); (i >= start && start >= 0 || start < 0 && i >= rank+start) && (i < end && end >= 0 || end < 0 && i < rank+end) {
				t.Data = append(t.Data, float64(d))
			}
		}
		t.Shape = []int{len(t.Data)}
		return []*Tensor{t}
	},
	NoGrad: "extents do not depend on the elements",
	ONNX:   ONNX{Name: "Shape", Min: 1, Max: 25, Attrs: map[string]string{"start": "start", "end": "end"}},
	Samples: []Sample{
		{Args: f32Types(ir.S(3, 4)), NoGrad: true},
		{Args: f32Types(ir.NS(3, 4)), NoGrad: true},
		{Args: f32Types(ir.NS(3, 4, 5)), Attrs: ir.Attrs{{Name: "start", Value: 1}, {Name: "end", Value: -1}}, NoGrad: true},
		{Args: f32Types(ir.Shape{{Size: 5, Sym: "N"}}), Batch: 2, NoGrad: true},
		{Args: f32Types(ir.NS(7)), Attrs: ir.Attrs{{Name: "start", Value: -1}}, NoGrad: true},
	},
})

// literal appends a constant tensor of the given elements.
func (b *Builder) literal(name string, e ir.DType, s ir.Shape, data ...float64) *ir.Value {
	dims := []int{}
	for _, d := range s {
		dims = append(dims, d.Size)
	}
	return b.Must("literal", name, nil, ir.Attr{Name: "data", Value: data}, ir.Attr{Name: "shape", Value: dims}, ir.Attr{Name: "elem", Value: e.String()})
}

// extent is the extent of the batch axis of x, times a number, as an i64 scalar.
func (b *Builder) extent(x *ir.Value, times int) (*ir.Value, error) {
	return b.Op("batch_size", "batch", []*ir.Value{x}, ir.Attr{Name: "times", Value: times})
}
