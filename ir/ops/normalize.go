package ops

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

var normalizeAttrs = append(append([]AttrDef{}, normAttrs...), epsAttr)

// Normalize brings a tensor to mean 0 and variance 1, and from there to a learned scale.
var Normalize = Register(&Operator{
	Name: "normalize",
	Doc: "Subtracts the mean, divides by the root of the variance, and then multiplies with scale and adds shift, which have the extents of the last axes of x. The " +
		"statistics are those that moments gives for the same axes and groups, or running ones.",
	Formula:  "y = (x - mean) / sqrt(variance + eps) * scale + shift",
	Example:  "y = normalize(x, mean, variance, scale, shift, axes=[0, 1, 2])",
	Category: "layer",
	Internal: true,
	Args: []Arg{
		{Name: "x", Doc: "f32, any shape"}, {Name: "mean", Doc: "as moments gives it"}, {Name: "variance", Doc: "as moments gives it"},
		{Name: "scale", Doc: "f32, the last axes of x", Optional: true}, {Name: "shift", Doc: "f32, the last axes of x", Optional: true},
	},
	Attrs: normalizeAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if _, err := checkNormalize("normalize", args[0], args[1:3], args[3:], a); err != nil {
			return nil, err
		}
		return args[:1], nil
	},
	Eval:    func(args []*Tensor, a ir.Attrs) []*Tensor { return []*Tensor{naiveNormalize(args, a)} },
	Grad:    gradNormalize,
	Lower:   lowerNormalize,
	Samples: normalizeSamples(false),
})

// checkNormalize checks the operands of a normalisation and returns its geometry.
func checkNormalize(kind string, x ir.Type, stats, gains []ir.Type, a ir.Attrs) (norm, error) {
	g, err := newNorm(kind, x, a)
	if err != nil {
		return g, err
	}
	for _, t := range stats {
		if !t.Equal(g.stat()) {
			return g, fmt.Errorf("%s of %s takes statistics %s, not %s", kind, x, g.stat(), t)
		}
	}
	return g, g.checkGain(kind, gains)
}

func naiveNormalize(args []*Tensor, a ir.Attrs) *Tensor {
	x, y := args[0], NewTensor(ir.F32, args[0].Shape...)
	_, of := naiveNorm(x.Shape, a)
	eachIndex(x.Shape, func(ix []int) {
		v := (x.Data[x.at(ix)] - args[1].Data[of(ix)]) / math.Sqrt(args[2].Data[of(ix)]+a.Float("eps"))
		if len(args) > 3 {
			v *= args[3].Data[args[3].at(ix)]
		}
		if len(args) > 4 {
			v += args[4].Data[args[4].at(ix)]
		}
		y.Data[x.at(ix)] = v
	})
	return y
}

// lowerNormalize has one factor for each channel where statistics and scale both belong to channels.
func lowerNormalize(l *Lowering, op *ir.Op) {
	g := mustNorm("normalize", op.Args[0].Type, op.Attrs)
	x, mean, y := l.Buf(op.Args[0]), l.Buf(op.Args[1]), l.Buf(op.Results[0])
	factor := g.inverse(l, l.Buf(op.Args[2]), op.Attrs.Float("eps"))
	scaled := len(op.Args) > 3
	if scaled && g.perChannel() && len(op.Args[3].Type.Shape) == 1 {
		inverse := factor
		factor, scaled = l.Temp("factor", g.stat()), false
		l.mapOver(factor, loop.E(loop.Mul, loop.Read(l.Buf(op.Args[3]), loop.Ax(0)), loop.Read(inverse, loop.Ax(0))))
	}
	g.mapAll(l, y, func(at []loop.Affine) *loop.Expr {
		v, by := g.centred(x, mean)(at), g.reader(factor)(at)
		if scaled {
			v, by = loop.E(loop.Mul, v, by), g.gain(l.Buf(op.Args[3]))(at)
		}
		if len(op.Args) > 4 {
			return loop.E(loop.FMA, v, by, g.gain(l.Buf(op.Args[4]))(at))
		}
		return loop.E(loop.Mul, v, by)
	})
}

func gradNormalize(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
	if grads[0] == nil {
		return make([]*ir.Value, len(op.Args))
	}
	args := append([]*ir.Value{op.Args[0], op.Args[1], op.Args[2], grads[0]}, op.Args[3:min(4, len(op.Args))]...)
	list, err := b.Ops("normalize_grad", op.Args[0].Name+".grad", args, op.Attrs...)
	if err != nil {
		panic("ops: normalize_grad: " + err.Error())
	}
	return list[:len(op.Args)]
}

// normalizeSamples are operands of normalize, or with grad of normalize_grad: without scale and shift, with a scale, with both, over
// the last axis and over several.
func normalizeSamples(grad bool) []Sample {
	var list []Sample
	for i, n := range normSamples {
		g := mustNorm("normalize", ir.T(ir.F32, n.x), n.attrs)
		shapes := []ir.Shape{n.x, g.stat().Shape, g.stat().Shape}
		gain := n.x[len(n.x)-1:]
		if i == 4 {
			gain = n.x[1:]
		}
		if grad {
			shapes = append(shapes, n.x)
		}
		if i%3 < 2 && len(n.x) > 0 && gain[0].Static() {
			if shapes = append(shapes, gain); i%3 == 0 && !grad {
				shapes = append(shapes, gain)
			}
		}
		attrs := append(append(ir.Attrs{}, n.attrs...), ir.Attr{Name: "eps", Value: 1e-3})
		list = append(list, Sample{Args: f32Types(shapes...), Attrs: attrs, Batch: n.batch, Range: map[int][2]float64{2: {0.3, 2}}})
	}
	return list
}
