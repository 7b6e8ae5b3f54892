package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Softsign is x/(1+|x|).
var Softsign = Register(elementwise{
	Operator: Operator{
		Name:     "softsign",
		Doc:      "Maps any number into -1 … 1, more slowly than tanh.",
		Formula:  "y = x / (1 + |x|)",
		Example:  "h = x |> dense(64) |> softsign",
		Category: "activation",
		Args:     unary,
		ONNX:     ONNX{Name: "Softsign", Min: 1, Max: 25},
		Samples:  append(withKinks(unarySamples(), 0.001), inRange(unarySamples()[:1], 1, 200)...),
	},
	value: func(x []float64) float64 {
		if math.IsInf(x[0], 0) {
			return math.Copysign(1, x[0])
		}
		return x[0] / (1 + math.Abs(x[0]))
	},
	// From 2^25 on the quotient is 1; beyond 1e10, infinity included, any number gives it.
	expr: func(x []*loop.Expr) *loop.Expr {
		t := clipped(x[0], -1e10, 1e10)
		return over(t, plus(loop.E(loop.Abs, t), loop.F(1)))
	},
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return []*ir.Value{b.apply("div", dy, b.apply("square", b.offset(b.apply("abs", x[0]), 1)))}
	},
}.operator())
