package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Mish is x*tanh(softplus(x)) (Misra, 2019).
var Mish = Register(elementwise{
	Operator: Operator{
		Name:     "mish",
		Doc:      "x times the hyperbolic tangent of its softplus.",
		Formula:  "y = x * tanh(ln(1 + exp(x)))",
		Example:  "h = x |> dense(64) |> mish",
		Category: "activation",
		Args:     unary,
		ONNX:     ONNX{Name: "Mish", Min: 18, Max: 25},
		Samples:  append(unarySamples(), inRange(unarySamples()[:2], -25, 25)...),
	},
	value: func(x []float64) float64 {
		if x[0] < -700 {
			return 0
		}
		return x[0] * math.Tanh(math.Log1p(math.Exp(min(x[0], 100))))
	},
	// With e = exp(x) and n = e(e+2) the tangent is n/(n+2). Above 20 it is 1.
	expr: func(x []*loop.Expr) *loop.Expr {
		e := loop.E(loop.Exp, loop.E(loop.Min, x[0], loop.F(20)))
		n := times(e, plus(e, loop.F(2)))
		return times(lowest(x[0], -120), over(n, plus(n, loop.F(2))))
	},
	// The derivative of the tangent is 4(n+1)/(n+2)² times sigmoid(x).
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		near := b.within(x[0], -120, 20)
		e := b.apply("exp", near)
		n := b.apply("mul", e, b.offset(e, 2))
		two := b.offset(n, 2)
		steep := b.apply("div", b.scaled(b.offset(n, 1), 4), b.apply("square", two))
		slope := b.mul(near, steep, b.apply("sigmoid", near))
		return []*ir.Value{b.apply("mul", dy, b.apply("add", b.apply("div", n, two), slope))}
	},
}.operator())
