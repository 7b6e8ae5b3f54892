package ops

import (
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Perplexity is the usual metric of language models.
var Perplexity = Register(&Operator{
	Name: "perplexity",
	Doc: "e to the mean cross entropy over all labels of all examples that are not ignored: between how many classes the scores leave the choice, on average. " +
		"For each batch it gives the summed cross entropy and the number of labels.",
	Formula:  "y = exp(mean_n (ln Σ_c exp(logits[n, c]) - logits[n, label[n]]))",
	Example:  "metric = perplexity(logits, next, ignore=0)",
	Category: "metric",
	Args:     classArgs,
	Attrs:    []AttrDef{ignoreAttr},
	Metric:   &Metric{Reduce: "sum", Finish: "perplexity", Falls: true},
	NoGrad:   "it is a number of a whole data set; train on cross_entropy",
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if _, err := inferClasses("perplexity", args[0], args[1]); err != nil {
			return nil, err
		}
		return []ir.Type{ir.T(ir.F32, ir.S(2))}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		y := NewTensor(ir.F32, 2)
		eachRow(args[0], args[1], func(i int, row []float64, class int) {
			if !slices.Contains(a.Ints("ignore"), class) {
				y.Data[0] += logSumExp(row) - row[class]
				y.Data[1]++
			}
		})
		return []*Tensor{y}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		attrs := ir.Attrs{{Name: "weights", Value: []float64{}}, {Name: "ignore", Value: op.Attrs.Ints("ignore")}, {Name: "reduction", Value: "sum"}}
		x, label := l.Buf(op.Args[0]), l.Buf(op.Args[1])
		w := &classLowering{l: l, a: attrs, softmax: true, x: x, label: label, last: len(x.Shape) - 1}
		total := l.Temp("surprise", ir.T(ir.F32, nil))
		w.loss(total)
		count := w.rowWeights()
		y := l.Buf(op.Results[0])
		l.Emit(&loop.Nest{Form: loop.Map, Name: y.Name, Fold: loop.FoldNone,
			Stores: []loop.Store{storeAt(y, loop.Read(total), loop.At(0)), storeAt(y, loop.Read(count), loop.At(1))}})
	},
	Samples: append(classSamples(),
		Sample{Args: []ir.Type{ir.T(ir.F32, ir.NS(3)), ir.T(ir.I32, ir.NS())}, Batch: 4, Attrs: ir.Attrs{{Name: "ignore", Value: []int{-1, 9}}},
			Data: map[int][]float64{1: {2, -1, 9, 0}}},
		Sample{Args: []ir.Type{ir.T(ir.F32, ir.NS(2, 3)), ir.T(ir.I32, ir.NS(2))}, Batch: 1, Attrs: ir.Attrs{{Name: "ignore", Value: []int{9}}},
			Data: map[int][]float64{1: {9, 9}}},
		Sample{Args: []ir.Type{ir.T(ir.F32, ir.NS(3)), ir.T(ir.I32, ir.NS())}, Batch: 2,
			Data: map[int][]float64{0: {1, math.NaN(), 2, 1, 2, 3}, 1: {2, 0}}}),
})
