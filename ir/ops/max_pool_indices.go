package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// MaxPoolIndices finds the places of the maxima of max_pool.
var MaxPoolIndices = Register(&Operator{
	Name: "max_pool_indices",
	Doc: "Where max_pool found its maxima: for each window the place of the first element, row by row, that equals the maximum, or of the first NaN where that is the maximum. " +
		"A place counts the elements of one channel of one example in row-major order, from 0. A window that looks at nothing but border has place 0.",
	Formula:  "place[n,i,j,c] = (row of the maximum)*W + its column",
	Example:  "places = max_pool_indices(x, y, size=[2, 2])",
	Category: "pooling",
	Internal: true,
	Args:     []Arg{{Name: "x", Doc: "the image, f32[N,H,W,C], or a sequence or volume"}, {Name: "y", Doc: "its maxima, f32[N,H',W',C]"}},
	Attrs:    maxPoolAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		w, err := poolWindow("max_pool", args[0], a)
		if err != nil {
			return nil, err
		}
		want := w.pooled(args[0])
		if !args[1].Equal(want) {
			return nil, fmt.Errorf("max_pool_indices needs maxima %v for the image %v, not %v", want, args[0], args[1])
		}
		if n := volume(w.in); n > maxTaps {
			return nil, WithNote("reduce_max and argmax take images of any size", "max_pool can give the places in %d elements of a channel, not in %d", maxTaps, n)
		}
		return []ir.Type{ir.T(ir.I32, want.Shape)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, y := args[0], args[1]
		places := NewTensor(ir.I32, y.Shape...)
		found := make([]bool, len(y.Data))
		poolEval(x, a, func(out, in []int, _ int) {
			o, v := y.at(out), x.Data[x.at(in)]
			if found[o] || v != y.Data[o] && !math.IsNaN(v) {
				return
			}
			place := 0
			for i, d := range x.Shape[1 : len(x.Shape)-1] {
				place = place*d + in[1+i]
			}
			places.Data[o], found[o] = float64(place), true
		})
		return []*Tensor{places}
	},
	NoGrad:  "places are whole numbers",
	Lower:   lowerMaxPoolIndices,
	Samples: maxPoolIndicesSamples(),
})

// lowerMaxPoolIndices folds the least place of the taps that hold the maximum, as f32, in which all are exact.
func lowerMaxPoolIndices(l *Lowering, op *ir.Op) {
	x := op.Args[0]
	w := mustPool("max_pool_indices", x.Type, op.Attrs)
	from := scatter(l, l.Buf(x), "framed", w.framed(), math.Inf(-1))
	n := w.pool(x.Type, loop.FoldMin)
	v, top := loop.Read(from, w.seen()...), loop.Read(l.Buf(op.Args[1]), plainIndex(len(n.Axes))...)
	hit := loop.E(loop.Or, loop.E(loop.Eq, v, top), loop.E(loop.NotEq, v, v))
	place := loop.Affine{}
	for i, side := range w.in {
		at := w.slide(i, 1+i, len(n.Axes)+i).Plus(0, 0, -w.before[i])
		if w.before[i]+w.after[i] > 0 { // the border may equal a maximum of -infinity
			here := loop.IndexOf(at)
			hit = loop.E(loop.And, hit, loop.E(loop.And, loop.E(loop.LessEq, loop.I(0), here), loop.E(loop.Less, here, loop.I(side))))
		}
		stride := volume(w.in[i+1:])
		for _, t := range at.Terms {
			place = place.Plus(t.Axis, t.Coef*stride, 0)
		}
		place = place.Plus(0, 0, at.Const*stride)
	}
	none := loop.F(maxTaps)
	n.Value = loop.E(loop.Select, hit, loop.E(loop.ToF32, loop.IndexOf(place)), none)
	first := loop.Total(ir.F32)
	n.Stores = []loop.Store{storeAt(l.Buf(op.Results[0]), loop.E(loop.ToI32, loop.E(loop.Select, loop.E(loop.Less, first, none), first, loop.F(0))), plainIndex(len(n.Axes))...)}
	l.Emit(n)
}

// maxPoolIndicesSamples are those of max_pool_grad, and windows of NaN and of infinities.
func maxPoolIndicesSamples() []Sample {
	var list []Sample
	for _, s := range maxPoolGradSamples() {
		s.Args = s.Args[:2]
		list = append(list, s)
	}
	nan, inf := math.NaN(), math.Inf(1)
	return append(list, Sample{
		Args: f32Types(ir.S(1, 4, 4, 1), ir.S(1, 3, 3, 1)), Attrs: ir.Attrs{{Name: "size", Value: 2}, {Name: "pads", Value: []int{1, 1, 1, 1}}},
		Data: map[int][]float64{0: slices.Concat([]float64{-inf, 1, nan, nan}, []float64{1, 1, inf, nan}, []float64{0, inf, 2, 2}, []float64{5, inf, 2, -inf}), 1: {-inf, nan, nan, 1, inf, nan, 5, inf, -inf}},
	})
}
