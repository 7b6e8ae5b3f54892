package ops

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// RAdam is Adam whose adaptive rate waits for a sure second moment.
var RAdam = Register(optimizer{
	Operator: Operator{
		Name: "radam",
		Doc: "RAdam (Liu et al., On the Variance of the Adaptive Learning Rate and Beyond, 2020): Adam that rectifies its rate by the variance of the second moment, " +
			"and does without that moment in the first steps. The rate is the scalar lr of the step; t counts updates from 1.",
		Formula: "ρ∞ = 2/(1-beta2) - 1; ρ = ρ∞ - 2t*beta2^t/(1-beta2^t); r = sqrt((ρ-4)(ρ-2)ρ∞ / ((ρ∞-4)(ρ∞-2)ρ)); " +
			"w = w - lr/(1-beta1^t) * m * (ρ > 5 ? r*sqrt(1-beta2^t)/(sqrt(v)+eps) : 1)",
		Example: "optimizer = radam(lr=0.001)",
		Rate:    0.001,
		Attrs:   momentAttrs(0.999, 1e-8),
		States:  moments,
		Scalars: func(a ir.Attrs) []StepScalar {
			b := a.Float("beta2")
			far := 2/(1-b) - 1
			near := fmt.Sprintf("%v 2 t * %v t pow * %s / -", far, b, rest(b))
			// Below 5 the root may be of a negative number, so both factors are kept from it.
			part := fmt.Sprintf("%s 4 - 0 max %s 2 - 0 max * %v * %v %s * /", near, near, far, (far-4)*(far-2), near)
			return []StepScalar{
				momentRests(a)[0],
				{"rectified", fmt.Sprintf("5 %s %s %s * sqrt 0 less", near, part, rest(b))},
			}
		},
	},
	check: func(a ir.Attrs) error {
		if x := a.Float("beta2"); 2/(1-x)-1 <= 5 {
			return WithNote("0.999 is usual", "radam needs a beta2 above 0.67, not %v", x)
		}
		return checkMoments("radam")(a)
	},
	rule: func(a ir.Attrs, t, lr, w, g float64, kept []float64) float64 {
		b1, b2 := a.Float("beta1"), a.Float("beta2")
		kept[0] = b1*kept[0] + (1-b1)*g
		kept[1] = b2*kept[1] + (1-b2)*g*g
		power := math.Pow(b2, t)
		far := 2/(1-b2) - 1
		near := far - 2*t*power/(1-power)
		m := kept[0] / (1 - math.Pow(b1, t))
		if near <= 5 {
			return w - lr*m
		}
		r := math.Sqrt((near - 4) * (near - 2) * far / ((far - 4) * (far - 2) * near))
		return w - lr*m*r*math.Sqrt(1-power)/(math.Sqrt(kept[1])+a.Float("eps"))
	},
	step: func(u *update) *loop.Expr {
		m, v := u.mean("m", "beta1", u.g), u.mean("v", "beta2", u.square())
		r := u.scalar("rectified")
		scale := loop.E(loop.Select, loop.E(loop.Less, loop.F(0), r),
			loop.E(loop.Div, r, loop.E(loop.Add, loop.E(loop.Sqrt, v), u.float("eps"))), loop.F(1))
		size := loop.E(loop.Neg, loop.E(loop.Div, u.rate, u.scalar("rest1")))
		return loop.E(loop.FMA, size, loop.E(loop.Mul, m, scale), u.w)
	},
	attrs: []ir.Attrs{{}, {{Name: "beta2", Value: 0.9}}},
}.operator())
