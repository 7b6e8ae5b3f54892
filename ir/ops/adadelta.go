package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Adadelta needs no rate of the parameters' unit.
var Adadelta = Register(optimizer{
	Operator: Operator{
		Name: "adadelta",
		Doc: "Adadelta (Zeiler, ADADELTA: An Adaptive Learning Rate Method, 2012). The rate is the scalar lr of the step, 1 in the paper. " +
			"Both means start at 0.",
		Formula: "v = rho*v + (1-rho)*g²; d = sqrt(a + eps)/sqrt(v + eps) * g; a = rho*a + (1-rho)*d²; w = w - lr*d",
		Example: "optimizer = adadelta(lr=1)",
		Rate:    1,
		Attrs: []AttrDef{
			{Name: "rho", Doc: "what is kept of both means from step to step, from 0 up to but not 1", Default: 0.9},
			{Name: "eps", Doc: "added under the roots, above 0", Default: 1e-6},
		},
		States: func(ir.Attrs) []string { return []string{"v", "a"} },
	},
	check: func(a ir.Attrs) error {
		if err := within("adadelta", a, 0, 1, "0.9", "rho"); err != nil {
			return err
		}
		return positive("adadelta", a, "1e-6", "eps")
	},
	rule: func(a ir.Attrs, t, lr, w, g float64, kept []float64) float64 {
		rho, eps := a.Float("rho"), a.Float("eps")
		kept[0] = rho*kept[0] + (1-rho)*g*g
		d := math.Sqrt(kept[1]+eps) / math.Sqrt(kept[0]+eps) * g
		kept[1] = rho*kept[1] + (1-rho)*d*d
		return w - lr*d
	},
	step: func(u *update) *loop.Expr {
		eps := u.float("eps")
		v := u.mean("v", "rho", u.square())
		above := loop.E(loop.Sqrt, loop.E(loop.Add, u.read(loop.State, "a"), eps))
		d := loop.E(loop.Mul, loop.E(loop.Div, above, loop.E(loop.Sqrt, loop.E(loop.Add, v, eps))), u.g)
		u.mean("a", "rho", loop.E(loop.Mul, d, d))
		return u.descend(d)
	},
	attrs: []ir.Attrs{{}, {{Name: "rho", Value: 0.5}, {Name: "eps", Value: 1e-3}}},
}.operator())
