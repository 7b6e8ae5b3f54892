package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// exponentialUnit is x above 0 and scale*alpha*(exp(x/width) - 1) below, times scale above: what elu, selu and celu have in common.
func exponentialUnit(scale, alpha, width float64) elementwise {
	return elementwise{
		value: func(x []float64) float64 {
			if x[0] > 0 {
				return scale * x[0]
			}
			return scale * alpha * math.Expm1(x[0]/width)
		},
		expr: func(x []*loop.Expr) *loop.Expr {
			t, above := x[0], x[0]
			if width != 1 {
				t = over(t, loop.F(width))
			}
			if scale != 1 {
				above = times(above, loop.F(scale))
			}
			below := loop.E(loop.Expm1, t)
			if scale*alpha != 1 {
				below = times(below, loop.F(scale*alpha))
			}
			return choose(less(loop.F(0), x[0]), above, below)
		},
		// Below 0 the slope is scale*alpha*exp(x/width)/width, which the result tells.
		grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
			below := b.offset(y, scale*alpha)
			if width != 1 {
				below = b.scaled(below, 1/width)
			}
			return []*ir.Value{b.apply("mul", dy, b.where(b.apply("greater", x[0], b.scalar(0)), b.scalar(scale), below))}
		},
	}
}

// ELU is the exponential linear unit (Clevert et al., 2015).
var ELU = Register(elementwise{
	Operator: Operator{
		Name:     "elu",
		Doc:      "The exponential linear unit: positive elements pass, negative ones approach -alpha.",
		Formula:  "y = x > 0 ? x : alpha*(exp(x) - 1)",
		Example:  "h = x |> dense(64) |> elu",
		Category: "activation",
		Args:     unary,
		Attrs:    []AttrDef{{Name: "alpha", Doc: "what negative elements approach, with its sign turned", Default: 1.0}},
		ONNX:     ONNX{Name: "Elu", Min: 6, Max: 25, Attrs: map[string]string{"alpha": "alpha"}},
		Samples:  append(withKinks(unarySamples(), 0.02), withKinks(withAttrs(inRange(unarySamples()[:1], -30, 30), ir.Attr{Name: "alpha", Value: 0.7}), 0.02)...),
	},
	by: func(a ir.Attrs) elementwise { return exponentialUnit(1, a.Float("alpha"), 1) },
}.operator())
