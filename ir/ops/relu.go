package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// ReLU is max(x, 0).
var ReLU = Register(elementwise{
	Operator: Operator{
		Name:     "relu",
		Doc:      "The rectified linear unit: positive elements pass, others become 0; NaN stays NaN. Its gradient at 0 is 0.",
		Formula:  "y = max(x, 0)",
		Example:  "h = x |> dense(64) |> relu",
		Category: "activation",
		Args:     unary,
		ONNX:     ONNX{Name: "Relu", Min: 6, Max: 25},
		Samples:  withKinks(unarySamples(), 0.02),
	},
	takes: numbers,
	value: func(x []float64) float64 {
		if x[0] < 0 {
			return 0
		}
		return x[0]
	},
	expr: func(x []*loop.Expr) *loop.Expr { return loop.E(loop.Max, x[0], like(x[0], 0)) },
	// The result tells as much as the operand, which then need not be kept for the backward part.
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return []*ir.Value{b.apply("relu_grad", dy, y)}
	},
}.operator())

// ReLUGrad passes a gradient where the result of relu is positive.
var ReLUGrad = Register(elementwise{
	Operator: Operator{
		Name:     "relu_grad",
		Doc:      "The gradient of relu: dy where y, the result of relu, is positive, else 0. No gradient flows to y.",
		Formula:  "dx = y > 0 ? dy : 0",
		Example:  "dx = relu_grad(dy, y)",
		Category: "gradient",
		Args:     []Arg{{Name: "dy", Doc: "any shape"}, {Name: "y", Doc: "the shape of dy"}},
		Internal: true,
		Samples:  withKinks([]Sample{{Args: f32Types(ir.NS(7), ir.NS(7))}, {Args: f32Types(ir.NS(3, 5, 2), ir.NS(3, 5, 2))}}, 0.02),
	},
	value: func(x []float64) float64 {
		if x[1] > 0 {
			return x[0]
		}
		return 0
	},
	expr: func(x []*loop.Expr) *loop.Expr { return choose(less(loop.F(0), x[1]), x[0], loop.F(0)) },
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return []*ir.Value{b.apply("relu_grad", dy, x[1]), nil}
	},
}.operator())
