package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Poisson is the loss of counts.
var Poisson = Register(elementLoss{
	Operator: Operator{
		Name: "poisson",
		Doc: "The loss of predicting how often something happens: the negative logarithm of the Poisson probability of the counts in target, without the part that depends on them alone. " +
			"With log_input pred is the logarithm of the rate, else the rate itself, from 0 up.",
		Formula: "y = mean(exp(pred) - target * pred), or mean(pred - target * ln(pred + eps))",
		Example: "loss = poisson(log_rate, count)",
		Attrs: []AttrDef{
			{Name: "log_input", Doc: "pred is the logarithm of the rate", Default: true},
			{Name: "full", Doc: "adds the part that depends on target alone, by Stirling's formula for targets above 1", Default: false},
			{Name: "eps", Doc: "keeps the logarithm of a rate of 0 finite", Default: 1e-8},
		},
		Samples: []Sample{
			{Args: f32Types(ir.NS(6), ir.NS(6)), Attrs: ir.Attrs{{Name: "log_input", Value: false}}, Range: map[int][2]float64{0: {0.3, 4}, 1: {0, 5}}},
			{Args: f32Types(ir.NS(6), ir.NS(6)), Attrs: ir.Attrs{{Name: "full", Value: true}}, Range: map[int][2]float64{1: {1.1, 9}}},
			{Args: f32Types(ir.S(4), ir.S(4)), Attrs: ir.Attrs{{Name: "full", Value: true}}, NoGrad: true, Data: map[int][]float64{0: {0, 1, -1, 0.5}, 1: {0, 1, 0.5, 30}}},
		},
	},
	hint:  "counts are f32 targets, such as target count: f32",
	check: func(pred ir.Type, a ir.Attrs) error { return lossPositive("poisson", "eps", a.Float("eps"), "") },
	value: func(x []float64, a ir.Attrs) float64 {
		y := math.Exp(x[0]) - x[1]*x[0]
		if !a.Bool("log_input") {
			y = x[0] - x[1]*math.Log(x[0]+a.Float("eps"))
		}
		if t := x[1]; a.Bool("full") && t > 1 {
			y += t*math.Log(t) - t + math.Log(2*math.Pi*t)/2
		}
		return y
	},
	expr: func(x []*loop.Expr, a ir.Attrs) *loop.Expr {
		y := loop.E(loop.Sub, loop.E(loop.Exp, x[0]), loop.E(loop.Mul, x[1], x[0]))
		if !a.Bool("log_input") {
			log := loop.E(loop.Log, loop.E(loop.Add, x[0], loop.F(a.Float("eps"))))
			y = loop.E(loop.Sub, x[0], loop.E(loop.Mul, x[1], log))
		}
		if a.Bool("full") {
			log := loop.E(loop.Log, x[1])
			half := loop.E(loop.Mul, loop.E(loop.Add, log, loop.F(math.Log(2*math.Pi))), loop.F(0.5))
			stirling := loop.E(loop.Add, loop.E(loop.Sub, loop.E(loop.Mul, x[1], log), x[1]), half)
			y = loop.E(loop.Add, y, loop.E(loop.Select, loop.E(loop.Less, loop.F(1), x[1]), stirling, loop.F(0)))
		}
		return y
	},
	grad: func(b *Builder, x []*ir.Value, a ir.Attrs) (pred, target *ir.Value) {
		pred, target = b.apply("sub", b.apply("exp", x[0]), x[1]), b.apply("neg", x[0])
		if !a.Bool("log_input") {
			rate := b.apply("add", x[0], b.scalar(a.Float("eps")))
			pred, target = b.apply("sub", b.scalar(1), b.apply("div", x[1], rate)), b.apply("neg", b.apply("log", rate))
		}
		if a.Bool("full") {
			slope := b.apply("add", b.apply("log", x[1]), b.apply("div", b.scalar(0.5), x[1]))
			target = b.apply("add", target, b.apply("select_less", b.scalar(1), x[1], slope, b.scalar(0)))
		}
		return pred, target
	},
}.operator())
