package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// RMSNormGrad is the gradient of rms_norm.
var RMSNormGrad = Register(&Operator{
	Name: "rms_norm_grad",
	Doc: "The gradients of rms_norm with respect to x and, where it is given, scale. The root of the mean square is computed as rms_norm does, so that fusion finds " +
		"it there.",
	Formula:  "dx = r*(g - x*r² * Σ g*x / n), g = dy*scale, r = 1/sqrt(Σ x² / n + eps); dscale = Σ dy*x*r",
	Example:  "dx, dscale = rms_norm_grad(x, dy, scale)",
	Category: "gradient",
	Internal: true,
	Args: []Arg{
		{Name: "x", Doc: "f32[N,..,C]"}, {Name: "dy", Doc: "gradient of the result, like x"}, {Name: "scale", Doc: "f32, the normalized axes", Optional: true},
	},
	Attrs: layerNormAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if _, err := rmsGeometry("rms_norm_grad", args[0], args[2:], a); err != nil {
			return nil, err
		}
		if !args[1].Equal(args[0]) {
			return nil, fmt.Errorf("rms_norm_grad of %s takes a gradient of the same type, not %s", args[0], args[1])
		}
		return append([]ir.Type{args[0]}, args[2:]...), nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, dy, row := args[0], args[1], rmsRow(args[0], a)
		list := []*Tensor{NewTensor(ir.F32, x.Shape...)}
		scale := func(i int) float64 { return 1 }
		if len(args) > 2 {
			list = append(list, NewTensor(ir.F32, args[2].Shape...))
			scale = func(i int) float64 { return args[2].Data[i%row] }
		}
		for i := range x.Data {
			first := i / row * row
			r := 1 / rmsOf(x.Data[first:][:row], a)
			sum := 0.0
			for k := first; k < first+row; k++ {
				sum += dy.Data[k] * scale(k) * x.Data[k]
			}
			list[0].Data[i] = r * (dy.Data[i]*scale(i) - x.Data[i]*r*r*sum/float64(row))
			if len(args) > 2 {
				list[1].Data[i%row] += dy.Data[i] * x.Data[i] * r
			}
		}
		return list
	},
	NoGrad: "the gradient of a gradient of a normalization is not defined here",
	Lower: func(l *Lowering, op *ir.Op) {
		g, _ := rmsGeometry("rms_norm_grad", op.Args[0].Type, nil, op.Attrs)
		x, dy := l.Buf(op.Args[0]), l.Buf(op.Args[1])
		inverse := g.inverseRoot(l, x, op.Attrs.Float("eps"))
		grad := func(at []loop.Affine) *loop.Expr {
			v := loop.Read(dy, at...)
			if len(op.Args) > 2 {
				v = loop.E(loop.Mul, v, g.gain(l.Buf(op.Args[2]))(at))
			}
			return v
		}
		slope, plain := l.Temp("slope", g.stat()), plainIndex(len(inverse.Shape))
		g.sum(l, slope, func(at []loop.Affine) *loop.Expr { return loop.E(loop.Mul, grad(at), loop.Read(x, at...)) }, func(total *loop.Expr) *loop.Expr {
			r := loop.Read(inverse, plain...)
			return loop.E(loop.Neg, l.over(loop.E(loop.Mul, loop.E(loop.Mul, loop.E(loop.Mul, total, r), r), r), g.dims()))
		})
		g.mapAll(l, l.Buf(op.Results[0]), func(at []loop.Affine) *loop.Expr {
			return loop.E(loop.FMA, loop.Read(x, at...), g.reader(slope)(at), loop.E(loop.Mul, grad(at), g.reader(inverse)(at)))
		})
		if len(op.Args) > 2 {
			dscale := l.Buf(op.Results[1])
			lead := len(g.shape) - len(dscale.Shape)
			g.sumOver(l, dscale, axisRange(0, lead), func(at []loop.Affine) *loop.Expr {
				return loop.E(loop.Mul, loop.Read(dy, at...), loop.E(loop.Mul, loop.Read(x, at...), g.reader(inverse)(at)))
			}, asIs, func(at []loop.Affine) []loop.Affine { return at[lead:] })
		}
	},
	Samples: rmsNormGradSamples(),
})

func rmsNormGradSamples() []Sample {
	list := layerNormSamples(1)
	for i := range list {
		list[i].Args = append([]ir.Type{list[i].Args[0], list[i].Args[0]}, list[i].Args[1:]...)
	}
	return list
}
