package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// combines is an operator on the bits of whole numbers, or on truth values, whose cells are 0 and 1.
func combines(o Operator, takes []ir.DType, ints func(x []int64) int64, expr func(x []*loop.Expr) *loop.Expr) *Operator {
	o.Category = "elementwise"
	o.NoGrad = "it works on truth values and bits, which have no gradient"
	first := telling[takes[0]]
	for _, shape := range []ir.Shape{ir.NS(7), ir.NS(3, 1)} {
		var s Sample
		s.Data = map[int][]float64{}
		for i := range o.Args {
			n := 3 * shape[1].Size
			data := make([]float64, n)
			for k := range data {
				data[k] = first[(k*k+3*i)%len(first)]
			}
			s.Args = append(s.Args, ir.T(takes[0], shape))
			s.Data[i] = data
		}
		o.Samples = append(o.Samples, s)
	}
	return elementwise{Operator: o, takes: takes, ints: ints, expr: expr}.operator()
}

// LogicalAnd holds where both operands do.
var LogicalAnd = Register(combines(Operator{
	Name:    "logical_and",
	Doc:     "True where both operands are. Shapes broadcast as in NumPy.",
	Formula: "y = a && b",
	Example: "inside = logical_and(greater(x, 0), less(x, 1))",
	Args:    binary,
	ONNX:    ONNX{Name: "And", Min: 7, Max: 25},
}, truths, func(x []int64) int64 { return x[0] & x[1] }, node(loop.And)))
