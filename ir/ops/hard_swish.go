package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// HardSwish is silu made of a straight line and a parabola (Howard et al., "Searching for MobileNetV3", 2019).
var HardSwish = Register(elementwise{
	Operator: Operator{
		Name:     "hard_swish",
		Doc:      "x times a straight line through 1/2 that is cut off at 0 and 1: 0 up to -3, x from 3 on, a parabola between.",
		Formula:  "y = x * min(max(x/6 + 1/2, 0), 1)",
		Example:  "h = x |> conv2d(16, kernel=3) |> hard_swish",
		Category: "activation",
		Args:     unary,
		ONNX:     ONNX{Name: "HardSwish", Min: 14, Max: 25},
		Samples:  withKinks(inRange(unarySamples(), -6.3, 6.1), 0.02),
	},
	value: func(x []float64) float64 {
		switch {
		case x[0] <= -3:
			return 0
		case x[0] >= 3:
			return x[0]
		}
		return x[0] * (x[0] + 3) / 6
	},
	expr: func(x []*loop.Expr) *loop.Expr {
		gate := clipped(plus(times(x[0], loop.F(1.0/6)), loop.F(0.5)), 0, 1)
		return times(lowest(x[0], -3), gate)
	},
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		inside := b.offset(b.scaled(x[0], 1.0/3), 0.5)
		slope := b.where(b.apply("less", x[0], b.scalar(3)), inside, b.scalar(1))
		return []*ir.Value{b.where(b.apply("greater", x[0], b.scalar(-3)), b.apply("mul", dy, slope), b.scalar(0))}
	},
}.operator())
