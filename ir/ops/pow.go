package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Pow is a to the power of b.
var Pow = Register(elementwise{
	Operator: Operator{
		Name: "pow",
		Doc: "a to the power of b, element by element, with C's special cases: 1 where b is 0 or a is 1, NaN of a negative number to a fraction. The error is at most 2 ULP. " +
			"Whole numbers wrap around; to a negative power they give 1/a^b towards zero.",
		Formula:  "y = a^b",
		Example:  "y = pow(x, 3)",
		Category: "elementwise",
		Args:     binary,
		ONNX:     ONNX{Name: "Pow", Min: 7, Max: 25, Note: "an exponent of another type is cast"},
		Samples: append(inRangeOf(broadcastSamples(), 0, 0.3, 3), intSample(),
			Sample{Args: f32Types(ir.NS(5), nil), Range: map[int][2]float64{0: {-2, 2}}, Data: map[int][]float64{1: {3}}, NoGrad: true}),
	},
	takes: numbers,
	value: func(x []float64) float64 { return math.Pow(x[0], x[1]) },
	ints: func(x []int64) int64 {
		switch {
		case x[1] >= 0:
			y := int32(1)
			for n, p := x[1], int32(x[0]); n > 0; n, p = n/2, p*p {
				if n%2 == 1 {
					y *= p
				}
			}
			return int64(y)
		case x[0] == 1 || x[0] == -1 && x[1]%2 == 0:
			return 1
		case x[0] == -1:
			return -1
		}
		return 0
	},
	expr: func(x []*loop.Expr) *loop.Expr {
		if x[0].Type == ir.I32 {
			return wholePower(x[0], x[1])
		}
		return loop.E(loop.Pow, x...)
	},
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		zero := b.scalar(0)
		da := b.mul(dy, x[1], b.apply("pow", x[0], b.offset(x[1], -1)))
		db := b.mul(dy, y, b.apply("log", x[0]))
		return []*ir.Value{b.where(b.apply("equal", x[1], zero), zero, da), b.where(b.apply("equal", x[0], zero), zero, db)}
	},
}.operator())

// wholePower multiplies the squares of a that the bits of b name.
func wholePower(a, b *loop.Expr) *loop.Expr {
	zero, one := loop.I(0), loop.I(1)
	has := func(k int) *loop.Expr { return loop.E(loop.NotEq, loop.E(loop.And, b, loop.I(1<<k)), zero) }
	y, p := choose(has(0), a, one), a
	for k := 1; k < 31; k++ {
		p = times(p, p)
		y = times(y, choose(has(k), p, one)) // y first, so that few values are live at once
	}
	below := choose(has(0), a, one) // of 1 and -1
	unit := loop.E(loop.Or, loop.E(loop.Eq, a, one), loop.E(loop.Eq, a, loop.I(-1)))
	return choose(less(b, zero), choose(unit, below, zero), y)
}

// inRangeOf draws one operand of every sample from an interval.
func inRangeOf(list []Sample, operand int, lo, hi float64) []Sample {
	for i := range list {
		list[i].Range = map[int][2]float64{operand: {lo, hi}}
	}
	return list
}
