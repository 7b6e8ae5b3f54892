package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
)

// Triplet is a loss of distances (Schroff, Kalenichenko, Philbin, "FaceNet", 2015).
var Triplet = Register(&Operator{
	Name: "triplet",
	Doc: "A loss of embeddings: the vectors of anchor should be nearer, by margin at least, to those of positive, which belong with them, than to those of negative, which do not. " +
		"The distance is the p-norm along the last axis.",
	Formula:  "y = mean_n max(0, |anchor - positive|_p - |anchor - negative|_p + margin)",
	Example:  "loss = triplet(embed(x), embed(like), embed(unlike), margin=0.5)",
	Category: "loss",
	Args:     []Arg{{Name: "anchor", Doc: "f32[N, …, D]"}, {Name: "positive", Doc: "the shape of anchor"}, {Name: "negative", Doc: "the shape of anchor"}},
	Attrs: []AttrDef{
		{Name: "margin", Doc: "how much nearer", Default: 1.0},
		{Name: "p", Doc: "of the norm, from 1 up", Default: 2.0},
		{Name: "eps", Doc: "added to each difference, so that equal vectors have a gradient", Default: 1e-6},
		{Name: "swap", Doc: "take the distance from positive to negative, where that is less", Default: false},
		rowReduction,
	},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		if err := wantVectors("triplet", args, []Arg{{Name: "anchor"}, {Name: "positive"}, {Name: "negative"}}); err != nil {
			return nil, err
		}
		p, eps := a.Float("p"), a.Float("eps")
		if !(p >= 1) || math.IsInf(p, 0) {
			return nil, WithNote("p=2 is the usual distance", "triplet wants a number from 1 up for p, not %g", p)
		}
		near, far := b.distance(args[0], args[1], p, eps), b.distance(args[0], args[2], p, eps)
		if a.Bool("swap") {
			far = b.apply("min", far, b.distance(args[1], args[2], p, eps))
		}
		return b.reduced(b.apply("relu", b.offset(b.apply("sub", near, far), a.Float("margin"))), a)
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		p, eps := a.Float("p"), a.Float("eps")
		return evalReduced(eachVector(args, func(r int, x [][]float64) float64 {
			far := evalDistance(x[0], x[2], p, eps)
			if a.Bool("swap") {
				far = min(far, evalDistance(x[1], x[2], p, eps))
			}
			return max(0, evalDistance(x[0], x[1], p, eps)-far+a.Float("margin"))
		}), a)
	},
	Samples: byReduction([]Sample{
		{Args: f32Types(ir.NS(5), ir.NS(5), ir.NS(5)), Batch: 4},
		{Args: f32Types(ir.NS(3, 2), ir.NS(3, 2), ir.NS(3, 2)), Attrs: ir.Attrs{{Name: "margin", Value: 2.0}}},
		{Args: f32Types(ir.NS(3), ir.NS(3), ir.NS(3)), Kinks: 0.02, Attrs: ir.Attrs{{Name: "p", Value: 1.0}}},
		{Args: f32Types(ir.NS(4), ir.NS(4), ir.NS(4)), Kinks: 0.02, Attrs: ir.Attrs{{Name: "p", Value: 3.0}, {Name: "swap", Value: true}}},
		{Args: f32Types(ir.S(6), ir.S(6), ir.S(6)), Attrs: ir.Attrs{{Name: "swap", Value: true}}},
	}),
})
