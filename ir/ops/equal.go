package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Equal is 1 where two tensors agree.
var Equal = Register(elementwise{
	Operator: Operator{
		Name:     "equal",
		Doc:      "1 where two f32 tensors are equal, else 0 (also where one is NaN). Shapes broadcast as in NumPy.",
		Formula:  "y = a == b ? 1 : 0",
		Example:  "same = equal(a, b)",
		Category: "elementwise",
		Args:     binary,
		NoGrad:   "it is constant almost everywhere, so no gradient flows",
		ONNX:     ONNX{Name: "Equal", Min: 7, Max: 25, Note: "the result is f32, not bool"},
		Samples: []Sample{
			{Args: f32Types(ir.NS(3), ir.S(3)), Batch: 2, Data: map[int][]float64{0: {1, 2, 0, 1, -2, 3}, 1: {1, -2, 0}}},
			{Args: f32Types(nil, ir.NS(2, 1)), Batch: 1, Data: map[int][]float64{0: {0.5}, 1: {0.5, 0.25}}},
		},
	},
	value: func(x []float64) float64 {
		if x[0] == x[1] {
			return 1
		}
		return 0
	},
	expr: func(x []*loop.Expr) *loop.Expr {
		return loop.E(loop.Select, loop.E(loop.Eq, x[0], x[1]), loop.F(1), loop.F(0))
	},
}.operator())
