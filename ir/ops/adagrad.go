package ops

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Adagrad divides the gradient by the magnitude of all before it.
var Adagrad = Register(optimizer{
	Operator: Operator{
		Name: "adagrad",
		Doc: "Adagrad (Duchi, Hazan and Singer, Adaptive Subgradient Methods, 2011). The rate is the scalar lr of the step; t counts updates from 1. " +
			"The conventions are PyTorch's.",
		Formula: "s = s + g²; w = w - lr/(1 + (t-1)*rate_decay) * g / (sqrt(s) + eps)",
		Example: "optimizer = adagrad(lr=0.01)",
		Rate:    0.01,
		Attrs: []AttrDef{
			{Name: "rate_decay", Doc: "how fast the rate falls, 0 or more", Default: 0.0},
			{Name: "initial", Doc: "what the sum of squares starts at, 0 or more", Default: 0.0},
			{Name: "eps", Doc: "added to the divisor, above 0", Default: 1e-10},
		},
		States: func(ir.Attrs) []string { return []string{"sum"} },
		Scalars: func(a ir.Attrs) []StepScalar {
			var list []StepScalar
			if d := a.Float("rate_decay"); d != 0 {
				list = append(list, StepScalar{"slowing", fmt.Sprintf("1 t 1 - %v * +", d)})
			}
			if s := a.Float("initial"); s != 0 {
				list = append(list, StepScalar{"start", fmt.Sprintf("1 t 0 %v less", s)})
			}
			return list
		},
	},
	check: func(a ir.Attrs) error {
		for _, name := range []string{"rate_decay", "initial"} {
			if x := a.Float(name); !(x >= 0 && x < 1e30) {
				return WithNote("0 is usual", "adagrad needs a %s of 0 or more, not %v", name, x)
			}
		}
		return positive("adagrad", a, "1e-10", "eps")
	},
	rule: func(a ir.Attrs, t, lr, w, g float64, kept []float64) float64 {
		if t == 1 {
			kept[0] = a.Float("initial")
		}
		kept[0] += g * g
		return w - lr/(1+(t-1)*a.Float("rate_decay"))*g/(math.Sqrt(kept[0])+a.Float("eps"))
	},
	step: func(u *update) *loop.Expr {
		sum := u.read(loop.State, "sum")
		if u.attrs.Float("initial") != 0 {
			sum = loop.E(loop.Add, sum, u.scalar("start"))
		}
		sum = loop.E(loop.FMA, u.g, u.g, sum)
		u.write(loop.State, "sum", sum)
		dir := loop.E(loop.Div, u.g, loop.E(loop.Add, loop.E(loop.Sqrt, sum), u.float("eps")))
		if u.attrs.Float("rate_decay") != 0 {
			u.rate = loop.E(loop.Div, u.rate, u.scalar("slowing"))
		}
		return u.descend(dir)
	},
	attrs: []ir.Attrs{{}, {{Name: "rate_decay", Value: 0.1}, {Name: "initial", Value: 0.5}}},
}.operator())
