package ops

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// BCELogits is the cross entropy of yes-or-no questions, given as scores.
var BCELogits = Register(elementLoss{
	Operator: Operator{
		Name: "bce_logits",
		Doc: "Binary cross entropy of raw scores, of which it takes the sigmoid itself, with targets from 0 to 1. It is exact for scores of any size. " +
			"pos_weight makes each yes count so many times, where a yes is rare.",
		Formula: "y = mean(pos_weight * target * ln(1 + exp(-pred)) + (1 - target) * ln(1 + exp(pred)))",
		Example: "loss = bce_logits(scores, answers)",
		Attrs:   []AttrDef{{Name: "pos_weight", Doc: "how much a yes weighs: one number, or one for each place in the last axis", Default: []float64{1}}},
		Samples: []Sample{
			{Args: f32Types(ir.NS(2, 3), ir.NS(2, 3)), Attrs: ir.Attrs{{Name: "pos_weight", Value: []float64{0.5, 3, 1.25}}}, Range: map[int][2]float64{1: {0, 1}}},
			{Args: f32Types(ir.NS(5), ir.NS(5)), Attrs: ir.Attrs{{Name: "pos_weight", Value: []float64{2.5}}, {Name: "reduction", Value: "none"}}, Range: map[int][2]float64{1: {0, 1}}},
			{Args: f32Types(ir.S(7), ir.S(7)), NoGrad: true, Data: map[int][]float64{0: {200, -200, 30, -30, 0, 90, -90}, 1: {0, 1, 1, 0, 1, 0.5, 0.5}}},
		},
	},
	hint:    "for classes use cross_entropy",
	ranges:  [2][2]float64{{}, {0, 1}},
	perLast: "pos_weight",
	check: func(pred ir.Type, a ir.Attrs) error {
		for _, w := range a.Floats("pos_weight") {
			if !(w >= 0) || math.IsInf(w, 0) {
				return fmt.Errorf("bce_logits wants weights from 0 up for pos_weight, not %g", w)
			}
		}
		return nil
	},
	value: func(x []float64, a ir.Attrs) float64 {
		return x[2]*x[1]*softplus64(-x[0]) + (1-x[1])*softplus64(x[0])
	},
	expr: func(x []*loop.Expr, a ir.Attrs) *loop.Expr {
		// ln(1+exp(±x)) = max(±x, 0) + ln(1 + exp(-|x|)), in which nothing overflows or cancels.
		tail := loop.E(loop.Log1p, loop.E(loop.Exp, loop.E(loop.Neg, loop.E(loop.Abs, x[0]))))
		yes := loop.E(loop.Add, loop.E(loop.Max, loop.E(loop.Neg, x[0]), loop.F(0)), tail)
		no := loop.E(loop.Add, loop.E(loop.Max, x[0], loop.F(0)), tail)
		weight := loop.E(loop.Mul, x[2], x[1])
		return loop.E(loop.Add, loop.E(loop.Mul, weight, yes), loop.E(loop.Mul, loop.E(loop.Sub, loop.F(1), x[1]), no))
	},
	grad: func(b *Builder, x []*ir.Value, a ir.Attrs) (pred, target *ir.Value) {
		weight, rest := b.apply("mul", x[2], x[1]), b.apply("sub", b.scalar(1), x[1])
		less := b.apply("neg", x[0])
		pred = b.apply("sub", b.apply("mul", rest, b.apply("sigmoid", x[0])), b.apply("mul", weight, b.apply("sigmoid", less)))
		// By the target it is pos_weight * ln(1+exp(-x)) - ln(1+exp(x)).
		yes := b.softplus(less)
		target = b.apply("sub", b.apply("mul", x[2], yes), b.apply("add", x[0], yes))
		return pred, target
	},
}.operator())

// softplus64 is ln(1 + exp(x)).
func softplus64(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

// softplus is ln(1 + exp(x)) without overflow, for gradients: it is not differentiated again.
func (b *Builder) softplus(x *ir.Value) *ir.Value {
	tail := b.apply("log", b.apply("add", b.scalar(1), b.apply("exp", b.apply("neg", b.apply("abs", x)))))
	return b.apply("add", b.apply("max", x, b.scalar(0)), tail)
}
