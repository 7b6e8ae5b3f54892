package ops

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// BatchNorm is batch normalization in its form for inference.
var BatchNorm = Register(&Operator{
	Name: "batch_norm",
	Doc: "Batch normalization (Ioffe and Szegedy, Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift, 2015) of x " +
		"[N,..,C] for each channel. In training the mean and the variance are those of the batch, over all axes but the last, and running " +
		"averages of them are kept; otherwise the running averages take their place, so that each channel has one factor and one summand, which fusion " +
		"puts into the stores of the layer before it.",
	Formula:  "y = x*f + (shift - mean*f), f = scale / sqrt(variance + eps)",
	Example:  "features = image |> conv2d(16, bias=false) |> batch_norm |> relu",
	Category: "layer",
	Args: []Arg{
		{Name: "x", Doc: "f32[N,..,C]"}, {Name: "scale", Doc: "f32[C]"}, {Name: "shift", Doc: "f32[C]"},
		{Name: "mean", Doc: "f32[C]"}, {Name: "variance", Doc: "f32[C]"},
	},
	Attrs: []AttrDef{epsAttr},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := features("batch_norm", args[0]); err != nil {
			return nil, err
		}
		g, err := newNorm("batch_norm", args[0], channelwise(args[0], a))
		if err != nil {
			return nil, err
		}
		for i, t := range args[1:] {
			if !t.Equal(g.stat()) {
				return nil, fmt.Errorf("batch_norm of %s takes a %s %s, not %s", args[0], []string{"scale", "shift", "mean", "variance"}[i], g.stat(), t)
			}
		}
		return args[:1], nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, y, channels := args[0], NewTensor(ir.F32, args[0].Shape...), len(args[1].Data)
		for i, v := range x.Data {
			c := i % channels
			y.Data[i] = (v-args[3].Data[c])/math.Sqrt(args[4].Data[c]+a.Float("eps"))*args[1].Data[c] + args[2].Data[c]
		}
		return []*Tensor{y}
	},
	Grad: gradBatchNorm,
	Lower: func(l *Lowering, op *ir.Op) {
		g := mustNorm("batch_norm", op.Args[0].Type, channelwise(op.Args[0].Type, op.Attrs))
		param := func(i int) *loop.Expr { return loop.Read(l.Buf(op.Args[i]), loop.Ax(0)) }
		factor, offset := l.Temp("factor", g.stat()), l.Temp("offset", g.stat())
		deviation := loop.E(loop.Sqrt, loop.E(loop.Add, param(4), loop.F(op.Attrs.Float("eps"))))
		l.mapOver(factor, loop.E(loop.Div, param(1), deviation))
		l.mapOver(offset, loop.E(loop.Sub, param(2), loop.E(loop.Mul, param(3), loop.Read(factor, loop.Ax(0)))))
		x := l.Buf(op.Args[0])
		g.mapAll(l, l.Buf(op.Results[0]), func(at []loop.Affine) *loop.Expr {
			return loop.E(loop.FMA, loop.Read(x, at...), g.reader(factor)(at), g.reader(offset)(at))
		})
	},
	Layer: &Layer{
		Doc: "makes the parameters scale [C], one, and shift [C], zero, and the running averages mean [C], zero, and variance [C], one, which are not trained",
		Attrs: []AttrDef{
			{Name: "momentum", Doc: "the share of a batch in the running averages, from 0 to 1", Default: 0.1},
			epsAttr,
		},
		Build: buildBatchNorm,
	},
	ONNX: ONNX{Name: "BatchNormalization", Min: 7, Max: 15, Attrs: map[string]string{"eps": "epsilon"},
		Note: "inference form; channels are transposed from the second axis to the last; momentum there is the share that is kept"},
	Samples: batchNormSamples(),
})

// gradBatchNorm is that of a normalization with statistics that stand still, which is rare in training.
func gradBatchNorm(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
	dy := grads[0]
	if dy == nil {
		return make([]*ir.Value, len(op.Args))
	}
	x, scale, mean, variance := op.Args[0], op.Args[1], op.Args[3], op.Args[4]
	r := b.apply("div", b.scalar(1), b.apply("sqrt", b.apply("add", variance, b.scalar(op.Attrs.Float("eps")))))
	f := b.apply("mul", scale, r)
	dshift := sumTo(b, dy, scale.Type)
	dscale := b.apply("mul", sumTo(b, b.apply("mul", dy, b.apply("sub", x, mean)), scale.Type), r)
	dvariance := b.apply("mul", b.apply("mul", dscale, b.apply("mul", f, r)), b.scalar(-0.5))
	return []*ir.Value{b.apply("mul", dy, f), dscale, dshift, b.apply("neg", b.apply("mul", dshift, f)), dvariance}
}

// channelwise adds to a normalisation's attributes that its statistics are those of channels, the last axis.
func channelwise(x ir.Type, a ir.Attrs) ir.Attrs {
	axes := []int{}
	for i := range len(x.Shape) - 1 {
		axes = append(axes, i)
	}
	return ir.Attrs{{Name: "axes", Value: axes}, {Name: "groups", Value: 1}, {Name: "eps", Value: a.Float("eps")}}
}

func buildBatchNorm(b *Builder, x []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
	t := x[0].Type
	if err := features("batch_norm", t); err != nil {
		return nil, err
	}
	if t.Shape[0].Static() {
		return nil, WithNote("it normalizes over the examples of a batch; layer_norm works on one", "batch_norm needs a batch, but its input %v has none", t)
	}
	if err := checkMomentum("batch_norm", a); err != nil {
		return nil, err
	}
	attrs := channelwise(t, a)
	g, err := newNorm("batch_norm", t, attrs)
	if err != nil {
		return nil, err
	}
	var params [4]*ir.Value
	for i, p := range []struct{ name, init string }{{"scale", "ones"}, {"shift", "zeros"}, {"mean", "zeros"}, {"variance", "ones"}} {
		make := b.Param
		if i > 1 {
			make = b.Statistic
		}
		if params[i], err = make(p.name, g.stat(), ir.Init{Kind: p.init}); err != nil {
			return nil, err
		}
	}
	if !b.Training {
		return b.Ops("batch_norm", "batch_norm", []*ir.Value{x[0], params[0], params[1], params[2], params[3]}, ir.Attr{Name: "eps", Value: a.Float("eps")})
	}
	y, err := b.Ops("standardize", "batch_norm", []*ir.Value{x[0], params[0], params[1]}, attrs...)
	if err != nil {
		return nil, err
	}
	count := 1
	for _, d := range t.Shape[:len(t.Shape)-1] {
		count *= d.Size
	}
	for i, n := range []int{0, count} {
		b.Func.Rename(y[1+i], []string{"mean", "variance"}[i])
		attrs := []ir.Attr{{Name: "momentum", Value: a.Float("momentum")}, {Name: "count", Value: n}}
		if _, err := b.Ops("running_average", "", []*ir.Value{params[2+i], y[1+i]}, attrs...); err != nil {
			return nil, err
		}
	}
	return y[:1], nil
}

func batchNormSamples() []Sample {
	var list []Sample
	for i, s := range []ir.Shape{ir.NS(4, 3, 5), ir.NS(9), ir.NS(3, 1), ir.NS(1, 1, 16), ir.S(3, 4), ir.NS(2, 3, 2, 3)} {
		c := s[len(s)-1:]
		list = append(list, Sample{Args: f32Types(s, c, c, c, c), Attrs: ir.Attrs{{Name: "eps", Value: []float64{1e-5, 1e-2}[i%2]}},
			Batch: 1 + i%3, Range: map[int][2]float64{4: {0.2, 3}}})
	}
	return list
}
