package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Exp2 is 2 to the x.
var Exp2 = Register(elementwise{
	Operator: Operator{
		Name:     "exp2",
		Doc:      "2 to the power of each element. The error is at most 2 ULP.",
		Formula:  "y = 2^x",
		Example:  "y = exp2(octave)",
		Category: "elementwise",
		Args:     unary,
		ONNX:     ONNX{Note: "written as Pow of 2"},
		Samples:  append(unarySamples(), inRange(unarySamples()[:1], -30, 5)...),
	},
	value: func(x []float64) float64 { return math.Exp2(x[0]) },
	expr:  func(x []*loop.Expr) *loop.Expr { return exp2(x[0]) },
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return []*ir.Value{b.scaled(b.apply("mul", dy, y), math.Ln2)}
	},
}.operator())

// exp2 splits x into a whole number and a rest of at most one half. The power of the first is applied in two steps, so that subnormal results
// are exact and large ones become infinite.
func exp2(x *loop.Expr) *loop.Expr {
	x = loop.E(loop.Max, loop.E(loop.Min, x, loop.F(129)), loop.F(-151))
	n := loop.E(loop.Round, x)
	y := loop.E(loop.Exp, times(minus(x, n), loop.F(math.Ln2)))
	half := loop.E(loop.ToI32, loop.E(loop.Floor, times(n, loop.F(0.5))))
	power := func(k *loop.Expr) *loop.Expr {
		return loop.E(loop.FromBits, loop.E(loop.Shl, plus(k, loop.I(127)), loop.I(23)))
	}
	return times(times(y, power(half)), power(minus(loop.E(loop.ToI32, n), half)))
}
