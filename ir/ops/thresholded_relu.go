package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// ThresholdedReLU lets elements above a threshold through.
var ThresholdedReLU = Register(elementwise{
	Operator: Operator{
		Name:     "thresholded_relu",
		Doc:      "Elements above alpha pass, others become 0, and so does NaN.",
		Formula:  "y = x > alpha ? x : 0",
		Example:  "h = thresholded_relu(x, 0.5)",
		Category: "activation",
		Args:     unary,
		Attrs:    []AttrDef{{Name: "alpha", Doc: "the threshold", Default: 1.0}},
		ONNX:     ONNX{Name: "ThresholdedRelu", Min: 10, Max: 25, Attrs: map[string]string{"alpha": "alpha"}},
		Samples: append(withKinks(unarySamples()[1:], 0.02),
			Sample{Args: f32Types(ir.NS(7)), Attrs: ir.Attrs{{Name: "alpha", Value: 0.0}}, Kinks: 0.02}),
	},
	by: func(a ir.Attrs) elementwise {
		alpha := a.Float("alpha")
		return elementwise{
			value: func(x []float64) float64 {
				if x[0] > alpha {
					return x[0]
				}
				return 0
			},
			expr: func(x []*loop.Expr) *loop.Expr { return choose(less(loop.F(alpha), x[0]), x[0], loop.F(0)) },
			grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
				return []*ir.Value{b.where(b.apply("greater", x[0], b.scalar(alpha)), dy, b.scalar(0))}
			},
		}
	},
}.operator())
