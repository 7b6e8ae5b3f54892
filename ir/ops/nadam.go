package ops

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// NAdam is Adam with Nesterov momentum.
var NAdam = Register(optimizer{
	Operator: Operator{
		Name: "nadam",
		Doc: "NAdam (Dozat, Incorporating Nesterov Momentum into Adam, 2016) with PyTorch's schedule of the momentum μ. " +
			"The rate is the scalar lr of the step; t counts updates from 1.",
		Formula: "μ_t = beta1*(1 - 0.96^(t*momentum_decay)/2); w = w - lr*((1-μ_t)/(1-Π_{i≤t} μ_i) * g + μ_{t+1}/(1-Π_{i≤t+1} μ_i) * m) / (sqrt(v)/sqrt(1-beta2^t) + eps)",
		Example: "optimizer = nadam(lr=0.002)",
		Rate:    0.002,
		Attrs:   append(momentAttrs(0.999, 1e-8), AttrDef{Name: "momentum_decay", Doc: "how fast the momentum rises to beta1, 0 or more", Default: 0.004}),
		States:  moments,
		Scalars: func(a ir.Attrs) []StepScalar {
			// The momentum of update t, or t+1.
			mu := func(t string) string {
				return fmt.Sprintf("1 0.96 %s %v * pow 2 / - %v *", t, a.Float("momentum_decay"), a.Float("beta1"))
			}
			product := "last " + mu("t") + " *"
			return []StepScalar{
				momentRests(a)[1],
				{"product", product},
				{"now", "1 " + mu("t") + " -"},
				{"next", mu("t 1 +")},
			}
		},
	},
	check: func(a ir.Attrs) error {
		if x := a.Float("momentum_decay"); !(x >= 0 && x < 1e6) {
			return WithNote("0.004 is usual", "nadam needs a momentum_decay of 0 or more, not %v", x)
		}
		return checkMoments("nadam")(a)
	},
	rule: func(a ir.Attrs, t, lr, w, g float64, kept []float64) float64 {
		b1, b2 := a.Float("beta1"), a.Float("beta2")
		mu := func(t float64) float64 { return b1 * (1 - math.Pow(0.96, t*a.Float("momentum_decay"))/2) }
		if t == 1 {
			kept[2] = 1
		}
		kept[0] = b1*kept[0] + (1-b1)*g
		kept[1] = b2*kept[1] + (1-b2)*g*g
		kept[2] *= mu(t)
		d := math.Sqrt(kept[1]/(1-math.Pow(b2, t))) + a.Float("eps")
		return w - lr*(1-mu(t))/(1-kept[2])*g/d - lr*mu(t+1)/(1-kept[2]*mu(t+1))*kept[0]/d
	},
	step: func(u *update) *loop.Expr {
		m, v := u.mean("m", "beta1", u.g), u.mean("v", "beta2", u.square())
		one, product := loop.F(1), u.scalar("product")
		now := loop.E(loop.Div, u.scalar("now"), loop.E(loop.Sub, one, product))
		next := loop.E(loop.Div, u.scalar("next"), loop.E(loop.Sub, one, loop.E(loop.Mul, product, u.scalar("next"))))
		dir := loop.E(loop.FMA, next, m, loop.E(loop.Mul, now, u.g))
		return u.descend(loop.E(loop.Div, dir, u.divisor(v)))
	},
	attrs: append([]ir.Attrs{{{Name: "momentum_decay", Value: 0.1}}}, momentSamples...),
}.operator())
