package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// GD is gradient descent.
var GD = Register(optimizer{
	Operator: Operator{
		Name: "gd",
		Doc: "Gradient descent: every parameter moves against its gradient. With a batch of all examples it is the textbook's; with less, sgd without momentum. " +
			"The rate is the scalar lr of the step.",
		Formula: "w = w - lr*g",
		Example: "optimizer = gd(lr=0.1)",
		Rate:    0.01,
	},
	rule: func(a ir.Attrs, t, lr, w, g float64, kept []float64) float64 { return w - lr*g },
	step: func(u *update) *loop.Expr { return u.descend(u.g) },
}.operator())
