package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// MomentsGrad is the gradient of mean and variance.
var MomentsGrad = Register(&Operator{
	Name: "moments_grad",
	Doc: "The gradient of moments with respect to x. The mean's share of the variance's gradient vanishes, since deviations sum to zero. The two factors of each " +
		"statistic are computed once, so that an element takes one fused multiply-add.",
	Formula:  "dx = dmean/n + 2*dvariance/n * (x - mean)",
	Example:  "dx = moments_grad(x, mean, dmean, dvariance, axes=[0, 1, 2])",
	Category: "gradient",
	Internal: true,
	Args: []Arg{
		{Name: "x", Doc: "f32, any shape"}, {Name: "mean", Doc: "as moments gives it"},
		{Name: "dmean", Doc: "gradient of the mean"}, {Name: "dvariance", Doc: "gradient of the variance"},
	},
	Attrs: normAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		g, err := newNorm("moments_grad", args[0], a)
		if err != nil {
			return nil, err
		}
		for _, t := range args[1:] {
			if !t.Equal(g.stat()) {
				return nil, fmt.Errorf("moments_grad of %s takes statistics %s, not %s", args[0], g.stat(), t)
			}
		}
		return args[:1], nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, dx := args[0], NewTensor(ir.F32, args[0].Shape...)
		_, of := naiveNorm(x.Shape, a)
		n := float64(len(x.Data)) / float64(len(args[1].Data))
		eachIndex(x.Shape, func(ix []int) {
			s := of(ix)
			dx.Data[x.at(ix)] = (args[2].Data[s] + 2*args[3].Data[s]*(x.Data[x.at(ix)]-args[1].Data[s])) / n
		})
		return []*Tensor{dx}
	},
	NoGrad: "the gradient of a gradient of moments is not defined here",
	Lower: func(l *Lowering, op *ir.Op) {
		g := mustNorm("moments_grad", op.Args[0].Type, op.Attrs)
		x, mean, dmean, dvariance := l.Buf(op.Args[0]), l.Buf(op.Args[1]), l.Buf(op.Args[2]), l.Buf(op.Args[3])
		at := plainIndex(len(mean.Shape))
		same, slope := l.Temp("same", g.stat()), l.Temp("slope", g.stat())
		l.mapOver(same, l.over(loop.Read(dmean, at...), g.dims()))
		l.mapOver(slope, l.over(loop.E(loop.Mul, loop.Read(dvariance, at...), loop.F(2)), g.dims()))
		g.mapAll(l, l.Buf(op.Results[0]), func(at []loop.Affine) *loop.Expr {
			return loop.E(loop.FMA, g.centred(x, mean)(at), g.reader(slope)(at), g.reader(same)(at))
		})
	},
	Samples: momentGradSamples(),
})

func momentGradSamples() []Sample {
	var list []Sample
	for _, n := range normSamples {
		g := mustNorm("moments_grad", ir.T(ir.F32, n.x), n.attrs)
		list = append(list, Sample{Args: f32Types(n.x, g.stat().Shape, g.stat().Shape, g.stat().Shape), Attrs: n.attrs, Batch: n.batch})
	}
	return list
}
