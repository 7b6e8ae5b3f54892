package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// compares is an operator that compares two tensors.
func compares(o Operator, takes []ir.DType, holds func(a, b float64) bool, expr func(a, b *loop.Expr) *loop.Expr) *Operator {
	o.Category = "elementwise"
	o.Args = binary
	o.NoGrad = "it is constant almost everywhere, so no gradient flows"
	o.Samples = []Sample{
		{Args: f32Types(ir.NS(3), ir.S(3)), Batch: 2, Data: map[int][]float64{0: {1, 2, 0, 1, -2, 3}, 1: {1, -2, 0}}},
		{Args: f32Types(nil, ir.NS(2, 1)), Batch: 1, Data: map[int][]float64{0: {0.5}, 1: {0.5, 0.25}}},
		{Args: f32Types(ir.NS(19), ir.NS(19))},
	}
	return elementwise{
		Operator: o,
		takes:    takes,
		gives:    ir.Bool,
		value:    func(x []float64) float64 { return bit(holds(x[0], x[1])) },
		expr:     func(x []*loop.Expr) *loop.Expr { return expr(x[0], x[1]) },
	}.operator()
}

// Equal says where two tensors agree.
var Equal = Register(compares(Operator{
	Name:    "equal",
	Doc:     "True where two tensors are equal; false where one is NaN. Shapes broadcast as in NumPy.",
	Formula: "y = a == b",
	Example: "same = equal(a, b)",
	ONNX:    ONNX{Name: "Equal", Min: 7, Max: 25},
}, anyElem, func(a, b float64) bool { return a == b }, func(a, b *loop.Expr) *loop.Expr { return loop.E(loop.Eq, a, b) }))
