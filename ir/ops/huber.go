package ops

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Huber is mse near 0 and mae far from it (Huber, "Robust Estimation of a Location Parameter", 1964).
var Huber = Register(elementLoss{
	Operator: Operator{
		Name:    "huber",
		Doc:     "Half the squared difference where that is small, and a straight line beyond delta: a loss of regression between mse and mae.",
		Formula: "y = mean(|d| <= delta ? d^2 / 2 : delta * (|d| - delta/2)), d = pred - target",
		Example: "loss = huber(height, measured, delta=0.5)",
		Attrs:   []AttrDef{{Name: "delta", Doc: "where the line begins, above 0", Default: 1.0}},
		Samples: []Sample{{Args: f32Types(ir.NS(7), ir.NS(7)), Kinks: 0.02, Attrs: ir.Attrs{{Name: "delta", Value: 0.3}}}},
	},
	hint:  "for classes use cross_entropy",
	kinks: 0.02,
	check: func(pred ir.Type, a ir.Attrs) error {
		return lossPositive("huber", "delta", a.Float("delta"), "for delta=0 use mae")
	},
	value: func(x []float64, a ir.Attrs) float64 {
		d, delta := math.Abs(x[0]-x[1]), a.Float("delta")
		if d > delta {
			return delta * (d - delta/2)
		}
		return d * d / 2
	},
	expr: func(x []*loop.Expr, a ir.Attrs) *loop.Expr {
		delta := a.Float("delta")
		d := loop.E(loop.Abs, difference(x))
		line := loop.E(loop.Mul, loop.F(delta), loop.E(loop.Sub, d, loop.F(delta/2)))
		return loop.E(loop.Select, loop.E(loop.Less, loop.F(delta), d), line, loop.E(loop.Mul, loop.E(loop.Mul, d, d), loop.F(0.5)))
	},
	grad: func(b *Builder, x []*ir.Value, a ir.Attrs) (pred, target *ir.Value) {
		return b.both(b.bounded(b.apply("sub", x[0], x[1]), a.Float("delta")))
	},
}.operator())

// lossPositive refuses an attribute that must be above 0.
func lossPositive(op, attr string, v float64, note string) error {
	if v > 0 && !math.IsInf(v, 0) {
		return nil
	}
	if note == "" {
		return fmt.Errorf("%s wants a number above 0 for %s, not %g", op, attr, v)
	}
	return WithNote(note, "%s wants a number above 0 for %s, not %g", op, attr, v)
}

// bounded clips x to ±bound.
func (b *Builder) bounded(x *ir.Value, bound float64) *ir.Value {
	return b.apply("max", b.apply("min", x, b.scalar(bound)), b.scalar(-bound))
}
