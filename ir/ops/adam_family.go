package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// momentAttrs are the attributes of the optimizers that follow Adam.
func momentAttrs(beta2, eps float64) []AttrDef {
	return []AttrDef{
		{Name: "beta1", Doc: "what is kept of the mean gradient from step to step, from 0 up to but not 1", Default: 0.9},
		{Name: "beta2", Doc: "what is kept of the mean squared gradient from step to step, from 0 up to but not 1", Default: beta2},
		{Name: "eps", Doc: "added to the divisor, above 0", Default: eps},
	}
}

// checkMoments checks them for the optimizer of that name.
func checkMoments(kind string) func(a ir.Attrs) error {
	return func(a ir.Attrs) error {
		if err := within(kind, a, 0, 1, "0.9", "beta1", "beta2"); err != nil {
			return err
		}
		return positive(kind, a, "1e-8", "eps")
	}
}

// moments names the two states of Adam.
func moments(ir.Attrs) []string { return []string{"m", "v"} }

// momentRests are the scalars 1 - beta1^t, and the root of 1 - beta2^t.
func momentRests(a ir.Attrs) []StepScalar {
	first := rest(a.Float("beta1"))
	if moved, _ := a.Get(cycled).(bool); moved {
		first = "1 momentum t pow -"
	}
	return []StepScalar{{"rest1", first}, {"rest2", rest(a.Float("beta2")) + " sqrt"}}
}

// momentSamples are attributes for samples.
var momentSamples = []ir.Attrs{{}, {{Name: "beta1", Value: 0.5}, {Name: "beta2", Value: 0.9}, {Name: "eps", Value: 1e-6}}}

// adamRule is Adam in the paper's words.
func adamRule(a ir.Attrs, t, lr, w, g float64, kept []float64) float64 {
	b1, b2 := a.Float("beta1"), a.Float("beta2")
	kept[0] = b1*kept[0] + (1-b1)*g
	kept[1] = b2*kept[1] + (1-b2)*g*g
	mean, square := kept[0]/(1-math.Pow(b1, t)), kept[1]/(1-math.Pow(b2, t))
	return w - lr*mean/(math.Sqrt(square)+a.Float("eps"))
}

// adamStep is w - rate/rest1 * m / (sqrt(v)/rest2 + eps). v is where the second moment, or its greatest value, is to be found. What
// depends on scalars alone stands in nodes of its own, so that a back end computes it once for the whole arena.
func (u *update) adamStep(m, v *loop.Expr) *loop.Expr {
	size := loop.E(loop.Neg, loop.E(loop.Div, u.rate, u.scalar("rest1")))
	return loop.E(loop.FMA, size, loop.E(loop.Div, m, u.divisor(v)), u.w)
}

// divisor is sqrt(v)/rest2 + eps.
func (u *update) divisor(v *loop.Expr) *loop.Expr {
	scale := loop.E(loop.Div, loop.F(1), u.scalar("rest2"))
	return loop.E(loop.FMA, loop.E(loop.Sqrt, v), scale, u.float("eps"))
}
