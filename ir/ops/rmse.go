package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// RMSE is the root of mse over a whole data set.
var RMSE = Register(elementLoss{
	Operator: Operator{
		Name:     "rmse",
		Doc:      "The root of the mean squared difference, over all examples: an error in the units of the target. For each batch it gives the mean, of which the root is taken at the end.",
		Formula:  "y = sqrt(mean((pred - target)^2))",
		Example:  "metric = rmse(height, measured)",
		Category: "metric",
		NoGrad:   "it is a number of a whole data set; train on mse",
		Metric:   &Metric{Reduce: "mean", Finish: "root", Falls: true},
	},
	whole: true,
	hint:  "for classes use accuracy",
	value: func(x []float64, a ir.Attrs) float64 { return (x[0] - x[1]) * (x[0] - x[1]) },
	expr: func(x []*loop.Expr, a ir.Attrs) *loop.Expr {
		d := difference(x)
		return loop.E(loop.Mul, d, d)
	},
}.operator())
