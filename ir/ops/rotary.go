package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
)

// Rotary is the rotary position embedding.
var Rotary = Register(&Operator{
	Name: "rotary",
	Doc: "Rotary position embedding (Su et al., RoFormer, 2021): turns pairs of features of queries or keys [N,T,H,D], or [N,T,D], by an angle that grows with the place t, so that the product of a query and a key " +
		"depends on their distance. Pairs are feature i and i+D/2, or with interleaved 2i and 2i+1.",
	Formula:  "(y[t,a], y[t,b]) = (x[t,a] cos φ - x[t,b] sin φ, x[t,a] sin φ + x[t,b] cos φ), φ = t / base^(2i/D)",
	Example:  "scores = attention(rotary(query), rotary(key), value)",
	Category: "layer",
	Args:     []Arg{{Name: "x", Doc: "f32[N,T,H,D] or f32[N,T,D], D even"}},
	Attrs: []AttrDef{
		{Name: "base", Doc: "of the wavelengths, above 1", Default: 10000.0},
		{Name: "interleaved", Doc: "whether the features of a pair stand side by side", Default: false},
	},
	Expand: expandRotary,
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[0]
		last := len(x.Shape) - 1
		d := x.Shape[last]
		y := NewTensor(ir.F32, x.Shape...)
		for n := range x.Data {
			t, f := n/volume(x.Shape[2:])%x.Shape[1], n%d
			pair, first, mate := f%(d/2), f < d/2, n+d/2
			if a.Bool("interleaved") {
				pair, first, mate = f/2, f%2 == 0, n+1
			}
			if !first {
				continue
			}
			angle := float64(t) * math.Pow(a.Float("base"), -2*float64(pair)/float64(d))
			sin, cos := math.Sincos(angle)
			sin, cos = float64(float32(sin)), float64(float32(cos)) // they are tables
			y.Data[n] = x.Data[n]*cos - x.Data[mate]*sin
			y.Data[mate] = x.Data[n]*sin + x.Data[mate]*cos
		}
		return []*Tensor{y}
	},
	ONNX: ONNX{Name: "RotaryEmbedding", Min: 23, Max: 25, Attrs: map[string]string{"interleaved": "interleaved"},
		Note: "the caches follow from base; num_heads and rotary_embedding_dim are 0; [N,heads,T,D] is transposed"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(5, 3, 4)), Batch: 2},
		{Args: f32Types(ir.NS(3, 6)), Attrs: ir.Attrs{{Name: "base", Value: 100.0}}},
		{Args: f32Types(ir.NS(4, 1, 6)), Attrs: ir.Attrs{{Name: "interleaved", Value: true}}, Batch: 1},
		{Args: f32Types(ir.NS(7, 2)), Attrs: ir.Attrs{{Name: "interleaved", Value: true}, {Name: "base", Value: 10.0}}, Batch: 2},
		{Args: f32Types(ir.S(2, 3, 2, 2))},
	},
})

func expandRotary(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
	x, base := args[0], a.Float("base")
	if err := wantElem("rotary", "x", x.Type, ir.F32); err != nil {
		return nil, err
	}
	s := x.Type.Shape
	last := len(s) - 1
	if last != 2 && last != 3 || !s[1].Static() || s[last].Size%2 != 0 {
		return nil, WithNote("multi_head_attention makes the heads itself; reshape gives queries and keys this form", "rotary needs f32[N,T,H,D] or f32[N,T,D] with an even number of features, not %v", x.Type)
	}
	if !(base > 1) || math.IsInf(base, 0) {
		return nil, WithNote("10000 is usual", "rotary needs a base above 1, not %v", base)
	}
	half, at := s[last].Size/2, ir.S(s[1].Size)
	if s[1].Size > ir.MaxElems/half {
		return nil, WithNote("use fewer places", "rotary of %v would have more than %d angles", x.Type, ir.MaxElems)
	}
	if last == 3 {
		at = append(at, ir.D(1)) // the heads
	}
	at = append(at, ir.D(half))
	axis, paired := last, x
	if a.Bool("interleaved") {
		axis = last + 1
		paired = b.reshapeTo(x.Name, x, append(append(ir.Shape{}, s[:last]...), ir.D(half), ir.D(2)))
		at = append(at, ir.D(1))
	}
	var sines, cosines []float64
	for t := range s[1].Size {
		for i := range half {
			sin, cos := math.Sincos(float64(t) * math.Pow(base, -2*float64(i)/float64(2*half)))
			sines, cosines = append(sines, sin), append(cosines, cos)
		}
	}
	sin, cos := b.literal("sin", ir.F32, at, sines...), b.literal("cos", ir.F32, at, cosines...)
	middle := paired.Type.Shape[axis].Size / 2
	first, second := b.cut("first", paired, axis, 0, middle), b.cut("second", paired, axis, middle, 2*middle)
	y := b.Must("concat", "rotary", []*ir.Value{
		b.apply("sub", b.apply("mul", first, cos), b.apply("mul", second, sin)),
		b.apply("add", b.apply("mul", first, sin), b.apply("mul", second, cos)),
	}, ir.Attr{Name: "axis", Value: axis})
	if a.Bool("interleaved") {
		y = b.reshapeTo("rotary", y, s)
	}
	return []*ir.Value{y}, nil
}
