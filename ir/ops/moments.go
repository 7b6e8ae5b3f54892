package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Moments is the mean and the variance that normalisations divide by.
var Moments = Register(&Operator{
	Name: "moments",
	Doc: "Mean and variance of x over axes, which the results lack; with groups, for each group of channels of the last axis, and the groups are the last axis of " +
		"the results. The variance is the mean squared distance from the mean, taken in a second pass, so that it is exact where it is small.",
	Formula:  "mean = Σ x / n; variance = Σ (x - mean)² / n",
	Example:  "mean, variance = moments(x, axes=[0, 1, 2])",
	Category: "reduction",
	Internal: true,
	Args:     []Arg{{Name: "x", Doc: "f32, any shape"}},
	Attrs:    normAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		g, err := newNorm("moments", args[0], a)
		if err != nil {
			return nil, err
		}
		return []ir.Type{g.stat(), g.stat()}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		mean, variance := naiveMoments(args[0], a)
		return []*Tensor{mean, variance}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		none := b.apply("mul", op.Results[0], b.scalar(0))
		for i, g := range grads {
			if g == nil {
				grads[i] = none
			}
		}
		args := []*ir.Value{op.Args[0], op.Results[0], grads[0], grads[1]}
		return []*ir.Value{b.Must("moments_grad", op.Args[0].Name+".grad", args, op.Attrs...)}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		g := mustNorm("moments", op.Args[0].Type, op.Attrs)
		x, mean, variance := l.Buf(op.Args[0]), l.Buf(op.Results[0]), l.Buf(op.Results[1])
		divide := func(total *loop.Expr) *loop.Expr { return l.over(total, g.dims()) }
		g.sum(l, mean, func(at []loop.Affine) *loop.Expr { return loop.Read(x, g.index(at)...) }, divide)
		g.sum(l, variance, func(at []loop.Affine) *loop.Expr {
			d := g.centred(x, mean)(at)
			return loop.E(loop.Mul, d, d)
		}, divide)
	},
	Samples: momentSamples(),
})

func naiveMoments(x *Tensor, a ir.Attrs) (mean, variance *Tensor) {
	stat, of := naiveNorm(x.Shape, a)
	mean, variance = NewTensor(ir.F32, stat...), NewTensor(ir.F32, stat...)
	share := float64(len(mean.Data)) / float64(max(1, len(x.Data)))
	eachIndex(x.Shape, func(ix []int) { mean.Data[of(ix)] += x.Data[x.at(ix)] * share })
	eachIndex(x.Shape, func(ix []int) {
		d := x.Data[x.at(ix)] - mean.Data[of(ix)]
		variance.Data[of(ix)] += d * d * share
	})
	return mean, variance
}

// normSamples are shapes and the axes and groups of their statistics.
var normSamples = []struct {
	x     ir.Shape
	attrs ir.Attrs
	batch int
}{
	{ir.NS(3, 4, 5), normOver(1, 0, 1, 2), 2},
	{ir.NS(5), normOver(1, 0), 4},
	{ir.NS(9), normOver(1, -1), 3},
	{ir.NS(3, 6), normOver(1, 2), 2},
	{ir.NS(3, 5), normOver(1, 1, 2), 2},
	{ir.NS(2, 3, 6), normOver(3, 1, 2, 3), 2},
	{ir.NS(4, 10), normOver(2, 1, 2), 1},
	{ir.NS(3, 2, 3), normOver(1, 1, 2), 2},
	{ir.NS(1, 1), normOver(1, 1), 3},
	{ir.S(4, 3), normOver(1, 0), 1},
	{ir.S(7), normOver(1), 1},
}

func normOver(groups int, axes ...int) ir.Attrs {
	return ir.Attrs{{Name: "axes", Value: append([]int{}, axes...)}, {Name: "groups", Value: groups}}
}

func momentSamples() []Sample {
	var list []Sample
	for _, n := range normSamples {
		list = append(list, Sample{Args: f32Types(n.x), Attrs: n.attrs, Batch: n.batch})
	}
	// A mean that is large beside the deviation: the variance must not be the difference of two large numbers.
	return append(list, Sample{Args: f32Types(ir.NS(8)), Attrs: normOver(1, 1), Range: map[int][2]float64{0: {64, 65}}, NoGrad: true})
}
