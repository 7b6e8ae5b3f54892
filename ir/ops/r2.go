package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// R2 is the coefficient of determination.
var R2 = Register(&Operator{
	Name: "r2",
	Doc: "How much of the targets' variation is predicted, over all examples: 1 where all of it is, 0 for predicting their mean, below 0 for worse. " +
		"It is worked out for each number of an example and averaged over them. For each batch it gives predictions and targets.",
	Formula:  "y = mean_k (1 - Σ_n (target[n, k] - pred[n, k])^2 / Σ_n (target[n, k] - mean_n target[n, k])^2)",
	Example:  "metric = r2(height, measured)",
	Category: "metric",
	Args:     []Arg{{Name: "pred", Doc: "f32[N, …]"}, {Name: "target", Doc: "f32, the shape of pred"}},
	Metric:   &Metric{Reduce: "rows", Finish: "r2"},
	NoGrad:   "it is a number of a whole data set; train on mse",
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		p, t := args[0], args[1]
		if err := wantElem("r2", "pred", p, ir.F32); err != nil {
			return nil, err
		}
		if !p.Equal(t) || len(p.Shape) == 0 || p.Shape[0].Static() {
			return nil, WithNote("bring them to one shape with reshape, or with dense in front of the prediction", "r2 wants f32 operands of one shape, a row for each example, not %s and %s", p, t)
		}
		n, ok := p.Shape[1:].Elems()
		if n, ok = n.Mul(ir.D(2)); !ok {
			return nil, WithNote("reduce_mean makes fewer of them", "r2 of %s has too many numbers", p)
		}
		return []ir.Type{ir.T(ir.F32, ir.NS(2, n.Size/2))}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		n := args[0].Shape[0]
		k := volume(args[0].Shape[1:])
		y := NewTensor(ir.F32, n, 2, k)
		for i := range args[0].Data {
			y.Data[i/k*2*k+i%k] = args[0].Data[i]
			y.Data[i/k*2*k+k+i%k] = args[1].Data[i]
		}
		return []*Tensor{y}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		p, t, y := l.Buf(op.Args[0]), l.Buf(op.Args[1]), l.Buf(op.Results[0])
		at, place := plainIndex(len(p.Shape)), flatPlace(p.Shape)
		l.Emit(&loop.Nest{
			Form: loop.Map, Name: y.Name, Axes: axesOf(p.Shape), Fold: loop.FoldNone,
			Stores: []loop.Store{
				storeAt(y, loop.Read(p, at...), loop.Ax(0), loop.At(0), place),
				storeAt(y, loop.Read(t, at...), loop.Ax(0), loop.At(1), place),
			},
		})
	},
	Samples: []Sample{
		{Args: f32Types(ir.NS(), ir.NS()), Batch: 5},
		{Args: f32Types(ir.NS(3), ir.NS(3))},
		{Args: f32Types(ir.NS(2, 3, 5), ir.NS(2, 3, 5)), Batch: 2},
		{Args: f32Types(ir.NS(1, 7), ir.NS(1, 7)), Batch: 1},
	},
})
