package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
)

// Contrastive is a loss of distances of pairs (Hadsell, Chopra, LeCun, "Dimensionality Reduction by Learning an Invariant Mapping", 2006).
var Contrastive = Register(&Operator{
	Name: "contrastive",
	Doc: "A loss of embeddings in pairs: where same is 1 the vectors should be near each other, where it is 0 at least margin apart. " +
		"The distance is that of geometry, along the last axis.",
	Formula:  "y = mean_n (same[n] * d^2 + (1 - same[n]) * max(0, margin - d)^2), d = |a[n] - b[n]|",
	Example:  "loss = contrastive(embed(x), embed(other), same)",
	Category: "loss",
	Args:     []Arg{{Name: "a", Doc: "f32[N, …, D]"}, {Name: "b", Doc: "the shape of a"}, {Name: "same", Doc: "f32[N, …]: 1 for pairs that belong together, 0 for others"}},
	Attrs:    []AttrDef{{Name: "margin", Doc: "how far apart is far enough", Default: 1.0}, rowReduction},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		if err := wantVectors("contrastive", args[:2], []Arg{{Name: "a"}, {Name: "b"}}); err != nil {
			return nil, err
		}
		square := b.sumLast(b.apply("square", b.apply("sub", args[0], args[1])), false)
		same := args[2]
		if err := wantRows("contrastive", same, square); err != nil {
			return nil, err
		}
		// The root has no slope at 0, where vectors that are equal have no direction to go apart in.
		d := b.apply("sqrt", b.apply("max", square, b.scalar(1e-12)))
		apart := b.apply("square", b.apply("relu", b.apply("sub", b.scalar(a.Float("margin")), d)))
		rows := b.apply("add", b.apply("mul", same, square), b.apply("mul", b.apply("sub", b.scalar(1), same), apart))
		return b.reduced(rows, a)
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		return evalReduced(eachVector(args[:2], func(r int, x [][]float64) float64 {
			square, same := 0.0, args[2].Data[r]
			for i := range x[0] {
				square += (x[0][i] - x[1][i]) * (x[0][i] - x[1][i])
			}
			apart := max(0, a.Float("margin")-math.Sqrt(max(square, 1e-12)))
			return same*square + (1-same)*apart*apart
		}), a)
	},
	Samples: byReduction([]Sample{
		{Args: f32Types(ir.NS(5), ir.NS(5), ir.NS()), Range: map[int][2]float64{2: {0, 1}}, Attrs: ir.Attrs{{Name: "margin", Value: 4.0}}},
		{Args: f32Types(ir.NS(2, 3), ir.NS(2, 3), ir.NS(2)), Batch: 2, Data: map[int][]float64{2: {1, 0, 0, 1}}, Attrs: ir.Attrs{{Name: "margin", Value: 2.5}}},
		{Args: f32Types(ir.S(4, 2), ir.S(4, 2), ir.S(4)), Data: map[int][]float64{2: {0, 0, 0, 0}}},
		{Args: f32Types(ir.NS(3), ir.NS(3), ir.NS()), Batch: 1, NoGrad: true, Data: map[int][]float64{0: {1, 2, 3}, 1: {1, 2, 3}, 2: {0}}},
	}),
})
