package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// FromBits makes floating-point numbers of their bits.
var FromBits = Register(elementwise{
	Operator: Operator{
		Name:     "from_bits",
		Doc:      "The floating-point number whose 32 bits are those of a whole number: sign, 8 bits of exponent, and 23 of fraction.",
		Formula:  "y = number with the bits x",
		Example:  "x = from_bits(code)",
		Category: "elementwise",
		Args:     unary,
		NoGrad:   "it works on bits, which have no gradient",
		Samples: []Sample{{Args: []ir.Type{ir.T(ir.I32, ir.S(10))}, Data: map[int][]float64{
			0: {0, math.MinInt32, 0x3f800000, -0x40400000, 1, 0x7f800000, -0x800000, 0x7fc00000, 0x477fe000, 0x7f7fffff}}}},
	},
	takes: []ir.DType{ir.I32},
	gives: ir.F32,
	value: func(x []float64) float64 { return float64(math.Float32frombits(uint32(int32(x[0])))) },
	expr:  func(x []*loop.Expr) *loop.Expr { return loop.E(loop.FromBits, x[0]) },
}.operator())
