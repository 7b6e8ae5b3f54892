package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Adam is the optimizer of Kingma and Ba.
var Adam = Register(optimizer{
	Operator: Operator{
		Name: "adam",
		Doc: "Adam (Kingma and Ba, Adam: A Method for Stochastic Optimization, 2015). The rate is the scalar lr of the step; t counts updates from 1. " +
			"Both moments start at 0.",
		Formula:  "m = beta1*m + (1-beta1)*g; v = beta2*v + (1-beta2)*g²; w = w - lr/(1-beta1^t) * m / (sqrt(v)/sqrt(1-beta2^t) + eps)",
		Example:  "optimizer = adam(lr=0.001)",
		Rate:     0.001,
		Momentum: "beta1",
		Attrs:    momentAttrs(0.999, 1e-8),
		States:   moments,
		Scalars:  momentRests,
	},
	check: checkMoments("adam"),
	rule:  adamRule,
	step: func(u *update) *loop.Expr {
		return u.adamStep(u.mean("m", "beta1", u.g), u.mean("v", "beta2", u.square()))
	},
	attrs: append([]ir.Attrs{{{Name: "beta1", Value: 0.0}, {Name: "eps", Value: 0.01}}}, momentSamples...),
}.operator())
