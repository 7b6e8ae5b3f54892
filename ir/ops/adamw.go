package ops

import (
	"github.com/dlc-ml/dlc/ir/loop"
)

// AdamW is Adam with decoupled weight decay.
var AdamW = Register(optimizer{
	Operator: Operator{
		Name: "adamw",
		Doc: "AdamW (Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019): Adam whose weight decay does not pass through the moments. " +
			"The rate is the scalar lr of the step; t counts updates from 1.",
		Formula:  "w = w*(1 - lr*weight_decay), then as adam",
		Example:  "optimizer = adamw(lr=0.001, weight_decay=0.01)",
		Rate:     0.001,
		Momentum: "beta1",
		Attrs:    momentAttrs(0.999, 1e-8),
		States:   moments,
		Scalars:  momentRests,
	},
	decay: 0.01, decoupled: true,
	check: checkMoments("adamw"),
	rule:  adamRule,
	step: func(u *update) *loop.Expr {
		return u.adamStep(u.mean("m", "beta1", u.g), u.mean("v", "beta2", u.square()))
	},
	attrs: momentSamples,
}.operator())
