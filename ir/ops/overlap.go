package ops

import "github.com/dlc-ml/dlc/ir"

// overlap is a loss of how well two masks cover each other: dice and iou.
type overlap struct {
	Operator
	// share is the covered part, of the sums of the product and of both masks.
	share func(both, sums, smooth float64) float64
	// ratio is the same as numerator and denominator.
	ratio func(b *Builder, both, sums *ir.Value, smooth float64) (above, below *ir.Value)
}

func (v overlap) operator() *Operator {
	o := v.Operator
	o.Category = "loss"
	o.Args = []Arg{{Name: "pred", Doc: "f32[N, …]: probabilities, such as sigmoid gives"}, {Name: "target", Doc: "the shape of pred: 1 inside and 0 outside"}}
	o.Attrs = []AttrDef{{Name: "smooth", Doc: "added above and below, so that empty masks agree", Default: 1.0}, lossReduction}
	o.Attrs[1].Doc = "mean or sum over the examples; none gives a number for each example"
	o.Expand = func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		p, t := args[0], args[1]
		if err := wantVectors(o.Name, args, o.Args); err != nil {
			return nil, err
		}
		smooth := a.Float("smooth")
		if err := lossPositive(o.Name, "smooth", smooth, "the smallest will do, such as 1e-6"); err != nil {
			return nil, err
		}
		both := b.inExample("reduce_sum", b.apply("mul", p, t))
		sums := b.inExample("reduce_sum", b.apply("add", p, t))
		above, below := v.ratio(b, both, sums, smooth)
		return b.reduced(b.apply("sub", b.scalar(1), b.apply("div", above, below)), a)
	}
	o.Eval = func(args []*Tensor, a ir.Attrs) []*Tensor {
		rows := NewTensor(ir.F32, args[0].Shape[:1]...)
		per := volume(args[0].Shape[1:])
		for r := range rows.Data {
			both, sums := 0.0, 0.0
			for i := r * per; i < (r+1)*per; i++ {
				both += args[0].Data[i] * args[1].Data[i]
				sums += args[0].Data[i] + args[1].Data[i]
			}
			rows.Data[r] = 1 - v.share(both, sums, a.Float("smooth"))
		}
		return evalReduced(rows, a)
	}
	unit := map[int][2]float64{0: {0, 1}, 1: {0, 1}}
	o.Samples = byReduction([]Sample{
		{Args: f32Types(ir.NS(7), ir.NS(7)), Range: unit},
		{Args: f32Types(ir.NS(3, 5, 1), ir.NS(3, 5, 1)), Batch: 2, Range: unit, Attrs: ir.Attrs{{Name: "smooth", Value: 0.5}}},
		{Args: f32Types(ir.NS(2, 3), ir.NS(2, 3)), Batch: 1, Range: unit},
		{Args: f32Types(ir.NS(4), ir.NS(4)), Batch: 2, Data: map[int][]float64{0: {0, 0, 0, 0, 1, 1, 1, 0}, 1: {0, 0, 0, 0, 1, 1, 1, 0}}},
	})
	return &o
}
