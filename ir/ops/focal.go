package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
)

// Focal is cross entropy that dwells on hard examples (Lin et al., "Focal Loss for Dense Object Detection", 2017).
var Focal = Register(&Operator{
	Name: "focal",
	Doc: "Cross entropy of raw scores that dwells on hard examples: each costs the less, the surer the right answer is. For classes it does the softmax itself, for yes-or-no questions the sigmoid. " +
		"For questions alpha says how much a yes weighs, and 1-alpha a no; below 0 both weigh 1.",
	Formula:  "y = mean_n (-(1 - p[n])^gamma * ln p[n]), p the probability of the right answer",
	Example:  "loss = focal(scores, answers, alpha=0.25)",
	Category: "loss",
	Args: []Arg{{Name: "scores", Doc: "f32[N, …, C]: a score for each class; or any shape: a score for each yes-or-no question"},
		{Name: "label", Doc: "i32[N, …]: the right class, 0 … C-1; or f32 of the shape of scores: 1 for yes, 0 for no"}},
	Attrs: []AttrDef{
		{Name: "gamma", Doc: "0, which makes it cross entropy, or from 1 up: how little sure answers count", Default: 2.0},
		{Name: "alpha", Doc: "the weight of a yes, up to 1", Default: -1.0},
		lossReduction,
	},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		x, label := args[0], args[1]
		gamma, alpha := a.Float("gamma"), a.Float("alpha")
		if gamma != 0 && !(gamma >= 1) || math.IsInf(gamma, 0) || !(alpha <= 1) {
			return nil, WithNote("gamma=2 and alpha=0.25 are usual", "focal wants 0 or a number from 1 up for gamma, and up to 1 for alpha, not %g and %g", gamma, alpha)
		}
		if label.Type.Elem != ir.F32 || !label.Type.Equal(x.Type) {
			if _, err := inferClasses("focal", x.Type, label.Type); err != nil {
				return nil, err
			}
			if alpha >= 0 {
				return nil, WithNote("weigh classes by what they cost: cross_entropy has weights", "focal of classes has no use for alpha, which weighs yes against no")
			}
			cost := b.Must("cross_entropy", "cost", args, ir.Attr{Name: "reduction", Value: "none"})
			doubt := b.apply("neg", b.apply("expm1", b.apply("neg", cost)))
			return b.reduced(b.focused(cost, doubt, gamma), a)
		}
		no, less := b.apply("sub", b.scalar(1), label), b.apply("neg", x)
		mix := func(kind string) *ir.Value {
			return b.apply("add", b.apply("mul", label, b.apply(kind, less)), b.apply("mul", no, b.apply(kind, x)))
		}
		each := b.focused(mix("softplus"), mix("sigmoid"), gamma)
		if alpha >= 0 {
			each = b.apply("mul", each, b.apply("add", b.scaled(label, alpha), b.scaled(no, 1-alpha)))
		}
		if a.Str("reduction") == "none" {
			each = b.inExample("reduce_mean", each)
		}
		return b.reduced(each, a)
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, label := args[0], args[1]
		gamma, alpha := a.Float("gamma"), a.Float("alpha")
		if label.Elem != ir.F32 {
			rows := NewTensor(ir.F32, label.Shape...)
			eachRow(x, label, func(i int, row []float64, class int) {
				ln := row[class] - logSumExp(row)
				rows.Data[i] = -math.Pow(-math.Expm1(ln), gamma) * ln
			})
			return evalReduced(rows, a)
		}
		each := NewTensor(ir.F32, x.Shape...)
		for i, v := range x.Data {
			t := label.Data[i]
			cost := t*softplus64(-v) + (1-t)*softplus64(v)
			doubt := t/(1+math.Exp(v)) + (1-t)/(1+math.Exp(-v))
			each.Data[i] = math.Pow(doubt, gamma) * cost
			if alpha >= 0 {
				each.Data[i] *= alpha*t + (1-alpha)*(1-t)
			}
		}
		if a.Str("reduction") == "none" && len(x.Shape) > 0 {
			rows := NewTensor(ir.F32, x.Shape[0])
			per := volume(x.Shape[1:])
			for i, v := range each.Data {
				rows.Data[i/per] += v / float64(per)
			}
			each = rows
		}
		return evalReduced(each, a)
	},
	Samples: byReduction(append(classSamples(),
		Sample{Args: f32Types(ir.NS(5), ir.NS(5)), Range: map[int][2]float64{1: {0, 1}}, Attrs: ir.Attrs{{Name: "alpha", Value: 0.25}}},
		Sample{Args: f32Types(ir.NS(3, 2), ir.NS(3, 2)), Batch: 2, Range: map[int][2]float64{1: {0, 1}}, Attrs: ir.Attrs{{Name: "gamma", Value: 1.0}}},
		Sample{Args: f32Types(ir.NS(), ir.NS()), Batch: 5, Range: map[int][2]float64{1: {0, 1}}, Attrs: ir.Attrs{{Name: "gamma", Value: 0.0}}},
		Sample{Args: f32Types(ir.NS(3), ir.NS(3)), Range: map[int][2]float64{1: {0, 1}}, Attrs: ir.Attrs{{Name: "gamma", Value: 1.5}, {Name: "alpha", Value: 0.75}}},
		Sample{Args: f32Types(ir.S(4), ir.S(4)), Range: map[int][2]float64{0: {-20, 20}}, Data: map[int][]float64{1: {0, 1, 1, 0}}},
	)),
})

// focused weighs a cost by the doubt, 1 less the probability, to the power of gamma.
func (b *Builder) focused(cost, doubt *ir.Value, gamma float64) *ir.Value {
	switch gamma {
	case 0:
		return cost
	case 1:
		return b.apply("mul", doubt, cost)
	case 2:
		return b.apply("mul", b.apply("square", doubt), cost)
	}
	return b.apply("mul", b.apply("pow", doubt, b.scalar(gamma)), cost)
}
