package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// HardSigmoid is sigmoid made of straight lines.
var HardSigmoid = Register(elementwise{
	Operator: Operator{
		Name:     "hard_sigmoid",
		Doc:      "A straight line cut off at 0 and 1. With alpha=1/6 it is PyTorch's and Keras' hard sigmoid; the default is ONNX's.",
		Formula:  "y = min(max(alpha*x + beta, 0), 1)",
		Example:  "gate = hard_sigmoid(x)",
		Category: "activation",
		Args:     unary,
		Attrs: []AttrDef{
			{Name: "alpha", Doc: "the slope", Default: 0.2},
			{Name: "beta", Doc: "the value at 0", Default: 0.5},
		},
		ONNX: ONNX{Name: "HardSigmoid", Min: 6, Max: 25, Attrs: map[string]string{"alpha": "alpha", "beta": "beta"}},
		Samples: append(withKinks(inRange(unarySamples(), -7.3, 7.1), 0.02),
			withKinks(withAttrs(inRange(unarySamples()[:1], -7.3, 7.1), ir.Attr{Name: "alpha", Value: 1.0 / 6}), 0.02)...),
	},
	by: func(a ir.Attrs) elementwise {
		alpha, beta := a.Float("alpha"), a.Float("beta")
		return elementwise{
			value: func(x []float64) float64 {
				switch y := alpha*x[0] + beta; {
				case y < 0:
					return 0
				case y > 1:
					return 1
				default:
					return y
				}
			},
			expr: func(x []*loop.Expr) *loop.Expr {
				return clipped(plus(times(x[0], loop.F(alpha)), loop.F(beta)), 0, 1)
			},
			grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
				return []*ir.Value{b.where(b.between(y, 0, 1), b.scaled(dy, alpha), b.scalar(0))}
			},
		}
	},
}.operator())
