package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// SGD is stochastic gradient descent.
var SGD = Register(optimizer{
	Operator: Operator{
		Name: "sgd",
		Doc: "Stochastic gradient descent, with momentum if wanted. The rate is the scalar lr of the step and stands outside of the velocity, " +
			"which starts as the first gradient: the conventions are PyTorch's.",
		Formula: "v = momentum*v + (1-dampening)*g; w = w - lr*v, with nesterov: w = w - lr*(g + momentum*v)",
		Example: "optimizer = sgd(lr=0.01, momentum=0.9)",
		Rate:    0.01, Momentum: "momentum",
		Attrs: []AttrDef{
			{Name: "momentum", Doc: "what is kept of the velocity from step to step, from 0 up to but not 1", Default: 0.0},
			{Name: "nesterov", Doc: "whether to look ahead by one velocity (Sutskever et al., On the importance of initialization and momentum, 2013)", Default: false},
			{Name: "dampening", Doc: "by how much less the gradient counts in the velocity, after the first step", Default: 0.0},
		},
		States: func(a ir.Attrs) []string {
			if a.Float("momentum") == 0 {
				return nil
			}
			return []string{"momentum"}
		},
		Scalars: func(a ir.Attrs) []StepScalar {
			d := a.Float("dampening")
			if d == 0 || a.Float("momentum") == 0 {
				return nil
			}
			return []StepScalar{{"gain", fmt.Sprintf("1 t %v 1 less", 1-d)}}
		},
	},
	check: func(a ir.Attrs) error {
		m, d := a.Float("momentum"), a.Float("dampening")
		switch {
		case !(m >= 0 && m < 1):
			return WithNote("0.9 is usual", "sgd needs a momentum from 0 up to but not 1, not %v", m)
		case !(d >= 0 && d <= 1):
			return WithNote("0 is usual", "sgd needs a dampening from 0 to 1, not %v", d)
		case a.Bool("nesterov") && m == 0:
			return WithNote("write momentum=0.9", "sgd with nesterov=true needs a momentum")
		case a.Bool("nesterov") && d != 0:
			return WithNote("leave dampening out", "sgd with nesterov=true has no dampening")
		}
		return nil
	},
	rule: func(a ir.Attrs, t, lr, w, g float64, kept []float64) float64 {
		m, v := a.Float("momentum"), &kept[0]
		if t == 1 {
			*v = g
		} else {
			*v = m**v + (1-a.Float("dampening"))*g
		}
		switch {
		case m == 0:
			return w - lr*g
		case a.Bool("nesterov"):
			return w - lr*(g+m**v)
		}
		return w - lr**v
	},
	step: func(u *update) *loop.Expr {
		m := u.attrs.Float("momentum")
		if m == 0 {
			return u.descend(u.g)
		}
		in := u.g
		if u.attrs.Float("dampening") != 0 {
			in = loop.E(loop.Mul, u.scalar("gain"), in)
		}
		kept, _ := u.kept("momentum")
		v := loop.E(loop.FMA, kept, u.read(loop.State, "momentum"), in)
		u.write(loop.State, "momentum", v)
		if u.attrs.Bool("nesterov") {
			return u.descend(loop.E(loop.FMA, kept, v, u.g))
		}
		return u.descend(v)
	},
	attrs: []ir.Attrs{{}, {{Name: "momentum", Value: 0.9}, {Name: "dampening", Value: 0.25}}, {{Name: "momentum", Value: 0.5}, {Name: "nesterov", Value: true}}},
}.operator())
