package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Literal is a tensor whose elements are written out.
var Literal = Register(&Operator{
	Name: "literal",
	Doc: "A tensor of the given numbers in row-major order. Without a shape it has one axis; one extent of shape may be -1, which stands for what is left, and [] makes a scalar. " +
		"One number alone fills any shape.",
	Formula:  "y[i] = data[i]",
	Example:  "kernel = literal([1, 2, 1, 2, 4, 2, 1, 2, 1], shape=[3, 3])",
	Category: "tensor",
	Exact:    true,
	Attrs: []AttrDef{
		{Name: "data", Doc: "the elements, the last axis running fastest", Kind: []float64{}},
		{Name: "shape", Doc: "the extents, outermost first", Default: []int{-1}},
		{Name: "elem", Doc: "the element type", Default: "f32", Values: []string{"f32", "i32", "i64", "u8", "i8", "bool"}},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		elem, _ := ir.ParseDType(a.Str("elem"))
		data := a.Floats("data")
		if len(data) == 0 {
			return nil, WithNote("write the elements in brackets", "literal has no elements")
		}
		s, err := literalShape(len(data), a.Ints("shape"))
		if err != nil {
			return nil, err
		}
		for i, x := range data {
			if err := holds(elem, x); err != nil {
				return nil, WithNote("elem says the element type", "literal: element %d: %v", i, err)
			}
		}
		return []ir.Type{ir.T(elem, s)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		data, elem := a.Floats("data"), ir.F32
		elem, _ = ir.ParseDType(a.Str("elem"))
		shape := slices.Clone(a.Ints("shape"))
		if i := slices.Index(shape, -1); i >= 0 {
			shape[i] = 1
			known := NewTensor(elem, shape...)
			shape[i] = len(data) / len(known.Data)
		}
		t := NewTensor(elem, shape...)
		for i := range t.Data {
			if t.Data[i] = data[i%len(data)]; elem == ir.F32 {
				t.Data[i] = float64(float32(t.Data[i]))
			}
		}
		return []*Tensor{t}
	},
	NoGrad: "it has no operands",
	Lower: func(l *Lowering, op *ir.Op) {
		data, t := op.Attrs.Floats("data"), op.Results[0].Type
		if len(data) == 1 {
			fill := loop.F(data[0])
			if !t.Elem.Float() {
				fill = loop.I(int(data[0]))
			}
			l.mapOver(l.Buf(op.Results[0]), fill)
			return
		}
		l.bind(op.Results[0], l.Table("", t, data))
	},
	ONNX: ONNX{Name: "Constant", Min: 1, Max: 25, Attrs: map[string]string{"data": "value"}},
	Samples: []Sample{
		{Attrs: ir.Attrs{{Name: "data", Value: []float64{1, -2.5, 0.1}}}},
		{Attrs: ir.Attrs{{Name: "data", Value: []int{1, 2, 3, 4, 5, 6}}, {Name: "shape", Value: []int{2, -1}}}},
		{Attrs: ir.Attrs{{Name: "data", Value: []float64{math.NaN(), math.Inf(1), math.Copysign(0, -1), 1e-40}}, {Name: "shape", Value: []int{1, 4, 1}}}},
		{Attrs: ir.Attrs{{Name: "data", Value: 7}, {Name: "shape", Value: []int{}}, {Name: "elem", Value: "i32"}}},
		{Attrs: ir.Attrs{{Name: "data", Value: 7}, {Name: "shape", Value: []int{3, 5}}, {Name: "elem", Value: "i64"}}},
		{Attrs: ir.Attrs{{Name: "data", Value: []int{255, 0, 3}}, {Name: "elem", Value: "u8"}}},
		{Attrs: ir.Attrs{{Name: "data", Value: []int{-128, 127}}, {Name: "elem", Value: "i8"}}},
		{Attrs: ir.Attrs{{Name: "data", Value: []int{1, 0, 0, 1}}, {Name: "shape", Value: []int{2, 2}}, {Name: "elem", Value: "bool"}}},
		{Attrs: ir.Attrs{{Name: "data", Value: 0.5}, {Name: "shape", Value: []int{4}}}},
	},
})

// literalShape completes the shape of n elements, or of one that fills it.
func literalShape(n int, dims []int) (ir.Shape, error) {
	dims = slices.Clone(dims)
	if i := slices.Index(dims, -1); i >= 0 {
		known := 1
		for k, d := range dims {
			if k != i && d > 0 && known <= n {
				known *= d
			}
		}
		if n%known != 0 {
			return nil, WithNote("the other extents must divide the number of elements", "literal cannot make shape=%v of %d elements", dims, n)
		}
		dims[i] = n / known
	}
	s, err := fixedShape("literal", dims)
	if err != nil {
		return nil, err
	}
	if total, _ := s.Elems(); total.Size != n && n != 1 {
		return nil, WithNote("the extents of shape must multiply to the number of elements; -1 stands for what is left",
			"literal has %d elements, but %s takes %d", n, s, total.Size)
	}
	return s, nil
}

// elemRange is the least and greatest value of each whole-number type as a program holds it.
var elemRange = map[ir.DType][2]float64{
	ir.I32: {math.MinInt32, math.MaxInt32}, ir.I64: {math.MinInt32, math.MaxInt32},
	ir.U8: {0, math.MaxUint8}, ir.I8: {math.MinInt8, math.MaxInt8}, ir.Bool: {0, 1},
}

// holds reports why a type cannot hold x.
func holds(e ir.DType, x float64) error {
	r, ok := elemRange[e]
	switch {
	case !ok:
		return nil
	case x != math.Trunc(x) || x < r[0] || x > r[1]: // also of NaN
		return fmt.Errorf("%v is no %s, which holds whole numbers from %v to %v", x, e, int(r[0]), int(r[1]))
	}
	return nil
}
