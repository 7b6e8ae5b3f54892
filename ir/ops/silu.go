package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// SiLU is x*sigmoid(x), also called swish (Elfwing et al., 2017).
var SiLU = Register(elementwise{
	Operator: Operator{
		Name:     "silu",
		Doc:      "The sigmoid linear unit, also called swish: x times its sigmoid.",
		Formula:  "y = x / (1 + exp(-x))",
		Example:  "h = x |> dense(64) |> silu",
		Category: "activation",
		Args:     unary,
		ONNX:     ONNX{Name: "Swish", Min: 24, Max: 25, Note: "alpha=1"},
		Samples:  append(unarySamples(), inRange(unarySamples()[:2], -20, 20)...),
	},
	value: func(x []float64) float64 {
		if x[0] < -700 {
			return 0
		}
		return x[0] / (1 + math.Exp(-x[0]))
	},
	expr: func(x []*loop.Expr) *loop.Expr { return times(lowest(x[0], -120), loop.E(loop.Sigmoid, x[0])) },
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		s := b.apply("sigmoid", x[0])
		rest := b.apply("mul", y, b.apply("sub", b.scalar(1), s))
		return []*ir.Value{b.apply("mul", dy, b.apply("add", s, rest))}
	},
}.operator())
