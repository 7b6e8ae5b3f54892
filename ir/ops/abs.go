package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Abs is |x|.
var Abs = Register(elementwise{
	Operator: Operator{
		Name:     "abs",
		Doc:      "The absolute value of an f32 tensor, element by element. Its gradient at 0 is 0.",
		Formula:  "y = |x|",
		Example:  "y = abs(x)",
		Category: "elementwise",
		Args:     unary,
		ONNX:     ONNX{Name: "Abs", Min: 6, Max: 25, Note: "f32 only"},
		Samples:  withKinks(unarySamples(), 0.02),
	},
	value: func(x []float64) float64 { return math.Abs(x[0]) },
	expr:  func(x []*loop.Expr) *loop.Expr { return loop.E(loop.Abs, x...) },
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return []*ir.Value{b.apply("mul", dy, b.apply("sign", x[0]))}
	},
}.operator())
