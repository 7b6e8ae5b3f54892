package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Lion moves by the sign of its momentum.
var Lion = Register(optimizer{
	Operator: Operator{
		Name: "lion",
		Doc: "Lion (Chen et al., Symbolic Discovery of Optimization Algorithms, 2023): every element moves by the rate, whatever its gradient's magnitude. " +
			"It wants a third to a tenth of Adam's rate. The rate is the scalar lr of the step.",
		Formula:  "w = w*(1 - lr*weight_decay) - lr*sign(beta1*m + (1-beta1)*g); m = beta2*m + (1-beta2)*g",
		Example:  "optimizer = lion(lr=0.0001)",
		Rate:     1e-4,
		Momentum: "beta1",
		Attrs: []AttrDef{
			{Name: "beta1", Doc: "what the momentum counts in the direction, from 0 up to but not 1", Default: 0.9},
			{Name: "beta2", Doc: "what is kept of the momentum from step to step, from 0 up to but not 1", Default: 0.99},
		},
		States: func(ir.Attrs) []string { return []string{"m"} },
	},
	decoupled: true,
	check:     func(a ir.Attrs) error { return within("lion", a, 0, 1, "0.9", "beta1", "beta2") },
	rule: func(a ir.Attrs, t, lr, w, g float64, kept []float64) float64 {
		c := a.Float("beta1")*kept[0] + (1-a.Float("beta1"))*g
		kept[0] = a.Float("beta2")*kept[0] + (1-a.Float("beta2"))*g
		switch {
		case c > 0:
			return w - lr
		case c < 0:
			return w + lr
		}
		return w
	},
	step: func(u *update) *loop.Expr {
		m, zero := u.read(loop.State, "m"), loop.F(0)
		kept, rest := u.kept("beta1")
		c := loop.E(loop.FMA, kept, m, loop.E(loop.Mul, rest, u.g))
		u.mean("m", "beta2", u.g)
		negative := loop.E(loop.Select, loop.E(loop.Less, c, zero), loop.F(-1), zero)
		return u.descend(loop.E(loop.Select, loop.E(loop.Less, zero, c), loop.F(1), negative))
	},
	attrs: []ir.Attrs{{}, {{Name: "beta1", Value: 0.5}, {Name: "weight_decay", Value: 0.1}}},
}.operator())
