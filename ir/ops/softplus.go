package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Softplus is a smooth relu.
var Softplus = Register(elementwise{
	Operator: Operator{
		Name:     "softplus",
		Doc:      "A smooth form of relu, which is positive everywhere; exact also where exp(x) would overflow.",
		Formula:  "y = ln(1 + exp(x))",
		Example:  "scale = x |> dense(1) |> softplus",
		Category: "activation",
		Args:     unary,
		ONNX:     ONNX{Name: "Softplus", Min: 1, Max: 25},
		Samples:  append(unarySamples(), inRange(unarySamples()[:2], -40, 40)...),
	},
	value: func(x []float64) float64 {
		if x[0] > 40 {
			return x[0]
		}
		return math.Log1p(math.Exp(x[0]))
	},
	expr: func(x []*loop.Expr) *loop.Expr {
		away := loop.E(loop.Exp, loop.E(loop.Neg, loop.E(loop.Abs, x[0])))
		return plus(loop.E(loop.Max, x[0], loop.F(0)), loop.E(loop.Log1p, away))
	},
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return []*ir.Value{b.apply("mul", dy, b.apply("sigmoid", x[0]))}
	},
}.operator())
