package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
)

// cosineEps keeps the length of a vector off 0.
var cosineEps = AttrDef{Name: "eps", Doc: "the least length that a vector counts as", Default: 1e-8}

// CosineSimilarity is the cosine of the angle between vectors.
var CosineSimilarity = Register(&Operator{
	Name:     "cosine_similarity",
	Doc:      "The cosine of the angle between vectors along the last axis: 1 where they point the same way, -1 where they are opposite. A vector of length 0 is at right angles to all.",
	Formula:  "y = mean_n a[n]·b[n] / (max(|a[n]|, eps) * max(|b[n]|, eps))",
	Example:  "metric = cosine_similarity(out, wanted)",
	Category: "metric",
	Args:     []Arg{{Name: "a", Doc: "f32[N, …, D]"}, {Name: "b", Doc: "the shape of a"}},
	Attrs:    []AttrDef{cosineEps, rowReduction},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		cos, err := b.cosine("cosine_similarity", args[0], args[1], a)
		if err != nil {
			return nil, err
		}
		return b.reduced(cos, a)
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		return evalReduced(eachVector(args, func(r int, x [][]float64) float64 { return evalCosine(x[0], x[1], a.Float("eps")) }), a)
	},
	Samples: byReduction([]Sample{
		{Args: f32Types(ir.NS(5), ir.NS(5))},
		{Args: f32Types(ir.NS(3, 4), ir.NS(3, 4)), Batch: 2},
		{Args: f32Types(ir.S(7), ir.S(7))},
		{Args: f32Types(ir.NS(1), ir.NS(1)), Kinks: 0.02},
		{Args: f32Types(ir.NS(2), ir.NS(2)), Batch: 1, Data: map[int][]float64{0: {0, 0}}, NoGrad: true},
	}),
})

// cosine is the cosine of the angles between the vectors of two tensors.
func (b *Builder) cosine(name string, x, y *ir.Value, a ir.Attrs) (*ir.Value, error) {
	if err := wantVectors(name, []*ir.Value{x, y}, []Arg{{Name: "a"}, {Name: "b"}}); err != nil {
		return nil, err
	}
	eps := a.Float("eps")
	if err := lossPositive(name, "eps", eps, ""); err != nil {
		return nil, err
	}
	// The root of a sum that is kept off 0, since the root has no slope there.
	length := func(v *ir.Value) *ir.Value {
		return b.apply("sqrt", b.apply("max", b.sumLast(b.apply("square", v), false), b.scalar(eps*eps)))
	}
	dot := b.sumLast(b.apply("mul", x, y), false)
	return b.apply("div", dot, b.apply("mul", length(x), length(y))), nil
}

// evalCosine is cosine for the evaluation.
func evalCosine(x, y []float64, eps float64) float64 {
	dot, xx, yy := 0.0, 0.0, 0.0
	for i := range x {
		dot += x[i] * y[i]
		xx += x[i] * x[i]
		yy += y[i] * y[i]
	}
	return dot / (max(math.Sqrt(xx), eps) * max(math.Sqrt(yy), eps))
}
