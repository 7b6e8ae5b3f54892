package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// LogCosh is smooth everywhere, and grows like mae.
var LogCosh = Register(elementLoss{
	Operator: Operator{
		Name:    "log_cosh",
		Doc:     "The logarithm of the hyperbolic cosine of the difference: like half of mse near 0, like mae far from it, and smooth between.",
		Formula: "y = mean(ln cosh(pred - target))",
		Example: "loss = log_cosh(height, measured)",
		Samples: []Sample{{Args: f32Types(ir.S(7), ir.S(7)), NoGrad: true, Data: map[int][]float64{
			0: {200, -200, 1e-4, -1e-3, 0.999, 1.001, 0}, 1: {0, 0, 0, 0, 0, 0, 0}}}},
	},
	hint: "for classes use cross_entropy",
	value: func(x []float64, a ir.Attrs) float64 {
		d := math.Abs(x[0] - x[1])
		if d > 20 {
			return d - math.Ln2
		}
		return math.Log(math.Cosh(d))
	},
	expr: func(x []*loop.Expr, a ir.Attrs) *loop.Expr {
		// Near 0, where d - ln 2 would cancel, it is ln(1 + sinh² d) / 2, and sinh d = (e + e/(e+1))/2 with e = exp(d)-1.
		d := loop.E(loop.Abs, difference(x))
		e := loop.E(loop.Expm1, d)
		sinh := loop.E(loop.Mul, loop.E(loop.Add, e, loop.E(loop.Div, e, loop.E(loop.Add, e, loop.F(1)))), loop.F(0.5))
		near := loop.E(loop.Mul, loop.E(loop.Log1p, loop.E(loop.Mul, sinh, sinh)), loop.F(0.5))
		tail := loop.E(loop.Log1p, loop.E(loop.Exp, loop.E(loop.Mul, d, loop.F(-2))))
		far := loop.E(loop.Add, loop.E(loop.Sub, d, loop.F(math.Ln2)), tail)
		return loop.E(loop.Select, loop.E(loop.Less, d, loop.F(1)), near, far)
	},
	grad: func(b *Builder, x []*ir.Value, a ir.Attrs) (pred, target *ir.Value) {
		return b.both(b.apply("tanh", b.apply("sub", x[0], x[1])))
	},
}.operator())
