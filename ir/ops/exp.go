package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Exp is e to the x.
var Exp = Register(elementwise{
	Operator: Operator{
		Name:     "exp",
		Doc:      "e to the power of each element of an f32 tensor. Above about 88.7 the result is infinite.",
		Formula:  "y = exp(x)",
		Example:  "y = exp(x)",
		Category: "elementwise",
		Args:     unary,
		ONNX:     ONNX{Name: "Exp", Min: 6, Max: 25, Note: "f32 only"},
		Samples:  append(unarySamples(), inRange(unarySamples()[:1], -30, 5)...),
	},
	value: func(x []float64) float64 { return math.Exp(x[0]) },
	expr:  func(x []*loop.Expr) *loop.Expr { return loop.E(loop.Exp, x...) },
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return []*ir.Value{b.apply("mul", dy, y)}
	},
}.operator())
