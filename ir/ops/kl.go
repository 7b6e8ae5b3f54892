package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// KL is how far a distribution is from another.
var KL = Register(elementLoss{
	Operator: Operator{
		Name: "kl",
		Doc: "The Kullback-Leibler divergence of predicted distributions, given as logarithms such as log_softmax makes, from target distributions, given as probabilities. " +
			"A distribution lies along the last axis; the mean is over distributions. A target of 0 adds nothing.",
		Formula: "y = mean_n Σ_c target[n, c] * (ln target[n, c] - pred[n, c])",
		Example: "loss = kl(log_softmax(logits), wanted)",
		Attrs:   []AttrDef{{Name: "log_target", Doc: "target is given as logarithms too", Default: false}},
		Samples: []Sample{
			{Args: f32Types(ir.NS(5), ir.NS(5)), Attrs: ir.Attrs{{Name: "log_target", Value: true}}, Range: map[int][2]float64{0: {-4, 0}, 1: {-4, 0}}},
			{Args: f32Types(ir.S(4), ir.S(4)), NoGrad: true, Data: map[int][]float64{0: {-1, -2, -0.5, -3}, 1: {0, 1, 0.5, 0}}},
		},
	},
	hint:   "for classes use nll",
	rows:   true,
	ranges: [2][2]float64{{-4, 0}, {0.05, 1}},
	value: func(x []float64, a ir.Attrs) float64 {
		switch {
		case a.Bool("log_target"):
			return math.Exp(x[1]) * (x[1] - x[0])
		case x[1] == 0:
			return 0
		}
		return x[1] * (math.Log(x[1]) - x[0])
	},
	expr: func(x []*loop.Expr, a ir.Attrs) *loop.Expr {
		if a.Bool("log_target") {
			return loop.E(loop.Mul, loop.E(loop.Exp, x[1]), loop.E(loop.Sub, x[1], x[0]))
		}
		term := loop.E(loop.Mul, x[1], loop.E(loop.Sub, loop.E(loop.Log, x[1]), x[0]))
		return loop.E(loop.Select, loop.E(loop.Eq, x[1], loop.F(0)), loop.F(0), term)
	},
	grad: func(b *Builder, x []*ir.Value, a ir.Attrs) (pred, target *ir.Value) {
		if a.Bool("log_target") {
			p := b.apply("exp", x[1])
			return b.apply("neg", p), b.apply("mul", p, b.apply("add", b.apply("sub", x[1], x[0]), b.scalar(1)))
		}
		slope := b.apply("add", b.apply("sub", b.apply("log", x[1]), x[0]), b.scalar(1))
		return b.apply("neg", x[1]), b.apply("select_less", b.scalar(0), x[1], slope, b.scalar(0))
	},
}.operator())
