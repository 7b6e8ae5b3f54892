package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// LAMB is Adam with a step for each parameter that is proportional to its norm.
var LAMB = Register(optimizer{
	Operator: Operator{
		Name: "lamb",
		Doc: "LAMB (You et al., Large Batch Optimization for Deep Learning, 2020), for large batches: the step of each parameter is as long as the rate times the parameter's norm; " +
			"where one of the norms is 0, the ratio is 1. The rate is the scalar lr of the step; t counts updates from 1.",
		Formula:  "u = m/(1-beta1^t) / (sqrt(v)/sqrt(1-beta2^t) + eps) + weight_decay*w, with m and v as in adam; w = w - lr * |w|/|u| * u",
		Example:  "optimizer = lamb(lr=0.001, weight_decay=0.01)",
		Rate:     0.001,
		Momentum: "beta1",
		Attrs:    momentAttrs(0.999, 1e-6),
		States:   moments,
		Scalars:  momentRests,
	},
	decoupled: true,
	check:     checkMoments("lamb"),
	rule: func(a ir.Attrs, t, lr, w, g float64, kept []float64) float64 {
		b1, b2 := a.Float("beta1"), a.Float("beta2")
		kept[0] = b1*kept[0] + (1-b1)*g
		kept[1] = b2*kept[1] + (1-b2)*g*g
		return kept[0] / (1 - math.Pow(b1, t)) / (math.Sqrt(kept[1]/(1-math.Pow(b2, t))) + a.Float("eps"))
	},
	direct: func(u *update) *loop.Expr {
		m, v := u.mean("m", "beta1", u.g), u.mean("v", "beta2", u.square())
		scale := loop.E(loop.Div, loop.F(1), u.scalar("rest1"))
		dir := loop.E(loop.Div, loop.E(loop.Mul, m, scale), u.divisor(v))
		if u.decay != 0 {
			dir = loop.E(loop.FMA, loop.F(u.decay), u.w, dir)
		}
		return dir
	},
	attrs: momentSamples,
}.operator())
