package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// evalNaN is a NaN for samples.
var evalNaN = math.NaN()

// BinaryAccuracy is the share of yes-or-no questions that are answered right.
var BinaryAccuracy = Register(elementLoss{
	Operator: Operator{
		Name:     "binary_accuracy",
		Doc:      "The share of yes-or-no questions that are answered right, over all elements: a score above threshold says yes, and a target above 0.5 is one. A NaN says no. Where all targets are ignored it is 0.",
		Formula:  "y = mean((pred > threshold) == (target > 0.5))",
		Example:  "metric = binary_accuracy(probs, answers)",
		Category: "metric",
		Attrs:    []AttrDef{thresholdAttr},
		NoGrad:   "it counts, so it is constant almost everywhere; train on bce_logits",
		Samples: []Sample{
			{Args: f32Types(ir.NS(3), ir.NS(3)), Batch: 2, Attrs: ir.Attrs{{Name: "ignore", Value: []int{-1, 7}}}, Data: map[int][]float64{1: {0, -1, 1, 7, 1, 0}}},
			{Args: f32Types(ir.NS(3), ir.NS(3)), Batch: 2, Attrs: ir.Attrs{{Name: "ignore", Value: []int{-1}}, {Name: "reduction", Value: "none"}}, Data: map[int][]float64{1: {0, -1, 1, -1, -1, -1}}},
			{Args: f32Types(ir.NS(), ir.NS()), Batch: 3, Attrs: ir.Attrs{{Name: "ignore", Value: []int{-1}}, {Name: "reduction", Value: "sum"}}, Data: map[int][]float64{1: {1, -1, -1}}},
			{Args: f32Types(ir.S(6), ir.S(6)), Attrs: ir.Attrs{{Name: "threshold", Value: 0.0}}, Data: map[int][]float64{0: {0, 1, -1, evalNaN, 2, -3}, 1: {0, 1, 1, 0, 0, 0}}},
		},
	},
	ignores: true,
	hint:    "for classes use accuracy",
	ranges:  [2][2]float64{{0, 1}, {0, 1}},
	value: func(x []float64, a ir.Attrs) float64 {
		if (x[0] > a.Float("threshold")) == (x[1] > 0.5) {
			return 1
		}
		return 0
	},
	expr: func(x []*loop.Expr, a ir.Attrs) *loop.Expr {
		yes, right := loop.E(loop.Less, loop.F(a.Float("threshold")), x[0]), loop.E(loop.Less, loop.F(0.5), x[1])
		other := loop.E(loop.Xor, yes, right)
		return loop.E(loop.Select, other, loop.F(0), loop.F(1))
	},
}.operator())
