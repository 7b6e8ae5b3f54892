package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// inverse is an operator that takes an interval only.
func inverse(o Operator, lo, hi float64, value func(float64) float64, expr func(x *loop.Expr) *loop.Expr,
	slope func(b *Builder, x *ir.Value) *ir.Value) *Operator {
	o.Category = "elementwise"
	o.Args = unary
	o.Samples = inRange(unarySamples(), lo, hi)
	return elementwise{
		Operator: o,
		value:    func(x []float64) float64 { return value(x[0]) },
		expr:     func(x []*loop.Expr) *loop.Expr { return expr(x[0]) },
		grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
			return []*ir.Value{b.apply("mul", dy, slope(b, x[0]))}
		},
	}.operator()
}

// complement is (1-x)(1+x), which is 1-x² without its cancellation.
func complement(x *loop.Expr) *loop.Expr {
	return times(minus(loop.F(1), x), plus(loop.F(1), x))
}

// complement does the same for gradients.
func (b *Builder) complement(x *ir.Value) *ir.Value {
	return b.apply("mul", b.apply("sub", b.scalar(1), x), b.offset(x, 1))
}

// Asin is the inverse of the sine.
var Asin = Register(inverse(Operator{
	Name:    "asin",
	Doc:     "The angle, within -π/2 … π/2, whose sine is given; NaN outside -1 … 1. The error is at most 4 ULP.",
	Formula: "y = arcsin(x)",
	Example: "angle = asin(height)",
	ONNX:    ONNX{Name: "Asin", Min: 7, Max: 25},
}, -0.9, 0.9, math.Asin,
	func(x *loop.Expr) *loop.Expr { return loop.E(loop.Atan, over(x, loop.E(loop.Sqrt, complement(x)))) },
	func(b *Builder, x *ir.Value) *ir.Value { return b.apply("rsqrt", b.complement(x)) }))
