package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Log is the natural logarithm.
var Log = Register(elementwise{
	Operator: Operator{
		Name:     "log",
		Doc:      "The natural logarithm of an f32 tensor, element by element; minus infinity at 0, NaN below.",
		Formula:  "y = ln(x)",
		Example:  "y = log(x)",
		Category: "elementwise",
		Args:     unary,
		ONNX:     ONNX{Name: "Log", Min: 6, Max: 25, Note: "f32 only"},
		Samples:  inRange(unarySamples(), 0.3, 5),
	},
	value: func(x []float64) float64 { return math.Log(x[0]) },
	expr:  func(x []*loop.Expr) *loop.Expr { return loop.E(loop.Log, x...) },
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return []*ir.Value{b.apply("div", dy, x[0])}
	},
}.operator())
