package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// periodic is an operator on angles.
func periodic(o Operator, value func(float64) float64, expr func(x []*loop.Expr) *loop.Expr,
	grad func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value) *Operator {
	o.Category = "elementwise"
	o.Args = unary
	o.Samples = append(inRange(unarySamples(), -1.4, 1.4), inRange(unarySamples()[:2], 1.7, 4.6)...)
	return elementwise{Operator: o, value: func(x []float64) float64 { return value(x[0]) }, expr: expr, grad: grad}.operator()
}

// Sin is the sine.
var Sin = Register(periodic(Operator{
	Name:    "sin",
	Doc:     "The sine of an angle in radians; NaN of infinities. The error is at most 2 ULP for |x| up to 1e5; beyond, it grows with x, and from about 4e6 on nothing but -1 ≤ y ≤ 1 is sure.",
	Formula: "y = sin(x)",
	Example: "y = sin(angle)",
	ONNX:    ONNX{Name: "Sin", Min: 7, Max: 25},
}, math.Sin, node(loop.Sin), func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
	return []*ir.Value{b.apply("mul", dy, b.apply("cos", x[0]))}
}))
