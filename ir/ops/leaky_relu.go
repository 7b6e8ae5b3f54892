package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// LeakyReLU lets a part of negative elements through.
var LeakyReLU = Register(elementwise{
	Operator: Operator{
		Name:     "leaky_relu",
		Doc:      "Positive elements pass, negative ones are multiplied by alpha. Its gradient at 0 is 1.",
		Formula:  "y = x < 0 ? alpha*x : x",
		Example:  "h = x |> dense(64) |> leaky_relu(0.1)",
		Category: "activation",
		Args:     unary,
		Attrs:    []AttrDef{{Name: "alpha", Doc: "the slope below 0", Default: 0.01}},
		ONNX:     ONNX{Name: "LeakyRelu", Min: 6, Max: 25, Attrs: map[string]string{"alpha": "alpha"}},
		Samples: append(withKinks(unarySamples(), 0.02),
			Sample{Args: f32Types(ir.NS(7)), Attrs: ir.Attrs{{Name: "alpha", Value: -0.3}}, Kinks: 0.02},
			Sample{Args: f32Types(ir.NS(7)), Attrs: ir.Attrs{{Name: "alpha", Value: 0.0}}, Kinks: 0.02}),
	},
	by: func(a ir.Attrs) elementwise {
		alpha := a.Float("alpha")
		return elementwise{
			value: func(x []float64) float64 {
				if x[0] < 0 {
					return alpha * x[0]
				}
				return x[0]
			},
			expr: func(x []*loop.Expr) *loop.Expr {
				return choose(less(x[0], loop.F(0)), times(x[0], loop.F(alpha)), x[0])
			},
			grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
				return []*ir.Value{b.where(b.apply("less", x[0], b.scalar(0)), b.scaled(dy, alpha), dy)}
			},
		}
	},
}.operator())
