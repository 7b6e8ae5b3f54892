package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// RocAUC is the area under the curve of the receiver operating characteristic.
var RocAUC = Register(&Operator{
	Name: "roc_auc",
	Doc: "The area under the curve of true against false positives, over all examples: the chance that a random yes has a higher score than a random no, where equal scores count half. " +
		"It is exact, so the scores of all examples are kept to the end of an epoch, and it is reported then. Each class is asked for against the rest, which needs scores that compare between " +
		"examples: probabilities, not logits. The result is the mean over the classes, or questions, that have both a yes and a no.",
	Formula:  "y = mean_c P(score of a yes > score of a no) + P(equal) / 2",
	Example:  "metric = roc_auc(probs, label)",
	Category: "metric",
	Args:     decisionArgs,
	Attrs:    []AttrDef{ignoreAttr},
	Metric:   &Metric{Reduce: "collect", Finish: "roc_auc"},
	NoGrad:   "it is a number of a whole data set; train on cross_entropy, or for yes-or-no questions on bce_logits",
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		places, _, err := inferDecisions("roc_auc", args[0], args[1])
		if err != nil {
			return nil, err
		}
		n, _ := args[0].Shape[1:].Elems()
		if n.Size+places > ir.MaxElems {
			return nil, fmt.Errorf("roc_auc of %s has too many scores", args[0])
		}
		return []ir.Type{ir.T(ir.F32, ir.NS(n.Size+places))}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		n := args[0].Shape[0]
		scores, labels := volume(args[0].Shape[1:]), volume(args[1].Shape[1:])
		y := NewTensor(ir.F32, n, scores+labels)
		for i := range n {
			row := y.Data[i*(scores+labels):]
			copy(row, args[0].Data[i*scores:(i+1)*scores])
			for k := range labels {
				row[scores+k] = evalLabel(args[1].Data[i*labels+k], a.Ints("ignore"))
			}
		}
		return []*Tensor{y}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x, label, y := l.Buf(op.Args[0]), l.Buf(op.Args[1]), l.Buf(op.Results[0])
		n, _ := x.Shape[1:].Elems()
		l.putRows(y, 0, x.Shape, loop.Read(x, plainIndex(len(x.Shape))...))
		l.putRows(y, n.Size, label.Shape, countedLabel(label, plainIndex(len(label.Shape)), op.Attrs.Ints("ignore")))
	},
	Samples: func() []Sample {
		list := decisionSamples()
		for i := range list {
			if list[i].Attrs.Get("ignore") == nil {
				list[i].Attrs = nil
			}
		}
		return list
	}(),
})

// putRows emits an expression over shape s, flattened within each example, into the columns of y from first on.
func (l *Lowering) putRows(y *loop.Buffer, first int, s ir.Shape, x *loop.Expr) {
	l.Emit(&loop.Nest{
		Form: loop.Map, Name: y.Name, Axes: axesOf(s), Fold: loop.FoldNone,
		Stores: []loop.Store{storeAt(y, x, loop.Ax(0), flatPlace(s).Plus(0, 0, first))},
	})
}
