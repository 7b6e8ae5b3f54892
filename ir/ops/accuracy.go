package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Accuracy is the share of rows whose best score is at the label.
var Accuracy = Register(&Operator{
	Name:     "accuracy",
	Doc:      "The share of rows in which the right class has the highest score; of equal scores the first counts. A row with a NaN counts as wrong. Where all labels are ignored it is 0.",
	Formula:  "y = mean_n (argmax_c logits[n, c] == label[n])",
	Example:  "metric = accuracy(logits, label)",
	Category: "metric",
	Args:     classArgs,
	Attrs:    []AttrDef{ignoreAttr},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		return inferClasses("accuracy", args[0], args[1])
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		hits := make([]bool, len(args[1].Data))
		eachRow(args[0], args[1], func(i int, row []float64, class int) {
			best, bad := 0, false
			for c, v := range row {
				bad = bad || math.IsNaN(v)
				if v > row[best] {
					best = c
				}
			}
			hits[i] = best == class && !bad
		})
		return evalCounted(hits, args[1], a.Ints("ignore"))
	},
	NoGrad: "it counts, so it is constant almost everywhere; train on cross_entropy",
	Lower: func(l *Lowering, op *ir.Op) {
		x, label, y := l.Buf(op.Args[0]), l.Buf(op.Args[1]), l.Buf(op.Results[0])
		hits := l.Temp("hits", ir.T(ir.F32, label.Shape))
		l.firstBest(hits, x, func(first *loop.Expr) *loop.Expr {
			right := loop.E(loop.Eq, loop.E(loop.ToI32, first), loop.Read(label, plainIndex(len(label.Shape))...))
			return loop.E(loop.Select, right, loop.F(1), loop.F(0))
		})
		l.meanCounted(y, hits, label, op.Attrs.Ints("ignore"))
	},
	Samples: append(ignoring(classSamples()),
		Sample{
			Args: []ir.Type{ir.T(ir.F32, ir.NS(3)), ir.T(ir.I32, ir.NS())}, Batch: 5,
			Data: map[int][]float64{
				0: {1, 1, 0, 0, 2, 2, math.NaN(), 1, 2, -1, -1, -1, 3, 4, 5},
				1: {0, 2, 0, 0, 2},
			},
		}),
})
