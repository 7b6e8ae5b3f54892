package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// MAE is a loss of regression that outliers move less.
var MAE = Register(elementLoss{
	Operator: Operator{
		Name:    "mae",
		Doc:     "The mean, over all elements of the batch, of the absolute difference: a loss of regression that outliers move less than mse. Its gradient at 0 is 0.",
		Formula: "y = mean(|pred - target|)",
		Example: "loss = mae(height, measured)",
	},
	hint:  "for classes use cross_entropy",
	kinks: 0.02,
	value: func(x []float64, a ir.Attrs) float64 { return math.Abs(x[0] - x[1]) },
	expr:  func(x []*loop.Expr, a ir.Attrs) *loop.Expr { return loop.E(loop.Abs, difference(x)) },
	grad: func(b *Builder, x []*ir.Value, a ir.Attrs) (pred, target *ir.Value) {
		return b.both(b.apply("sign", b.apply("sub", x[0], x[1])))
	},
}.operator())
