package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// ToBits reads the bits of floating-point numbers.
var ToBits = Register(elementwise{
	Operator: Operator{
		Name:     "to_bits",
		Doc:      "The 32 bits of a floating-point number as a whole number: sign, 8 bits of exponent, and 23 of fraction.",
		Formula:  "y = bits of x",
		Example:  "code = to_bits(x)",
		Category: "elementwise",
		Args:     unary,
		NoGrad:   "it works on bits, which have no gradient",
		Samples: []Sample{{Args: f32Types(ir.NS(7))}, {Args: f32Types(ir.S(10)), Data: map[int][]float64{
			0: {0, math.Copysign(0, -1), 1, -1.5, 65504, 0x1p-149, -0x1.8p-130, math.Inf(1), math.Inf(-1), math.MaxFloat32}}}},
	},
	gives: ir.I32,
	value: func(x []float64) float64 { return float64(int32(math.Float32bits(float32(x[0])))) },
	expr:  func(x []*loop.Expr) *loop.Expr { return loop.E(loop.ToBits, x[0]) },
}.operator())
