package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// SinusoidalPositions tells attention where each place is.
var SinusoidalPositions = Register(&Operator{
	Name: "sinusoidal_positions",
	Doc: "Adds to x [N,..,T,C] the sines and cosines of the place t (Vaswani et al., Attention Is All You Need, 2017): even channels a sine, odd ones the cosine of " +
		"the same angle, whose wave lengths grow from 2π to base*2π.",
	Formula:  "y[..,t,c] = x[..,t,c] + sin(t / base^(c/C)) for even c, + cos(t / base^((c-1)/C)) for odd c",
	Example:  "tokens = words |> dense(64) |> sinusoidal_positions",
	Category: "layer",
	Args:     []Arg{{Name: "x", Doc: "f32[N,..,T,C]"}},
	Attrs:    []AttrDef{{Name: "base", Doc: "the ratio of the longest wave to the shortest, above 0", Default: 10000.0}},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x := args[0]
		if err := features("sinusoidal_positions", x); err != nil {
			return nil, err
		}
		if !x.Shape[len(x.Shape)-2].Static() {
			return nil, WithNote("places are an axis between the batch and the features", "sinusoidal_positions needs places with features, f32[N,T,C], but its input is %v", x)
		}
		if b := a.Float("base"); !(b > 0 && b < math.MaxFloat32) {
			return nil, WithNote("10000 is usual", "sinusoidal_positions needs a base above 0, not %v", b)
		}
		return args[:1], nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, y := args[0], NewTensor(ir.F32, args[0].Shape...)
		channels, places := x.Shape[len(x.Shape)-1], x.Shape[len(x.Shape)-2]
		for i, v := range x.Data {
			c, t := i%channels, i/channels%places
			angle := float64(t) / math.Pow(a.Float("base"), float64(c-c%2)/float64(channels))
			y.Data[i] = v + []float64{math.Sin(angle), math.Cos(angle)}[c%2]
		}
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value { return grads[:1] },
	// The table depends on nothing, so that it is a nest of its own, of one example's size.
	Lower: func(l *Lowering, op *ir.Op) {
		x, y := l.Buf(op.Args[0]), l.Buf(op.Results[0])
		rank := len(x.Shape)
		places, channels := x.Shape[rank-2], x.Shape[rank-1]
		table := l.Temp("table", ir.T(ir.F32, ir.Shape{places, channels}))
		odd := loop.E(loop.And, loop.IndexOf(loop.Ax(1)), loop.I(1))
		pair := loop.E(loop.ToF32, loop.E(loop.Sub, loop.IndexOf(loop.Ax(1)), odd))
		rate := loop.E(loop.Exp, loop.E(loop.Mul, pair, loop.F(-math.Log(op.Attrs.Float("base"))/float64(channels.Size))))
		angle := loop.E(loop.Mul, loop.E(loop.ToF32, loop.IndexOf(loop.Ax(0))), rate)
		l.mapOver(table, loop.E(loop.Select, loop.E(loop.Eq, odd, loop.I(0)), loop.E(loop.Sin, angle), loop.E(loop.Cos, angle)))
		at := plainIndex(rank)
		l.mapOver(y, loop.E(loop.Add, loop.Read(x, at...), loop.Read(table, at[rank-2:]...)))
	},
	ONNX: ONNX{Note: "written as Add of a constant"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(5, 4))},
		{Args: f32Types(ir.NS(3, 7)), Batch: 1},
		{Args: f32Types(ir.NS(2, 3, 2)), Attrs: ir.Attrs{{Name: "base", Value: 100.0}}},
		{Args: f32Types(ir.NS(1, 1))},
		{Args: f32Types(ir.S(40, 3))},
	},
})
