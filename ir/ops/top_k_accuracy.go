package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// TopKAccuracy is the share of rows whose label is among the best k scores.
var TopKAccuracy = Register(&Operator{
	Name:     "top_k_accuracy",
	Doc:      "The share of rows in which the right class has one of the k highest scores; of equal scores the first counts. A NaN counts as higher than every score, but is no hit. Where all labels are ignored it is 0.",
	Formula:  "y = mean_n (number of classes before label[n] by score < k)",
	Example:  "metric = top_k_accuracy(logits, label, k=5)",
	Category: "metric",
	Args:     classArgs,
	Attrs:    []AttrDef{{Name: "k", Doc: "how many scores are good enough", Default: 5}, ignoreAttr},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		t, err := inferClasses("top_k_accuracy", args[0], args[1])
		if err != nil {
			return nil, err
		}
		s := args[0].Shape
		if k, c := a.Int("k"), s[len(s)-1].Size; k < 1 || k > c {
			return nil, fmt.Errorf("top_k_accuracy of %d classes wants a k from 1 to %d, not %d", c, c, k)
		}
		return t, nil
	},
	NoGrad: "it counts, so it is constant almost everywhere; train on cross_entropy",
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		hits := make([]bool, len(args[1].Data))
		eachRow(args[0], args[1], func(i int, row []float64, class int) {
			if class < 0 || class >= len(row) || row[class] != row[class] {
				return
			}
			before := 0
			for c, v := range row {
				if v > row[class] || v == row[class] && c < class || v != v {
					before++
				}
			}
			hits[i] = before < a.Int("k")
		})
		return evalCounted(hits, args[1], a.Ints("ignore"))
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x, label, y := l.Buf(op.Args[0]), l.Buf(op.Args[1]), l.Buf(op.Results[0])
		last := len(x.Shape) - 1
		score := l.rowFold("score", x.Shape, last, loop.FoldSum, func(at []loop.Affine) *loop.Expr {
			return loop.E(loop.Select, isLabel(label, at), loop.Read(x, at...), loop.F(0))
		}, asIs)
		hits := l.Temp("hits", ir.T(ir.F32, label.Shape))
		l.foldAxes(hits, false, x.Shape, []int{last}, loop.FoldSum,
			func(at []loop.Affine) *loop.Expr {
				v, s := loop.Read(x, at...), score(at)
				late := loop.E(loop.LessEq, loop.Read(label, at[:last]...), loop.IndexOf(at[last]))
				behind := loop.E(loop.Or, loop.E(loop.Less, v, s), loop.E(loop.And, loop.E(loop.Eq, v, s), late))
				return loop.E(loop.Select, behind, loop.F(0), loop.F(1))
			},
			func(before *loop.Expr) *loop.Expr {
				at := plainIndex(last)
				here := loop.Read(label, at...)
				class := loop.E(loop.And, loop.E(loop.LessEq, loop.I(0), here), loop.E(loop.Less, here, loop.I(x.Shape[last].Size)))
				s := score(append(at, loop.At(0)))
				good := loop.E(loop.And, loop.E(loop.Less, before, loop.F(float64(op.Attrs.Int("k")))), loop.E(loop.And, class, loop.E(loop.Eq, s, s)))
				return loop.E(loop.Select, good, loop.F(1), loop.F(0))
			})
		l.meanCounted(y, hits, label, op.Attrs.Ints("ignore"))
	},
	Samples: func() []Sample {
		list := classSamples()
		for i := range list {
			s := list[i].Args[0].Shape
			list[i].Attrs = ir.Attrs{{Name: "k", Value: min(1+i%3, s[len(s)-1].Size)}}
		}
		nan := list[0]
		nan.Args = []ir.Type{ir.T(ir.F32, ir.NS(3)), ir.T(ir.I32, ir.NS())}
		nan.Batch, nan.Attrs = 6, ir.Attrs{{Name: "k", Value: 2}}
		v := evalNaN
		nan.Data = map[int][]float64{0: {1, 1, 1, 2, 2, 1, v, 0, 1, v, 3, 2, 5, v, 6, 1, 2, 3}, 1: {1, 2, 0, 1, 2, 7}}
		return ignoring(append(list, nan), ir.Attr{Name: "k", Value: 2})
	}(),
})
