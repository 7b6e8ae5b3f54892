package ops

import (
	"github.com/dlc-ml/dlc/ir"
)

// SequenceMean is the mean over the steps that count.
var SequenceMean = Register(&Operator{
	Name:     "sequence_mean",
	Doc:      "The mean over the steps of each example that count: from x [N,T,..] to [N,..]. It is 0 where none counts.",
	Formula:  "y[n, ..] = Σ_{t < lengths[n]} x[n, t, ..] / lengths[n]",
	Example:  "pooled = y |> sequence_mean(T)",
	Category: "reduction",
	Args:     []Arg{{Name: "x", Doc: "f32[N,T,..]"}, lengthsArg},
	Expand: func(b *Builder, args []*ir.Value, _ ir.Attrs) ([]*ir.Value, error) {
		masked, err := b.counted("sequence_mean", args[0], args[1], 0)
		if err != nil {
			return nil, err
		}
		sum := b.Must("reduce_sum", "sequence_mean", []*ir.Value{masked}, ir.Attr{Name: "axes", Value: []int{1}})
		n := b.cast(args[1], ir.F32)
		n = b.within(n, 1, float64(args[0].Type.Shape[1].Size))
		return []*ir.Value{b.apply("div", sum, b.reshapeTo("lengths", n, onesBehind(args[1].Type.Shape, len(sum.Type.Shape))))}, nil
	},
	Eval: func(args []*Tensor, _ ir.Attrs) []*Tensor {
		return []*Tensor{evalSequence(args[0], args[1], 0, func(sum, x float64) float64 { return sum + x },
			func(sum float64, n int) float64 { return sum / max(1, float64(n)) })}
	},
	Samples: sequenceSamples(0),
})

// counted is x, with fill in the steps that do not count.
func (b *Builder) counted(kind string, x, lengths *ir.Value, fill float64) (*ir.Value, error) {
	if err := wantElem(kind, "x", x.Type, ir.F32); err != nil {
		return nil, err
	}
	if err := wantLengths(kind, lengths.Type, &x.Type); err != nil {
		return nil, err
	}
	mask := b.Must("sequence_mask", "mask", []*ir.Value{lengths}, ir.Attr{Name: "steps", Value: x.Type.Shape[1].Size})
	mask = b.reshapeTo("mask", mask, onesBehind(mask.Type.Shape, len(x.Type.Shape)))
	return b.where(mask, x, b.scalar(fill)), nil
}

// onesBehind is a shape with axes of extent 1 behind it, up to a rank.
func onesBehind(s ir.Shape, rank int) ir.Shape {
	r := append(ir.Shape{}, s...)
	for len(r) < rank {
		r = append(r, ir.D(1))
	}
	return r
}

// evalSequence folds the steps that count.
func evalSequence(x, lengths *Tensor, start float64, fold func(acc, x float64) float64, finish func(acc float64, n int) float64) *Tensor {
	y, i := NewTensor(ir.F32, append([]int{x.Shape[0]}, x.Shape[2:]...)...), 0
	eachIndex(y.Shape, func(ix []int) {
		acc, n := start, min(int(lengths.Data[ix[0]]), x.Shape[1])
		for t := range max(n, 0) {
			acc = fold(acc, x.Data[x.at(append([]int{ix[0], t}, ix[1:]...))])
		}
		y.Data[i] = finish(acc, n)
		i++
	})
	return y
}

// sequenceSamples are operands x and lengths; of examples without steps where the fold has a value for them.
func sequenceSamples(kinks float64) []Sample {
	return []Sample{
		{Args: append(f32Types(ir.NS(4, 3)), i32Types(ir.NS())...), Data: map[int][]float64{1: {2, 4, 1}}, Kinks: kinks},
		{Args: append(f32Types(ir.NS(5)), i32Types(ir.NS())...), Data: map[int][]float64{1: {1, 9, 3}}, Kinks: kinks},
		{Args: append(f32Types(ir.NS(1, 2, 9)), i32Types(ir.NS())...), Data: map[int][]float64{1: {1}}, Batch: 1, Kinks: kinks},
		{Args: append(f32Types(ir.NS(3, 2)), i32Types(ir.NS())...), Data: map[int][]float64{1: {0, 2}}, Batch: 2, NoGrad: true},
	}
}
