package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// AMSGrad is Adam with a second moment that never shrinks.
var AMSGrad = Register(optimizer{
	Operator: Operator{
		Name: "amsgrad",
		Doc: "AMSGrad (Reddi, Kale and Kumar, On the Convergence of Adam and Beyond, 2018): Adam that divides by the greatest second moment so far. " +
			"The rate is the scalar lr of the step; t counts updates from 1.",
		Formula:  "m, v as in adam; s = max(s, v); w = w - lr/(1-beta1^t) * m / (sqrt(s)/sqrt(1-beta2^t) + eps)",
		Example:  "optimizer = amsgrad(lr=0.001)",
		Rate:     0.001,
		Momentum: "beta1",
		Attrs:    momentAttrs(0.999, 1e-8),
		States:   func(ir.Attrs) []string { return []string{"m", "v", "max_v"} },
		Scalars:  momentRests,
	},
	check: checkMoments("amsgrad"),
	rule: func(a ir.Attrs, t, lr, w, g float64, kept []float64) float64 {
		b1, b2 := a.Float("beta1"), a.Float("beta2")
		kept[0] = b1*kept[0] + (1-b1)*g
		kept[1] = b2*kept[1] + (1-b2)*g*g
		kept[2] = max(kept[2], kept[1])
		return w - lr*kept[0]/(1-math.Pow(b1, t))/(math.Sqrt(kept[2]/(1-math.Pow(b2, t)))+a.Float("eps"))
	},
	step: func(u *update) *loop.Expr {
		m, v := u.mean("m", "beta1", u.g), u.mean("v", "beta2", u.square())
		most := loop.E(loop.Max, u.read(loop.State, "max_v"), v)
		u.write(loop.State, "max_v", most)
		return u.adamStep(m, most)
	},
	attrs: momentSamples,
}.operator())
