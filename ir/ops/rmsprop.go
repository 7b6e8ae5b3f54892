package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// RMSProp divides the gradient by a mean of its magnitude.
var RMSProp = Register(optimizer{
	Operator: Operator{
		Name: "rmsprop",
		Doc: "RMSProp (Hinton, Neural Networks for Machine Learning, lecture 6e, 2012), with momentum and centered by the mean gradient (Graves, 2013) if wanted. " +
			"The rate is the scalar lr of the step and stands outside of the velocity; the conventions are PyTorch's.",
		Formula: "v = alpha*v + (1-alpha)*g²; a = centered: alpha*a + (1-alpha)*g, else 0; d = g / (sqrt(v - a²) + eps); b = momentum*b + d; w = w - lr*b",
		Example: "optimizer = rmsprop(lr=0.01)",
		Rate:    0.01, Momentum: "momentum",
		Attrs: []AttrDef{
			{Name: "alpha", Doc: "what is kept of the mean squared gradient from step to step, from 0 up to but not 1", Default: 0.99},
			{Name: "eps", Doc: "added to the divisor, above 0", Default: 1e-8},
			{Name: "momentum", Doc: "what is kept of the velocity from step to step, from 0 up to but not 1", Default: 0.0},
			{Name: "centered", Doc: "whether to divide by the deviation from the mean gradient", Default: false},
		},
		States: func(a ir.Attrs) []string {
			list := []string{"v"}
			if a.Bool("centered") {
				list = append(list, "mean")
			}
			if a.Float("momentum") != 0 {
				list = append(list, "momentum")
			}
			return list
		},
	},
	check: func(a ir.Attrs) error {
		if err := within("rmsprop", a, 0, 1, "0.9", "alpha", "momentum"); err != nil {
			return err
		}
		return positive("rmsprop", a, "1e-8", "eps")
	},
	rule: func(a ir.Attrs, t, lr, w, g float64, kept []float64) float64 {
		alpha, mean := a.Float("alpha"), 0.0
		kept[0] = alpha*kept[0] + (1-alpha)*g*g
		if a.Bool("centered") {
			kept[1] = alpha*kept[1] + (1-alpha)*g
			mean = kept[1]
		}
		kept[2] = a.Float("momentum")*kept[2] + g/(math.Sqrt(kept[0]-mean*mean)+a.Float("eps"))
		return w - lr*kept[2]
	},
	step: func(u *update) *loop.Expr {
		v := u.mean("v", "alpha", u.square())
		if u.attrs.Bool("centered") {
			a := u.mean("mean", "alpha", u.g)
			// Rounding may make it negative.
			v = loop.E(loop.Max, loop.E(loop.FMA, loop.E(loop.Neg, a), a, v), loop.F(0))
		}
		dir := loop.E(loop.Div, u.g, loop.E(loop.Add, loop.E(loop.Sqrt, v), u.float("eps")))
		if u.attrs.Float("momentum") != 0 {
			kept, _ := u.kept("momentum")
			dir = loop.E(loop.FMA, kept, u.read(loop.State, "momentum"), dir)
			u.write(loop.State, "momentum", dir)
		}
		return u.descend(dir)
	},
	attrs: []ir.Attrs{{}, {{Name: "centered", Value: true}, {Name: "alpha", Value: 0.5}}, {{Name: "momentum", Value: 0.9}, {Name: "centered", Value: true}}},
}.operator())
