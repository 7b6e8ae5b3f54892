package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

var noiseAttrs = []AttrDef{
	{Name: "deviation", Doc: "the standard deviation of the noise, at least 0", Kind: 0.0},
	dropoutAttrs[1],
}

// GaussianNoise adds random numbers in training.
var GaussianNoise = Register(&Operator{
	Name: "gaussian_noise",
	Doc: "In training adds to each element of x a random number of the normal distribution around 0; otherwise the identity. It is made of two hashes of the seed, the step, the " +
		"operator and the number of the element (Box and Muller, A Note on the Generation of Random Normal Deviates, 1958): the same on every machine and with any number " +
		"of threads. Its magnitude is at most 5.9 deviations.",
	Formula:   "y = x + deviation * sqrt(-2 ln u) * cos(2π v), u and v even in (0, 1)",
	Example:   "noisy = features |> gaussian_noise(0.1)",
	Category:  "layer",
	TrainOnly: true,
	Args:      []Arg{{Name: "x", Doc: "f32, any shape"}},
	Attrs:     noiseAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := checkDraw("gaussian_noise", args[0], a); err != nil {
			return nil, err
		}
		if n, ok := args[0].Shape.Elems(); !ok || n.Size > ir.MaxElems/2 {
			return nil, WithNote("each element takes two numbers", "gaussian_noise has no numbers for %s", args[0])
		}
		if d := a.Float("deviation"); !(d >= 0) || math.IsInf(d, 0) {
			return nil, WithNote("0.1 is usual where the input is normalized", "gaussian_noise needs a deviation of at least 0, not %v", d)
		}
		return args[:1], nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[0]
		y := NewTensor(ir.F32, x.Shape...)
		for i, v := range x.Data {
			u := (dropoutUniform(0, 0, a.Int("id"), 2*i) + 0.5) / (1 << 24)
			w := dropoutUniform(0, 0, a.Int("id"), 2*i+1) / (1 << 24)
			y.Data[i] = v + a.Float("deviation")*math.Sqrt(-2*math.Log(u))*math.Cos(2*math.Pi*w)
		}
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value { return grads[:1] },
	Lower: func(l *Lowering, op *ir.Op) {
		x := op.Args[0]
		strides := loop.RowMajor(x.Type.Shape)
		for i := range strides {
			strides[i] *= 2
		}
		first, second := numbered(strides), numbered(strides)
		second.Const++
		const unit = 1.0 / (1 << 24)
		// An angle within half a turn on either side of 0, where the cosine is exact.
		turn := loop.E(loop.Sub, loop.E(loop.Mul, drawn(l, op.Attrs.Int("id"), second), loop.F(unit)), loop.F(0.5))
		u := loop.E(loop.FMA, drawn(l, op.Attrs.Int("id"), first), loop.F(unit), loop.F(unit/2))
		length := loop.E(loop.Sqrt, loop.E(loop.Mul, loop.F(-2), loop.E(loop.Log, u)))
		// cos(2π(v - ½)) is -cos(2πv).
		noise := loop.E(loop.Mul, length, loop.E(loop.Cos, loop.E(loop.Mul, turn, loop.F(2*math.Pi))))
		l.mapOver(l.Buf(op.Results[0]), loop.E(loop.FMA, loop.F(-op.Attrs.Float("deviation")), noise, loop.Read(l.Buf(x), plainIndex(len(x.Type.Shape))...)))
	},
	Layer: &Layer{Doc: "owns no parameters, but random numbers of its own", Attrs: noiseAttrs, Build: drawing("gaussian_noise")},
	Samples: []Sample{
		{Args: f32Types(ir.NS(7)), Attrs: ir.Attrs{{Name: "deviation", Value: 0.5}}},
		{Args: f32Types(ir.NS(3, 2, 5)), Attrs: ir.Attrs{{Name: "deviation", Value: 2.0}, {Name: "id", Value: 3}}, Batch: 1},
		{Args: f32Types(ir.S(133)), Attrs: ir.Attrs{{Name: "deviation", Value: 1.0}, {Name: "id", Value: 1}}},
		{Args: f32Types(ir.NS(4)), Attrs: ir.Attrs{{Name: "deviation", Value: 0.0}}},
	},
})
