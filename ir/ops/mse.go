package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// MSE is the usual loss of regression.
var MSE = Register(elementLoss{
	Operator: Operator{
		Name:    "mse",
		Doc:     "The loss of regression: the mean, over all elements of the batch, of the squared difference. Both operands have the same shape; nothing broadcasts.",
		Formula: "y = mean((pred - target)^2)",
		Example: "loss = mse(height, measured)",
		ONNX:    ONNX{Note: "written as Sub, Mul and ReduceMean"},
	},
	hint:  "for classes use cross_entropy",
	value: func(x []float64, a ir.Attrs) float64 { return (x[0] - x[1]) * (x[0] - x[1]) },
	expr: func(x []*loop.Expr, a ir.Attrs) *loop.Expr {
		d := difference(x)
		return loop.E(loop.Mul, d, d)
	},
	grad: func(b *Builder, x []*ir.Value, a ir.Attrs) (pred, target *ir.Value) {
		d := b.apply("sub", x[0], x[1])
		return b.both(b.apply("add", d, d))
	},
}.operator())
