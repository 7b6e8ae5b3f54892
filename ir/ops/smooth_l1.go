package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// SmoothL1 is huber over its beta (Girshick, "Fast R-CNN", 2015).
var SmoothL1 = Register(elementLoss{
	Operator: Operator{
		Name:    "smooth_l1",
		Doc:     "The absolute difference less beta/2, rounded off to a parabola within beta of 0: huber divided by beta, so that far differences weigh the same whatever beta is.",
		Formula: "y = mean(|d| < beta ? d^2 / (2*beta) : |d| - beta/2), d = pred - target",
		Example: "loss = smooth_l1(box, measured)",
		Attrs:   []AttrDef{{Name: "beta", Doc: "where the parabola ends, above 0", Default: 1.0}},
		Samples: []Sample{{Args: f32Types(ir.NS(7), ir.NS(7)), Kinks: 0.02, Attrs: ir.Attrs{{Name: "beta", Value: 0.25}}}},
	},
	hint:  "for classes use cross_entropy",
	kinks: 0.02,
	check: func(pred ir.Type, a ir.Attrs) error {
		return lossPositive("smooth_l1", "beta", a.Float("beta"), "for beta=0 use mae")
	},
	value: func(x []float64, a ir.Attrs) float64 {
		d, beta := math.Abs(x[0]-x[1]), a.Float("beta")
		if d < beta {
			return d * d / 2 / beta
		}
		return d - beta/2
	},
	expr: func(x []*loop.Expr, a ir.Attrs) *loop.Expr {
		beta := a.Float("beta")
		d := loop.E(loop.Abs, difference(x))
		parabola := loop.E(loop.Mul, loop.E(loop.Mul, d, d), loop.F(0.5/beta))
		return loop.E(loop.Select, loop.E(loop.Less, d, loop.F(beta)), parabola, loop.E(loop.Sub, d, loop.F(beta/2)))
	},
	grad: func(b *Builder, x []*ir.Value, a ir.Attrs) (pred, target *ir.Value) {
		d := b.apply("sub", x[0], x[1])
		return b.both(b.bounded(b.apply("mul", d, b.scalar(1/a.Float("beta"))), 1))
	},
}.operator())
