package ops

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// StandardizeGrad is the gradient of standardize.
var StandardizeGrad = Register(&Operator{
	Name: "standardize_grad",
	Doc: "The gradients of standardize with respect to x, scale and shift, given that of y. Where scale is not given, it is 1 and there is only that of x. Two " +
		"sums for each statistic are taken first, each a chain of fused multiply-adds that reads x and dy once; from them follow two factors, so that an " +
		"element takes two multiply-adds.",
	Formula: "dx = r*(g - Σ g / n - (x-mean)*r² * Σ g*(x-mean) / n), g = dy*scale, r = 1/sqrt(variance + eps); dscale = Σ dy*(x-mean)*r; dshift = Σ dy",
	Example: "dx, dscale, dshift = standardize_grad(x, mean, variance, dy, scale, axes=[0, 1, 2])",

	Category: "gradient",
	Internal: true,
	Args: []Arg{
		{Name: "x", Doc: "f32, any shape"}, {Name: "mean", Doc: "of x"}, {Name: "variance", Doc: "of x"},
		{Name: "dy", Doc: "gradient of the result, like x"}, {Name: "scale", Doc: "f32, the last axes of x", Optional: true},
	},
	Attrs: standardizeAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		g, err := newNorm("standardize_grad", args[0], a)
		if err != nil {
			return nil, err
		}
		if !args[1].Equal(g.stat()) || !args[2].Equal(g.stat()) || !args[3].Equal(args[0]) {
			return nil, fmt.Errorf("standardize_grad of %s takes statistics %s and a gradient like x, not %s, %s and %s", args[0], g.stat(), args[1], args[2], args[3])
		}
		if err := g.checkGain("standardize_grad", args[4:]); err != nil || len(args) < 5 {
			return args[:1], err
		}
		return []ir.Type{args[0], args[4], args[4]}, nil
	},
	Eval:    evalStandardizeGrad,
	NoGrad:  "the gradient of a gradient of a normalization is not defined here",
	Lower:   lowerStandardizeGrad,
	Samples: standardizeSamples(true),
})

func evalStandardizeGrad(args []*Tensor, a ir.Attrs) []*Tensor {
	x, mean, variance, dy := args[0], args[1], args[2], args[3]
	stat, of := naiveNorm(x.Shape, a)
	sum, product := NewTensor(ir.F32, stat...), NewTensor(ir.F32, stat...)
	list := []*Tensor{NewTensor(ir.F32, x.Shape...)}
	if len(args) > 4 {
		list = append(list, NewTensor(ir.F32, args[4].Shape...), NewTensor(ir.F32, args[4].Shape...))
	}
	g, d := NewTensor(ir.F32, x.Shape...), NewTensor(ir.F32, x.Shape...)
	root := func(s int) float64 { return math.Sqrt(variance.Data[s] + a.Float("eps")) }
	eachIndex(x.Shape, func(ix []int) {
		s, e := of(ix), x.at(ix)
		g.Data[e], d.Data[e] = dy.Data[e], (x.Data[e]-mean.Data[s])/root(s)
		if len(args) > 4 {
			at := args[4].at(ix)
			list[1].Data[at] += dy.Data[e] * d.Data[e]
			list[2].Data[at] += dy.Data[e]
			g.Data[e] *= args[4].Data[at]
		}
		sum.Data[s] += g.Data[e]
		product.Data[s] += g.Data[e] * d.Data[e]
	})
	n := float64(len(x.Data)) / float64(len(sum.Data))
	eachIndex(x.Shape, func(ix []int) {
		s, e := of(ix), x.at(ix)
		list[0].Data[e] = (g.Data[e] - sum.Data[s]/n - d.Data[e]*product.Data[s]/n) / root(s)
	})
	return list
}

// standardizeGrad is what the nests of standardize_grad have in common.
type standardizeGrad struct {
	norm
	l           *Lowering
	op          *ir.Op
	x, mean, dy *loop.Buffer
	inverse     *loop.Buffer
	scale       *loop.Buffer // nil where there is none
}

func lowerStandardizeGrad(l *Lowering, op *ir.Op) {
	n := standardizeGrad{norm: mustNorm("standardize_grad", op.Args[0].Type, op.Attrs), l: l, op: op,
		x: l.Buf(op.Args[0]), mean: l.Buf(op.Args[1]), dy: l.Buf(op.Args[3])}
	n.inverse = n.norm.inverse(l, l.Buf(op.Args[2]), op.Attrs.Float("eps"))
	if len(op.Args) > 4 {
		n.scale = l.Buf(op.Args[4])
	}
	if n.scale != nil && n.perChannel(op.Args[4].Type) {
		n.channels()
	} else {
		n.general()
	}
}

func (n standardizeGrad) grad(at []loop.Affine) *loop.Expr { return loop.Read(n.dy, n.index(at)...) }

// channels: the sums for the statistics and those for scale and shift are the same two.
func (n standardizeGrad) channels() {
	l, at := n.l, []loop.Affine{loop.Ax(0)}
	dscale, dshift := l.Buf(n.op.Results[1]), l.Buf(n.op.Results[2])
	factor := n.factor(l, n.scale, n.inverse)
	n.sum(l, dshift, n.grad, asIs)
	product := n.product(n.grad)
	l.mapOver(dscale, loop.E(loop.Mul, loop.Read(product, at...), loop.Read(n.inverse, at...)))
	n.input(n.grad, loop.Read(dshift, at...), loop.Read(product, at...), factor)
}

// general: dy is multiplied with its scale first.
func (n standardizeGrad) general() {
	scaled := n.grad
	if n.scale != nil {
		gain := n.gain(n.scale)
		scaled = func(at []loop.Affine) *loop.Expr { return loop.E(loop.Mul, n.grad(at), gain(at)) }
	}
	sum := n.l.Temp("sum", n.stat())
	n.sum(n.l, sum, scaled, asIs)
	product, at := n.product(scaled), plainIndex(len(sum.Shape))
	n.input(scaled, loop.Read(sum, at...), loop.Read(product, at...), n.inverse)
	if n.scale != nil {
		n.gains()
	}
}

// product emits the sum of a gradient times the deviation from the mean.
func (n standardizeGrad) product(grad func(at []loop.Affine) *loop.Expr) *loop.Buffer {
	b := n.l.Temp("product", n.stat())
	n.sum(n.l, b, func(at []loop.Affine) *loop.Expr { return loop.E(loop.Mul, grad(at), n.centred(n.x, n.mean)(at)) }, asIs)
	return b
}

// input emits the gradient of x: grad times factor, less what it shares with the others of its statistic, of which the two sums are given.
// The third power of the inverse deviation is not formed, since it leaves the range of f32 sooner than the product does.
func (n standardizeGrad) input(grad func(at []loop.Affine) *loop.Expr, sum, product *loop.Expr, factor *loop.Buffer) {
	l, at := n.l, plainIndex(len(factor.Shape))
	same, slope := l.Temp("same", n.stat()), l.Temp("slope", n.stat())
	by, r := loop.Read(factor, at...), loop.Read(n.inverse, at...)
	l.mapOver(same, loop.E(loop.Neg, l.over(loop.E(loop.Mul, sum, by), n.dims())))
	l.mapOver(slope, loop.E(loop.Neg, l.over(loop.E(loop.Mul, loop.E(loop.Mul, loop.E(loop.Mul, product, by), r), r), n.dims())))
	n.mapAll(l, l.Buf(n.op.Results[0]), func(at []loop.Affine) *loop.Expr {
		return loop.E(loop.FMA, n.centred(n.x, n.mean)(at), n.reader(slope)(at),
			loop.E(loop.FMA, grad(at), n.reader(factor)(at), n.reader(same)(at)))
	})
}

// gains emits the gradients of scale and shift, sums over the axes that those lack.
func (n standardizeGrad) gains() {
	dscale, dshift := n.l.Buf(n.op.Results[1]), n.l.Buf(n.op.Results[2])
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
