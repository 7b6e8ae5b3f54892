package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Constant is a tensor with one value everywhere.
var Constant = Register(&Operator{
	Name:     "constant",
	Doc:      "An f32 tensor of fixed shape with the same value everywhere. Without a shape it is a scalar, which broadcasts to any shape.",
	Formula:  "y[i] = value",
	Example:  "half = constant(0.5)",
	Category: "tensor",
	Exact:    true,
	Attrs: []AttrDef{
		{Name: "value", Doc: "the value of every element", Kind: 0.0},
		{Name: "shape", Doc: "the extents, outermost first; empty for a scalar", Default: []int{}},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		s, err := fixedShape("constant", a.Ints("shape"))
		if err != nil {
			return nil, err
		}
		return []ir.Type{ir.T(ir.F32, s)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		t := NewTensor(ir.F32, a.Ints("shape")...)
		for i := range t.Data {
			t.Data[i] = a.Float("value")
		}
		return []*Tensor{t}
	},
	NoGrad: "it has no operands",
	Lower: func(l *Lowering, op *ir.Op) {
		l.mapOver(l.Buf(op.Results[0]), loop.F(op.Attrs.Float("value")))
	},
	ONNX: ONNX{Name: "ConstantOfShape", Min: 9, Max: 25, Attrs: map[string]string{"value": "value"}, Note: "the shape must be a constant"},
	Samples: []Sample{
		{Attrs: ir.Attrs{{Name: "value", Value: 0.5}}},
		{Attrs: ir.Attrs{{Name: "value", Value: -3.0}, {Name: "shape", Value: []int{5, 3}}}},
	},
})

// fixedShape makes a shape of extents given as an attribute.
func fixedShape(op string, dims []int) (ir.Shape, error) {
	for _, d := range dims {
		if d < 1 {
			return nil, WithNote("every extent is a whole number from 1 up; the batch is not written", "%s cannot have the extent %d in shape=%v", op, d, dims)
		}
		if d > ir.MaxElems {
			return nil, fmt.Errorf("%s cannot have the extent %d: the limit is %d elements", op, d, ir.MaxElems)
		}
	}
	s := ir.S(dims...)
	if _, ok := s.Elems(); !ok {
		return nil, fmt.Errorf("%s with shape=%v would have more than %d elements", op, dims, ir.MaxElems)
	}
	return s, nil
}
