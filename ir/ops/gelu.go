package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// GELU is the Gaussian error linear unit (Hendrycks, Gimpel, 2016).
var GELU = Register(elementwise{
	Operator: Operator{
		Name: "gelu",
		Doc: "The Gaussian error linear unit: x times the probability that a normal number is below x. approximate=\"tanh\" is the approximation that some networks were trained with. " +
			"The error is below 10ε absolute and 5ε relative together.",
		Formula:  "y = x * (1 + erf(x/sqrt(2))) / 2",
		Example:  "h = x |> dense(64) |> gelu",
		Category: "activation",
		Args:     unary,
		Attrs:    []AttrDef{{Name: "approximate", Doc: "none, or tanh for x*(1 + tanh(sqrt(2/π)*(x + 0.044715x³)))/2", Default: "none", Values: []string{"none", "tanh"}}},
		ONNX:     ONNX{Name: "Gelu", Min: 20, Max: 25, Attrs: map[string]string{"approximate": "approximate"}},
		Samples: append(append(unarySamples(), inRange(unarySamples()[:2], -9, 9)...),
			withAttrs(append(unarySamples(), inRange(unarySamples()[:2], -9, 9)...), ir.Attr{Name: "approximate", Value: "tanh"})...),
	},
	by: func(a ir.Attrs) elementwise {
		if a.Str("approximate") == "tanh" {
			return geluTanh()
		}
		return geluExact()
	},
}.operator())

// lowest keeps the factor x of products such as x*sigmoid(x) finite where the other factor has become 0.
func lowest(x *loop.Expr, least float64) *loop.Expr { return loop.E(loop.Max, x, loop.F(least)) }

func geluExact() elementwise {
	return elementwise{
		value: func(x []float64) float64 {
			if x[0] < -38 {
				return 0
			}
			return x[0] * 0.5 * math.Erfc(-x[0]/math.Sqrt2)
		},
		expr: func(x []*loop.Expr) *loop.Expr {
			p := plus(loop.E(loop.Erf, times(x[0], loop.F(math.Sqrt2/2))), loop.F(1))
			return times(times(lowest(x[0], -38), loop.F(0.5)), p)
		},
		// The probability, and x times its density.
		grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
			p := b.scaled(b.offset(b.apply("erf", b.scaled(x[0], math.Sqrt2/2)), 1), 0.5)
			near := b.within(x[0], -38, 38)
			density := b.scaled(b.apply("exp", b.scaled(b.apply("square", near), -0.5)), 1/math.Sqrt(2*math.Pi))
			return []*ir.Value{b.apply("mul", dy, b.apply("add", p, b.apply("mul", near, density)))}
		},
	}
}

func geluTanh() elementwise {
	const c, cube = 0.7978845608028654, 0.044715 // sqrt(2/π)
	return elementwise{
		value: func(x []float64) float64 {
			if x[0] < -38 {
				return 0
			}
			return x[0] / (1 + math.Exp(-2*c*(x[0]+cube*x[0]*x[0]*x[0])))
		},
		expr: func(x []*loop.Expr) *loop.Expr {
			square := times(x[0], x[0])
			t := loop.E(loop.Tanh, times(times(x[0], loop.F(c)), plus(times(square, loop.F(cube)), loop.F(1))))
			return times(times(lowest(x[0], -38), loop.F(0.5)), plus(t, loop.F(1)))
		},
		grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
			near := b.within(x[0], -38, 38)
			square := b.apply("square", near)
			t := b.apply("tanh", b.apply("mul", b.scaled(near, c), b.offset(b.scaled(square, cube), 1)))
			slope := b.mul(b.scaled(near, c/2), b.complement(t), b.offset(b.scaled(square, 3*cube), 1))
			return []*ir.Value{b.apply("mul", dy, b.apply("add", b.scaled(b.offset(t, 1), 0.5), slope))}
		},
	}
}
