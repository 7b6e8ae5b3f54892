package ops

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// NormalizeGrad is the gradient of normalize.
var NormalizeGrad = Register(&Operator{
	Name: "normalize_grad",
	Doc: "The gradients of normalize with respect to x, mean, variance, scale and shift, with mean and variance as operands of their own. Where scale " +
		"is not given, it is 1 and has no gradient. Sums of products are chains of fused multiply-adds; each reads x and dy once.",
	Formula:  "dx = dy*scale*r; dmean = -Σ dx; dvariance = -r²/2 Σ dx*(x-mean); dscale = Σ dy*(x-mean)*r; dshift = Σ dy; r = 1/sqrt(variance + eps)",
	Example:  "dx, dmean, dvariance, dscale, dshift = normalize_grad(x, mean, variance, dy, scale, axes=[0, 1, 2])",
	Category: "gradient",
	Internal: true,
	Args: []Arg{
		{Name: "x", Doc: "f32, any shape"}, {Name: "mean", Doc: "as moments gives it"}, {Name: "variance", Doc: "as moments gives it"},
		{Name: "dy", Doc: "gradient of the result, like x"}, {Name: "scale", Doc: "f32, the last axes of x", Optional: true},
	},
	Attrs: normalizeAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		g, err := checkNormalize("normalize_grad", args[0], args[1:3], args[4:], a)
		if err != nil {
			return nil, err
		}
		if !args[3].Equal(args[0]) {
			return nil, fmt.Errorf("normalize_grad of %s takes a gradient of the same type, not %s", args[0], args[3])
		}
		types := []ir.Type{args[0], g.stat(), g.stat()}
		if len(args) > 4 {
			types = append(types, args[4], args[4])
		}
		return types, nil
	},
	Eval:    evalNormalizeGrad,
	NoGrad:  "the gradient of a gradient of normalize is not defined here",
	Lower:   lowerNormalizeGrad,
	Samples: normalizeSamples(true),
})

func evalNormalizeGrad(args []*Tensor, a ir.Attrs) []*Tensor {
	x, mean, variance, dy := args[0], args[1], args[2], args[3]
	stat, of := naiveNorm(x.Shape, a)
	list := []*Tensor{NewTensor(ir.F32, x.Shape...), NewTensor(ir.F32, stat...), NewTensor(ir.F32, stat...)}
	if len(args) > 4 {
		list = append(list, NewTensor(ir.F32, args[4].Shape...), NewTensor(ir.F32, args[4].Shape...))
	}
	eachIndex(x.Shape, func(ix []int) {
		s, e := of(ix), x.at(ix)
		d, v := x.Data[e]-mean.Data[s], variance.Data[s]+a.Float("eps")
		g := dy.Data[e]
		if len(args) > 4 {
			at := args[4].at(ix)
			list[3].Data[at] += g * d / math.Sqrt(v)
			list[4].Data[at] += g
			g *= args[4].Data[at]
		}
		list[0].Data[e] = g / math.Sqrt(v)
		list[1].Data[s] -= g / math.Sqrt(v)
		list[2].Data[s] -= g * d / (2 * math.Pow(v, 1.5))
	})
	return list
}

// normGrad is what the nests of normalize_grad have in common.
type normGrad struct {
	norm
	l           *Lowering
	op          *ir.Op
	x, mean, dy *loop.Buffer
	inverse     *loop.Buffer
}

func lowerNormalizeGrad(l *Lowering, op *ir.Op) {
	n := normGrad{norm: mustNorm("normalize_grad", op.Args[0].Type, op.Attrs), l: l, op: op,
		x: l.Buf(op.Args[0]), mean: l.Buf(op.Args[1]), dy: l.Buf(op.Args[3])}
	n.inverse = n.norm.inverse(l, l.Buf(op.Args[2]), op.Attrs.Float("eps"))
	if len(op.Args) > 4 && n.perChannel() && len(op.Args[4].Type.Shape) == 1 {
		n.channels()
		return
	}
	n.general()
}

func (n normGrad) grad(at []loop.Affine) *loop.Expr { return loop.Read(n.dy, n.index(at)...) }

// channels: the sums for the statistics and those for scale and shift are the same two, and dy is multiplied with one factor.
func (n normGrad) channels() {
	l, at := n.l, loop.Ax(0)
	dscale, dshift := l.Buf(n.op.Results[3]), l.Buf(n.op.Results[4])
	inverse, factor := loop.Read(n.inverse, at), l.Temp("factor", n.stat())
	l.mapOver(factor, loop.E(loop.Mul, loop.Read(l.Buf(n.op.Args[4]), at), inverse))
	n.sum(l, dshift, n.grad, asIs)
	product := l.Temp("product", n.stat())
	n.sum(l, product, func(at []loop.Affine) *loop.Expr {
		return loop.E(loop.Mul, n.grad(at), n.centred(n.x, n.mean)(at))
	}, asIs)
	l.mapOver(dscale, loop.E(loop.Mul, loop.Read(product, at), inverse))
	l.mapOver(l.Buf(n.op.Results[1]), loop.E(loop.Neg, loop.E(loop.Mul, loop.Read(dshift, at), loop.Read(factor, at))))
	n.variance(loop.E(loop.Mul, loop.Read(product, at), loop.Read(l.Buf(n.op.Args[4]), at)))
	n.mapAll(l, l.Buf(n.op.Results[0]), func(at []loop.Affine) *loop.Expr {
		return loop.E(loop.Mul, n.grad(at), n.reader(factor)(at))
	})
}

// variance emits the gradient of the variance from Σ dy*scale*(x-mean), which is divided by the third power of the deviation. It is not
// multiplied with the power, since that leaves the range of f32 sooner.
func (n normGrad) variance(total *loop.Expr) {
	r := loop.Read(n.inverse, plainIndex(len(n.inverse.Shape))...)
	half := loop.E(loop.Mul, loop.E(loop.Mul, total, r), loop.F(-0.5))
	n.l.mapOver(n.l.Buf(n.op.Results[2]), loop.E(loop.Mul, loop.E(loop.Mul, half, r), r))
}

// general: dy is multiplied with its scale first.
func (n normGrad) general() {
	l := n.l
	scaled := n.grad
	if len(n.op.Args) > 4 {
		scale := n.gain(l.Buf(n.op.Args[4]))
		scaled = func(at []loop.Affine) *loop.Expr { return loop.E(loop.Mul, n.grad(at), scale(at)) }
	}
	plain := plainIndex(len(n.inverse.Shape))
	n.sum(l, l.Buf(n.op.Results[1]), scaled, func(total *loop.Expr) *loop.Expr {
		// The loops of a statistic's store are those of its shape.
		return loop.E(loop.Neg, loop.E(loop.Mul, total, loop.Read(n.inverse, plain...)))
	})
	product := l.Temp("product", n.stat())
	n.sum(l, product, func(at []loop.Affine) *loop.Expr {
		return loop.E(loop.Mul, scaled(at), n.centred(n.x, n.mean)(at))
	}, asIs)
	n.variance(loop.Read(product, plain...))
	n.mapAll(l, l.Buf(n.op.Results[0]), func(at []loop.Affine) *loop.Expr {
		return loop.E(loop.Mul, scaled(at), n.reader(n.inverse)(at))
	})
	if len(n.op.Args) > 4 {
		n.gains()
	}
}

// gains emits the gradients of scale and shift, sums over the axes that those lack.
func (n normGrad) gains() {
	dscale, dshift := n.l.Buf(n.op.Results[3]), n.l.Buf(n.op.Results[4])
	lead := len(n.shape) - len(dscale.Shape)
	var axes []int
	for i := range lead {
		axes = append(axes, i)
	}
	place := func(at []loop.Affine) []loop.Affine { return n.index(at)[lead:] }
	n.sumOver(n.l, dshift, axes, n.grad, asIs, place)
	n.sumOver(n.l, dscale, axes, func(at []loop.Affine) *loop.Expr {
		return loop.E(loop.Mul, n.grad(at), loop.E(loop.Mul, n.centred(n.x, n.mean)(at), n.reader(n.inverse)(at)))
	}, asIs, place)
}
