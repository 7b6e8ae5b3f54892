package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Eye is a matrix with ones on a diagonal.
var Eye = Register(&Operator{
	Name:     "eye",
	Doc:      "A matrix with ones on a diagonal and zeros elsewhere. k moves the diagonal: 1 is the one above the main diagonal, -1 the one below.",
	Formula:  "y[i, j] = 1 where j = i + k, else 0",
	Example:  "identity = eye(16)",
	Category: "tensor",
	Exact:    true,
	Attrs: []AttrDef{
		{Name: "rows", Doc: "the number of rows", Kind: 0},
		{Name: "columns", Doc: "the number of columns; 0 for as many as rows", Default: 0},
		{Name: "k", Doc: "how far the diagonal is moved to the right", Default: 0},
		{Name: "elem", Doc: "the element type", Default: "f32", Values: []string{"f32", "i32", "i64", "u8", "i8", "bool"}},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		elem, _ := ir.ParseDType(a.Str("elem"))
		columns := a.Int("columns")
		if columns == 0 {
			columns = a.Int("rows")
		}
		s, err := fixedShape("eye", []int{a.Int("rows"), columns})
		if err != nil {
			return nil, err
		}
		if k := a.Int("k"); k > ir.MaxElems || k < -ir.MaxElems {
			return nil, WithNote("k counts columns", "eye cannot move the diagonal by %d", k)
		}
		return []ir.Type{ir.T(elem, s)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		elem, _ := ir.ParseDType(a.Str("elem"))
		columns := a.Int("columns")
		if columns == 0 {
			columns = a.Int("rows")
		}
		y := NewTensor(elem, a.Int("rows"), columns)
		for i := range a.Int("rows") {
			if j := i + a.Int("k"); j >= 0 && j < columns {
				y.Data[i*columns+j] = 1
			}
		}
		return []*Tensor{y}
	},
	NoGrad: "it has no operands",
	Lower: func(l *Lowering, op *ir.Op) {
		y := l.Buf(op.Results[0])
		on := loop.E(loop.Eq, loop.IndexOf(loop.Ax(1)), loop.IndexOf(loop.At(op.Attrs.Int("k")).Plus(0, 1, 0)))
		l.mapOver(y, loop.E(loop.Select, on, cell(y.Elem, 1), cell(y.Elem, 0)))
	},
	ONNX: ONNX{Name: "EyeLike", Min: 9, Max: 25, Attrs: map[string]string{"k": "k", "elem": "dtype"}, Note: "rows and columns are those of the operand, which must be known"},
	Samples: []Sample{
		{Attrs: ir.Attrs{{Name: "rows", Value: 3}}},
		{Attrs: ir.Attrs{{Name: "rows", Value: 3}, {Name: "columns", Value: 11}, {Name: "k", Value: 2}}},
		{Attrs: ir.Attrs{{Name: "rows", Value: 5}, {Name: "columns", Value: 2}, {Name: "k", Value: -3}, {Name: "elem", Value: "i32"}}},
		{Attrs: ir.Attrs{{Name: "rows", Value: 1}, {Name: "k", Value: 9}, {Name: "elem", Value: "bool"}}},
	},
})
