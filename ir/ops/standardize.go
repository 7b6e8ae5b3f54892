package ops

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// standardizeAttrs are the attributes of standardize and its gradient.
var standardizeAttrs = append(append([]AttrDef{}, normAttrs...), epsAttr)

// Standardize is what batch, layer, group and instance normalization do.
var Standardize = Register(&Operator{
	Name: "standardize",
	Doc: "Brings x to mean 0 and variance 1 over axes, then multiplies with scale and adds shift, which have the extents of the last axes of x. Mean and " +
		"variance are results too, without the axes; with groups, each group of channels of the last axis has its own, and the groups are their last axis. " +
		"The variance is the mean squared distance from the mean, taken in a second pass, so that it is exact where it is small.",
	Formula:  "y = (x - mean) / sqrt(variance + eps) * scale + shift; mean = Σ x / n; variance = Σ (x - mean)² / n",
	Example:  "y, mean, variance = standardize(x, scale, shift, axes=[0, 1, 2])",
	Category: "layer",
	Internal: true,
	Args: []Arg{
		{Name: "x", Doc: "f32, any shape"},
		{Name: "scale", Doc: "f32, the last axes of x", Optional: true}, {Name: "shift", Doc: "f32, the last axes of x", Optional: true},
	},
	Attrs: standardizeAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		g, err := newNorm("standardize", args[0], a)
		if err != nil {
			return nil, err
		}
		return []ir.Type{args[0], g.stat(), g.stat()}, g.checkGain("standardize", args[1:])
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		mean, variance := naiveMoments(args[0], a)
		x, y := args[0], NewTensor(ir.F32, args[0].Shape...)
		_, of := naiveNorm(x.Shape, a)
		eachIndex(x.Shape, func(ix []int) {
			v := (x.Data[x.at(ix)] - mean.Data[of(ix)]) / math.Sqrt(variance.Data[of(ix)]+a.Float("eps"))
			if len(args) > 1 {
				v *= args[1].Data[args[1].at(ix)]
			}
			if len(args) > 2 {
				v += args[2].Data[args[2].at(ix)]
			}
			y.Data[x.at(ix)] = v
		})
		return []*Tensor{y, mean, variance}
	},
	Grad:    gradStandardize,
	Lower:   lowerStandardize,
	Samples: standardizeSamples(false),
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

func lowerStandardize(l *Lowering, op *ir.Op) {
	g := mustNorm("standardize", op.Args[0].Type, op.Attrs)
	x, y, mean, variance := l.Buf(op.Args[0]), l.Buf(op.Results[0]), l.Buf(op.Results[1]), l.Buf(op.Results[2])
	divide := func(total *loop.Expr) *loop.Expr {
		n := l.count(g.dims())
		switch {
		case n == nil:
			return total
		case n.Code != loop.Const: // of an empty batch mean and variance are 0
			n = loop.E(loop.Max, n, loop.F(1))
		}
		return loop.E(loop.Div, total, n)
	}
	g.sum(l, mean, func(at []loop.Affine) *loop.Expr { return loop.Read(x, g.index(at)...) }, divide)
	g.sum(l, variance, func(at []loop.Affine) *loop.Expr {
		d := g.centred(x, mean)(at)
		return loop.E(loop.Mul, d, d)
	}, divide)
	factor := g.inverse(l, variance, op.Attrs.Float("eps"))
	scaled := len(op.Args) > 1
	if scaled && g.perChannel(op.Args[1].Type) {
		factor, scaled = g.factor(l, l.Buf(op.Args[1]), factor), false
	}
	g.mapAll(l, y, func(at []loop.Affine) *loop.Expr {
		v, by := g.centred(x, mean)(at), g.reader(factor)(at)
		if scaled {
			v, by = loop.E(loop.Mul, v, by), g.gain(l.Buf(op.Args[1]))(at)
		}
		if len(op.Args) > 2 {
			return loop.E(loop.FMA, v, by, g.gain(l.Buf(op.Args[2]))(at))
		}
		return loop.E(loop.Mul, v, by)
	})
}

// gradStandardize: gradients of the statistics are rare, and built of general operators.
func gradStandardize(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
	x, list := op.Args[0], make([]*ir.Value, len(op.Args))
	if grads[0] != nil {
		args := append([]*ir.Value{x, op.Results[1], op.Results[2], grads[0]}, op.Args[1:min(2, len(op.Args))]...)
		dx, err := b.Ops("standardize_grad", x.Name+".grad", args, op.Attrs...)
		if err != nil {
			panic("ops: standardize: " + err.Error())
		}
		copy(list, dx)
	}
	if d := gradMoments(b, op, grads[1], grads[2]); d != nil {
		if list[0] != nil {
			d = b.apply("add", list[0], d)
		}
		list[0] = d
	}
	return list
}

// gradMoments is the gradient of x, given those of mean and variance: dmean/n + 2*dvariance/n * (x - mean). The mean's part in the variance
// vanishes, since deviations sum to zero.
func gradMoments(b *Builder, op *ir.Op, dmean, dvariance *ir.Value) *ir.Value {
	g := mustNorm("standardize", op.Args[0].Type, op.Attrs)
	shaped := func(x *ir.Value, s ir.Shape) *ir.Value {
		if x.Type.Shape.Equal(s) {
			return x
		}
		dims := []int{}
		for _, d := range s[1:] {
			dims = append(dims, d.Size)
		}
		return b.Must("reshape", x.Name, []*ir.Value{x}, ir.Attr{Name: "shape", Value: dims}, ir.Attr{Name: "keep", Value: 1})
	}
	x := shaped(op.Args[0], g.split)
	spread := func(v *ir.Value, mean bool) *ir.Value {
		return b.Must("expand", v.Name, []*ir.Value{v, x}, ir.Attr{Name: "axes", Value: g.folded}, ir.Attr{Name: "mean", Value: mean})
	}
	var d *ir.Value
	if dvariance != nil {
		d = b.apply("mul", b.apply("sub", x, spread(op.Results[1], false)), b.apply("mul", spread(dvariance, true), b.scalar(2)))
	}
	switch {
	case dmean != nil && d != nil:
		d = b.apply("add", d, spread(dmean, true))
	case dmean != nil:
		d = spread(dmean, true)
	case d == nil:
		return nil
	}
	return shaped(d, g.shape)
}

// standardizeSamples are operands of standardize, or with grad of standardize_grad: without scale and shift, with a scale, with both,
// over the last axis and over several.
func standardizeSamples(grad bool) []Sample {
	over := func(groups int, axes ...int) ir.Attrs {
		return ir.Attrs{{Name: "axes", Value: append([]int{}, axes...)}, {Name: "groups", Value: groups}, {Name: "eps", Value: 1e-3}}
	}
	var list []Sample
	for _, s := range []struct {
		x     ir.Shape
		attrs ir.Attrs
		gain  int // the axes of scale, and with the sign turned of scale without shift
		batch int
	}{
		{ir.NS(3, 4, 5), over(1, 0, 1, 2), 1, 2},
		{ir.NS(5), over(1, 0), -1, 4},
		{ir.NS(3, 2), over(1, 0, 1), 0, 3},
		{ir.NS(9), over(1, -1), 1, 3},
		{ir.NS(3, 6), over(1, 2), -1, 2},
		{ir.NS(3, 5), over(1, 1, 2), 2, 2},
		{ir.NS(2, 3, 6), over(3, 1, 2, 3), 1, 2},
		{ir.NS(4, 10), over(2, 1, 2), 0, 1},
		{ir.NS(3, 2, 3), over(1, 1, 2), 1, 2},
		{ir.NS(2, 6), over(2, 0, 2), 1, 3},
		{ir.S(4, 3), over(1, 0), 1, 1},
		{ir.S(7), over(1), -1, 1},
	} {
		n, gain := len(s.x), max(s.gain, -s.gain)
		shapes := []ir.Shape{s.x}
		if grad {
			stat := mustNorm("standardize", ir.T(ir.F32, s.x), s.attrs).stat().Shape
			shapes = append(shapes, stat, stat, s.x)
		}
		if gain > 0 {
			shapes = append(shapes, s.x[n-gain:])
		}
		if s.gain > 0 && !grad {
			shapes = append(shapes, s.x[n-gain:])
		}
		sample := Sample{Args: f32Types(shapes...), Attrs: s.attrs, Batch: s.batch}
		if grad {
			sample.Range = map[int][2]float64{2: {0.3, 2}}
		}
		list = append(list, sample)
	}
	if !grad {
		// A mean that is large beside the deviation: the variance must not be the difference of two large numbers.
		list = append(list, Sample{Args: f32Types(ir.NS(8)), Attrs: over(1, 1), Range: map[int][2]float64{0: {8, 9}}, NoGrad: true})
	}
	return list
}

// checkGain checks scale and shift, which have the tensor's last axes.
func (g norm) checkGain(kind string, gains []ir.Type) error {
	for i, t := range gains {
		n := len(g.shape) - len(t.Shape)
		ok := t.Elem == ir.F32 && n >= 0 && len(t.Shape) > 0 && t.Shape.Equal(g.shape[n:]) && t.Equal(gains[0])
		for _, d := range t.Shape {
			ok = ok && d.Static()
		}
		if !ok {
			return fmt.Errorf("%s of %s takes a %s with the extents of its last axes, not %s", kind, g.shape, []string{"scale", "shift"}[i], t)
		}
	}
	return nil
}
