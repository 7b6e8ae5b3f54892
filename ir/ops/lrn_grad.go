package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// LRNGrad is the gradient of local response normalization.
var LRNGrad = Register(&Operator{
	Name: "lrn_grad",
	Doc: "The gradient of lrn with respect to x [N,..,C]. The mean square around each element is computed again; what each element has lost to its neighbours is " +
		"summed over a window that is turned around.",
	Formula:  "dx[c] = dy[c]*b[c]^-beta - 2*alpha*beta/size * x[c] * Σ dy[d]*x[d]*b[d]^(-beta-1) over the d whose window holds c; b is what lrn raises to a power",
	Example:  "dx = lrn_grad(x, dy, size=5)",
	Category: "gradient",
	Internal: true,
	Args:     []Arg{{Name: "x", Doc: "f32[N,..,C]"}, {Name: "dy", Doc: "gradient of the result, like x"}},
	Attrs:    LRN.Attrs,
	Infer:    inferLRN("lrn_grad"),
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, dy := args[0], args[1]
		dx := NewTensor(ir.F32, x.Shape...)
		channels, size, beta := x.Shape[len(x.Shape)-1], a.Int("size"), a.Float("beta")
		for i := range x.Data {
			base, c := evalLRNBase(x, i, a), i%channels
			dx.Data[i] += dy.Data[i] * math.Pow(base, -beta)
			for d := c - int(math.Floor(float64(size-1)/2)); d <= c+int(math.Ceil(float64(size-1)/2)); d++ {
				if d >= 0 && d < channels {
					dx.Data[i-c+d] -= 2 * a.Float("alpha") * beta / float64(size) * x.Data[i-c+d] * dy.Data[i] * x.Data[i] * math.Pow(base, -beta-1)
				}
			}
		}
		return []*Tensor{dx}
	},
	NoGrad: "the gradient of a gradient of lrn is not defined here",
	Lower: func(l *Lowering, op *ir.Op) {
		x, dy, a := l.Buf(op.Args[0]), l.Buf(op.Args[1]), op.Attrs
		at := plainIndex(len(x.Shape))
		base, lost := l.Temp("base", op.Args[0].Type), l.Temp("lost", op.Args[0].Type)
		l.lrnSum(base, x, a, asIs)
		size, beta := a.Int("size"), a.Float("beta")
		grad := loop.Read(dy, at...)
		scaled := loop.E(loop.Mul, grad, inversePower(loop.Read(base, at...), beta))
		l.mapOver(lost, loop.E(loop.Div, loop.E(loop.Mul, scaled, loop.Read(x, at...)), loop.Read(base, at...)))
		before, after := lrnBorder(size)
		n := channelWindow(x, size)
		n.Value = loop.Read(l.overChannels(lost, "spread", after, before), windowIndex(x)...)
		part := loop.E(loop.Mul, loop.E(loop.Mul, loop.Total(ir.F32), loop.Read(x, at...)), loop.F(2*a.Float("alpha")*beta/float64(size)))
		n.Stores = []loop.Store{storeAt(l.Buf(op.Results[0]), loop.E(loop.Sub, scaled, part), at...)}
		l.Emit(n)
	},
	Samples: lrnSamples(2),
})
