package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Sign is -1, 0 or 1.
var Sign = Register(elementwise{
	Operator: Operator{
		Name:     "sign",
		Doc:      "-1, 0 or 1 by the sign of each element of an f32 tensor; 0 for NaN. Its gradient is 0 everywhere.",
		Formula:  "y = x < 0 ? -1 : x > 0 ? 1 : 0",
		Example:  "y = sign(x)",
		Category: "elementwise",
		Args:     unary,
		NoGrad:   "it is constant on either side of 0, so no gradient flows",
		ONNX:     ONNX{Name: "Sign", Min: 9, Max: 25, Note: "f32 only"},
		Samples: append(withKinks(unarySamples(), 0.02),
			Sample{Args: f32Types(ir.S(3)), Data: map[int][]float64{0: {0, 3, -0.25}}}),
	},
	value: func(x []float64) float64 {
		switch {
		case x[0] < 0:
			return -1
		case x[0] > 0:
			return 1
		}
		return 0
	},
	expr: func(x []*loop.Expr) *loop.Expr {
		positive := loop.E(loop.Select, loop.E(loop.Less, loop.F(0), x[0]), loop.F(1), loop.F(0))
		return loop.E(loop.Select, loop.E(loop.Less, x[0], loop.F(0)), loop.F(-1), positive)
	},
}.operator())
