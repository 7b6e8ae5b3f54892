package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// ReLU6 is relu with a ceiling.
var ReLU6 = Register(elementwise{
	Operator: Operator{
		Name:     "relu6",
		Doc:      "The rectified linear unit with a ceiling of 6; NaN stays NaN. Its gradient at 0 and 6 is 0.",
		Formula:  "y = min(max(x, 0), 6)",
		Example:  "h = x |> conv2d(32, kernel=3) |> relu6",
		Category: "activation",
		Args:     unary,
		ONNX:     ONNX{Note: "written as Clip between 0 and 6"},
		Samples:  withKinks(inRange(unarySamples(), -4, 10.3), 0.02),
	},
	takes: numbers,
	value: func(x []float64) float64 {
		switch {
		case x[0] < 0:
			return 0
		case x[0] > 6:
			return 6
		}
		return x[0]
	},
	expr: func(x []*loop.Expr) *loop.Expr { return clipped(x[0], 0, 6) },
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return []*ir.Value{b.where(b.between(y, 0, 6), dy, b.scalar(0))}
	},
}.operator())

// between says where lo < x < hi.
func (b *Builder) between(x *ir.Value, lo, hi float64) *ir.Value {
	return b.apply("logical_and", b.apply("greater", x, b.scalar(lo)), b.apply("less", x, b.scalar(hi)))
}
