package ops

import (
	"github.com/dlc-ml/dlc/ir"
)

// Cosine is a loss of directions.
var Cosine = Register(&Operator{
	Name: "cosine",
	Doc: "A loss of vectors along the last axis whose direction matters and whose length does not: 1 less the cosine of the angle between them. With a third operand, pairs that it " +
		"says are not the same should differ instead: they cost their cosine, where it is above margin.",
	Formula:  "y = mean_n (same[n] > 0 ? 1 - cos(a[n], b[n]) : max(0, cos(a[n], b[n]) - margin))",
	Example:  "loss = cosine(out, wanted)",
	Category: "loss",
	Args:     []Arg{{Name: "a", Doc: "f32[N, …, D]"}, {Name: "b", Doc: "the shape of a"}, {Name: "same", Doc: "f32[N, …]: above 0 for pairs that should agree, else they should not", Optional: true}},
	Attrs:    []AttrDef{{Name: "margin", Doc: "the cosine up to which pairs that should differ cost nothing", Default: 0.0}, cosineEps, rowReduction},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		cos, err := b.cosine("cosine", args[0], args[1], a)
		if err != nil {
			return nil, err
		}
		rows := b.apply("sub", b.scalar(1), cos)
		if len(args) > 2 {
			if err := wantRows("cosine", args[2], cos); err != nil {
				return nil, err
			}
			apart := b.apply("relu", b.offset(cos, -a.Float("margin")))
			rows = b.apply("select_less", b.scalar(0), args[2], rows, apart)
		}
		return b.reduced(rows, a)
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		return evalReduced(eachVector(args[:2], func(r int, x [][]float64) float64 {
			cos := evalCosine(x[0], x[1], a.Float("eps"))
			if len(args) > 2 && !(args[2].Data[r] > 0) {
				return max(0, cos-a.Float("margin"))
			}
			return 1 - cos
		}), a)
	},
	Samples: byReduction([]Sample{
		{Args: f32Types(ir.NS(5), ir.NS(5))},
		{Args: f32Types(ir.NS(3, 4), ir.NS(3, 4)), Batch: 2},
		{Args: f32Types(ir.S(7), ir.S(7))},
		{Args: f32Types(ir.NS(5), ir.NS(5), ir.NS()), Batch: 4, Attrs: ir.Attrs{{Name: "margin", Value: 0.1}}, Data: map[int][]float64{2: {1, -1, -1, 1}}},
		{Args: f32Types(ir.NS(2, 3), ir.NS(2, 3), ir.NS(2)), Batch: 2, Data: map[int][]float64{2: {-1, -1, 1, -1}}},
	}),
})

// wantRows refuses an operand that is not one f32 for each row.
func wantRows(name string, v, rows *ir.Value) error {
	if v.Type.Equal(rows.Type) {
		return nil
	}
	return WithNote("one number for each pair of vectors", "%s wants %s for same, not %s", name, rows.Type, v.Type)
}
