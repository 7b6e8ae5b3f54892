package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Sign is -1, 0 or 1.
var Sign = Register(elementwise{
	Operator: Operator{
		Name:     "sign",
		Doc:      "-1, 0 or 1 by the sign of each element; 0 for NaN.",
		Formula:  "y = x < 0 ? -1 : x > 0 ? 1 : 0",
		Example:  "y = sign(x)",
		Category: "elementwise",
		Args:     unary,
		NoGrad:   "it is constant on either side of 0, so no gradient flows",
		ONNX:     ONNX{Name: "Sign", Min: 9, Max: 25},
		Samples: append(withKinks(unarySamples(), 0.02),
			Sample{Args: f32Types(ir.S(3)), Data: map[int][]float64{0: {0, 3, -0.25}}}),
	},
	takes: numbers,
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
		zero := like(x[0], 0)
		return choose(less(x[0], zero), like(x[0], -1), choose(less(zero, x[0]), like(x[0], 1), zero))
	},
}.operator())
