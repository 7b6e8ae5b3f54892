package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Trilu keeps a triangle of each matrix.
var Trilu = Register(&Operator{
	Name:     "trilu",
	Doc:      "Keeps the upper or the lower triangle of the last two axes, the diagonal included, and puts 0 elsewhere. k moves the diagonal: 1 is the one above the main diagonal, -1 the one below.",
	Formula:  "y[…, i, j] = x[…, i, j] where j >= i + k, else 0 (upper); where j <= i + k (lower)",
	Example:  "mask = trilu(ones, upper=false)",
	Category: "tensor",
	Exact:    true,
	Args:     []Arg{{Name: "x", Doc: "[…, rows, columns], any element type"}},
	Attrs: []AttrDef{
		{Name: "upper", Doc: "keep the upper triangle, else the lower", Default: true},
		{Name: "k", Doc: "how far the diagonal is moved to the right", Default: 0},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := wantAny("trilu", "x", args[0]); err != nil {
			return nil, err
		}
		s := args[0].Shape
		if len(s) < 2 || !s[len(s)-2].Static() {
			return nil, WithNote("its last two axes are the rows and columns of an example", "trilu needs matrices, but its input is %s", args[0])
		}
		if k := a.Int("k"); k > ir.MaxElems || k < -ir.MaxElems {
			return nil, WithNote("k counts columns", "trilu cannot move the diagonal by %d", k)
		}
		return []ir.Type{args[0]}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[0]
		y, n := NewTensor(x.Elem, x.Shape...), 0
		eachIndex(x.Shape, func(ix []int) {
			above := ix[len(ix)-1] - ix[len(ix)-2] - a.Int("k")
			if above == 0 || (above > 0) == a.Bool("upper") {
				y.Data[n] = x.Data[n]
			}
			n++
		})
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil}
		}
		return []*ir.Value{b.Must("trilu", op.Args[0].Name, grads, op.Attrs...)}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x, y := l.Buf(op.Args[0]), l.Buf(op.Results[0])
		rank := len(x.Shape)
		diagonal := loop.IndexOf(loop.At(op.Attrs.Int("k")).Plus(rank-2, 1, 0))
		column := loop.IndexOf(loop.Ax(rank - 1))
		keep := loop.E(loop.LessEq, column, diagonal)
		if op.Attrs.Bool("upper") {
			keep = loop.E(loop.LessEq, diagonal, column)
		}
		l.mapOver(y, loop.E(loop.Select, keep, loop.Read(x, plainIndex(rank)...), cell(x.Elem, 0)))
	},
	ONNX: ONNX{Name: "Trilu", Min: 14, Max: 25, Attrs: map[string]string{"upper": "upper"}, Note: "k, an input, must be a constant"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(4, 5))},
		{Args: f32Types(ir.NS(2, 5, 3)), Attrs: ir.Attrs{{Name: "upper", Value: false}, {Name: "k", Value: 1}}, Batch: 2},
		{Args: f32Types(ir.S(3, 3)), Attrs: ir.Attrs{{Name: "k", Value: -2}}},
		{Args: f32Types(ir.S(9, 11)), Attrs: ir.Attrs{{Name: "k", Value: 100}}},
		{Args: f32Types(ir.NS(1, 1)), Attrs: ir.Attrs{{Name: "upper", Value: false}, {Name: "k", Value: -1}}, Batch: 1},
		{Args: []ir.Type{ir.T(ir.I32, ir.S(2, 2))}, Data: map[int][]float64{0: {1, 2, 3, 4}}},
		{Args: []ir.Type{ir.T(ir.Bool, ir.S(2, 2))}, Attrs: ir.Attrs{{Name: "upper", Value: false}}, Data: map[int][]float64{0: {1, 1, 1, 1}}},
	},
})

// cell is a constant of an element type as the loop IR holds it.
func cell(e ir.DType, x float64) *loop.Expr {
	if e.Cell() == ir.F32 {
		return loop.F(x)
	}
	return loop.I(int(x))
}
