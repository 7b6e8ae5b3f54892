package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// leastLog bounds the logarithm of a probability, so that a loss stays finite where it is 0.
const leastLog = -100

// BCE is the cross entropy of yes-or-no questions, given as probabilities.
var BCE = Register(elementLoss{
	Operator: Operator{
		Name: "bce",
		Doc: "Binary cross entropy of probabilities from 0 to 1, such as sigmoid gives, with targets from 0 to 1. Logarithms are bounded by -100, so a sure and wrong answer costs 100. " +
			"bce_logits takes the scores before the sigmoid and is exact also where probabilities are near 0 and 1.",
		Formula: "y = -mean(target * ln(pred) + (1 - target) * ln(1 - pred)), each ln at least -100",
		Example: "loss = bce(probs, answers)",
		Samples: []Sample{{Args: f32Types(ir.S(6), ir.S(6)), NoGrad: true, Data: map[int][]float64{0: {0, 0, 1, 1, 1e-30, 0.5}, 1: {0, 1, 0, 1, 1, 0.25}}}},
	},
	hint:   "for classes use cross_entropy",
	ranges: [2][2]float64{{0.05, 0.95}, {0, 1}},
	value: func(x []float64, a ir.Attrs) float64 {
		yes, no := max(math.Log(x[0]), leastLog), max(math.Log1p(-x[0]), leastLog)
		return -x[1]*yes - (1-x[1])*no
	},
	expr: func(x []*loop.Expr, a ir.Attrs) *loop.Expr {
		yes := loop.E(loop.Max, loop.E(loop.Log, x[0]), loop.F(leastLog))
		no := loop.E(loop.Max, loop.E(loop.Log1p, loop.E(loop.Neg, x[0])), loop.F(leastLog))
		rest := loop.E(loop.Sub, loop.F(1), x[1])
		return loop.E(loop.Neg, loop.E(loop.Add, loop.E(loop.Mul, x[1], yes), loop.E(loop.Mul, rest, no)))
	},
	grad: func(b *Builder, x []*ir.Value, a ir.Attrs) (pred, target *ir.Value) {
		one, least := b.scalar(1), b.scalar(leastLog)
		rest := b.apply("sub", one, x[0])
		spread := b.apply("max", b.apply("mul", x[0], rest), b.scalar(1e-12))
		pred = b.apply("div", b.apply("sub", x[0], x[1]), spread)
		yes, no := b.apply("max", b.apply("log", x[0]), least), b.apply("max", b.apply("log", rest), least)
		return pred, b.apply("sub", no, yes)
	},
}.operator())
