package ops

import (
	"math"
	"strings"

	"github.com/dlc-ml/dlc/ir"
)

// Initializer is a way for a parameter to start, as the language names it. What is random hangs on the seed, the parameter's name and the
// element alone; package runtime, initialize.go, computes it.
type Initializer struct {
	Name, Doc string
	Attrs     []AttrDef
	// Init is the start of a parameter of shape s with so many inputs and outputs.
	Init func(a ir.Attrs, in, out float64) ir.Init
}

// Start is an initializer with its attributes, which are complete.
type Start struct {
	*Initializer
	Attrs ir.Attrs
}

// gain is the attribute of initializers that scale what they make.
var gain = []AttrDef{{Name: "gain", Doc: "what it is multiplied by", Default: 1.0}}

// Initializers are those of the language. Names and scales are those of Keras and PyTorch; the normal ones are not truncated, as in PyTorch.
var Initializers = []*Initializer{
	scaled("glorot_uniform", "uniform in ±sqrt(6/(in+out)) (Glorot and Bengio, Understanding the Difficulty of Training Deep Feedforward Networks, 2010)", "uniform", 6, true, true),
	scaled("glorot_normal", "normal with deviation sqrt(2/(in+out)) (ibid.)", "normal", 2, true, true),
	scaled("he_uniform", "uniform in ±sqrt(6/in), for relu (He et al., Delving Deep into Rectifiers, 2015)", "uniform", 6, true, false),
	scaled("he_normal", "normal with deviation sqrt(2/in) (ibid.)", "normal", 2, true, false),
	scaled("lecun_uniform", "uniform in ±sqrt(3/in), for selu (LeCun et al., Efficient BackProp, 1998)", "uniform", 3, true, false),
	scaled("lecun_normal", "normal with deviation sqrt(1/in) (ibid.)", "normal", 1, true, false),
	{Name: "orthogonal", Doc: "the last axis by all others is an orthogonal matrix (Saxe, McClelland and Ganguli, 2014); its cost grows with the third power of the size", Attrs: gain,
		Init: func(a ir.Attrs, in, out float64) ir.Init { return ir.Init{Kind: "orthogonal", Scale: a.Float("gain")} }},
	{Name: "identity", Doc: "each input passes to the output of its number: 1 on the diagonal, in the middle of a window", Attrs: gain,
		Init: func(a ir.Attrs, in, out float64) ir.Init { return ir.Init{Kind: "identity", Scale: a.Float("gain")} }},
	{Name: "uniform", Doc: "uniform from low to high", Attrs: []AttrDef{{Name: "low", Doc: "the least", Default: -0.05}, {Name: "high", Doc: "the greatest", Default: 0.05}},
		Init: func(a ir.Attrs, in, out float64) ir.Init {
			low, high := a.Float("low"), a.Float("high")
			return ir.Init{Kind: "uniform", Scale: high/2 - low/2, Mean: high/2 + low/2}
		}},
	{Name: "normal", Doc: "normal", Attrs: spread, Init: around("normal")},
	{Name: "truncated_normal", Doc: "normal, without what lies more than two deviations from the mean", Attrs: spread, Init: around("truncated_normal")},
	{Name: "constant", Doc: "one number", Attrs: []AttrDef{{Name: "value", Doc: "the number", Kind: 0.0}},
		Init: func(a ir.Attrs, in, out float64) ir.Init { return ir.Init{Kind: "constant", Scale: a.Float("value")} }},
	{Name: "zeros", Doc: "0", Init: func(a ir.Attrs, in, out float64) ir.Init { return ir.Init{Kind: "zeros"} }},
	{Name: "ones", Doc: "1", Init: func(a ir.Attrs, in, out float64) ir.Init { return ir.Init{Kind: "ones"} }},
}

var spread = []AttrDef{{Name: "std", Doc: "the deviation", Default: 0.05}, {Name: "mean", Doc: "the mean", Default: 0.0}}

func around(kind string) func(a ir.Attrs, in, out float64) ir.Init {
	return func(a ir.Attrs, in, out float64) ir.Init {
		return ir.Init{Kind: kind, Scale: a.Float("std"), Mean: a.Float("mean")}
	}
}

// scaled makes an initializer whose scale is the root of so much by the number of inputs, outputs or both.
func scaled(name, doc, kind string, much float64, byIn, byOut bool) *Initializer {
	return &Initializer{Name: name, Doc: doc, Attrs: gain, Init: func(a ir.Attrs, in, out float64) ir.Init {
		n := 0.0
		if byIn {
			n += in
		}
		if byOut {
			n += out
		}
		return ir.Init{Kind: kind, Scale: a.Float("gain") * math.Sqrt(much/math.Max(n, 1))}
	}}
}

// fans are the inputs and outputs of a unit of a parameter: of a matrix [in,out], of a convolution's [.., in, out], whose window counts on
// both sides.
func fans(s ir.Shape) (in, out float64) {
	window := 1.0
	for i, d := range s {
		switch n := float64(d.Size); len(s) - i {
		case 1:
			out = n
		case 2:
			in = n
		default:
			window *= n
		}
	}
	switch len(s) {
	case 0:
		return 1, 1
	case 1:
		return out, out
	}
	return in * window, out * window
}

// start returns how a parameter starts, of which a layer says init. Weights are what the layer starts at random; a bias is called so.
func (b *Builder) start(name string, s ir.Shape, init ir.Init) (ir.Init, error) {
	from := (*Start)(nil)
	switch random := init.Kind != "zeros" && init.Kind != "ones" && init.Kind != "constant"; {
	case random && b.Init != nil:
		from, b.InitUsed = b.Init, true
	case random:
		from = b.DefaultInit
	case strings.HasSuffix(name, "bias") && b.BiasInit != nil:
		from, b.BiasInitUsed = b.BiasInit, true
	}
	if from == nil {
		return init, nil
	}
	return from.of(name, s)
}

// of returns how a parameter of that name and shape starts.
func (from *Start) of(name string, s ir.Shape) (init ir.Init, err error) {
	in, out := fans(s)
	r := from.Initializer.Init(from.Attrs, in, out)
	for _, x := range []float64{r.Scale, r.Mean} {
		if !(math.Abs(x) <= math.MaxFloat32) {
			return init, WithNote("its numbers must be finite", "%s cannot start %s with %v", from.Name, name, x)
		}
	}
	if r.Kind != "constant" && r.Kind != "orthogonal" && r.Kind != "identity" && r.Scale < 0 {
		return init, WithNote("a deviation is 0 or more, and low is not above high", "%s cannot start %s with a spread of %v", from.Name, name, r.Scale)
	}
	return r, nil
}
