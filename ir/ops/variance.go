package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
)

// Variance measures how far elements lie from their mean.
var Variance = Register(&Operator{
	Name: "variance",
	Doc: "The mean squared distance of elements from their mean over axes, or over all where none are named. It takes a second pass over the elements, so that it is exact where it is small. " +
		"With correction=1 the sum is divided by one less than the number of elements (Bessel's correction).",
	Formula:  "y[n] = Σ_i (x[n, i] - mean[n])² / (I - correction)",
	Example:  "spread = x |> variance(axes=[-1])",
	Category: "reduction",
	Args:     []Arg{{Name: "x", Doc: "f32, any shape"}},
	Attrs:    varianceAttrs,
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		v, err := b.variance("variance", args[0], a)
		return []*ir.Value{v}, err
	},
	Eval:    func(args []*Tensor, a ir.Attrs) []*Tensor { return []*Tensor{evalVariance(args[0], a)} },
	ONNX:    ONNX{Note: "ReduceMean, Sub, ReduceSumSquare, Div"},
	Samples: varianceSamples(),
})

// varianceAttrs are those of reductions, and the correction.
var varianceAttrs = append(reductionAttrs[:len(reductionAttrs):len(reductionAttrs)],
	AttrDef{Name: "correction", Doc: "what the number of elements is lessened by; 0 where the batch is folded", Default: 0})

// variance appends the variance of x.
func (b *Builder) variance(kind string, x *ir.Value, a ir.Attrs) (*ir.Value, error) {
	axes, err := plainAxes(kind, a.Ints("axes"), x.Type.Shape)
	if err != nil {
		return nil, err
	}
	count := ir.D(1)
	for _, i := range axes {
		count, _ = count.Mul(x.Type.Shape[i])
	}
	correction := a.Int("correction")
	switch {
	case correction == 0:
	case !count.Static():
		return nil, WithNote("leave the batch out of axes, or correction at 0", "%s over the batch of %s cannot have a correction of %d", kind, x.Type, correction)
	case correction < 0 || correction >= count.Size:
		return nil, WithNote("a correction is 0 or 1, and fewer than the elements", "%s of %d elements cannot have a correction of %d", kind, count.Size, correction)
	}
	fold := func(with string, x *ir.Value, keep bool) (*ir.Value, error) {
		return b.Op(with, kind, []*ir.Value{x}, ir.Attr{Name: "axes", Value: a.Ints("axes")}, ir.Attr{Name: "keep_dims", Value: keep})
	}
	mean, err := fold("reduce_mean", x, true)
	if err != nil {
		return nil, err
	}
	d := b.apply("sub", x, mean)
	if !count.Static() {
		return fold("reduce_mean", b.apply("square", d), a.Bool("keep_dims"))
	}
	sum, err := fold("reduce_sum_square", d, a.Bool("keep_dims"))
	if err != nil {
		return nil, err
	}
	return b.apply("div", sum, b.scalar(float64(count.Size-correction))), nil
}

func evalVariance(x *Tensor, a ir.Attrs) *Tensor {
	axes := evalAxes(a.Ints("axes"), len(x.Shape))
	mean := NewTensor(ir.F32, dropInts(x.Shape, axes, true)...)
	y := NewTensor(ir.F32, mean.Shape...)
	n, count := 0, float64(len(x.Data))/float64(len(y.Data))
	eachIndex(x.Shape, func(ix []int) {
		mean.Data[mean.at(ix)] += x.Data[n] / count
		n++
	})
	n = 0
	eachIndex(x.Shape, func(ix []int) {
		d := x.Data[n] - mean.Data[mean.at(ix)]
		y.Data[y.at(ix)] += d * d / (count - float64(a.Int("correction")))
		n++
	})
	if n == 0 {
		for i := range y.Data {
			y.Data[i] = math.NaN()
		}
	}
	y.Shape = dropInts(x.Shape, axes, a.Bool("keep_dims"))
	return y
}

func varianceSamples() []Sample {
	list := reduction{takes: []ir.DType{ir.F32}}.samples()
	// Far from 0 the mean squared distance is no difference of large numbers.
	return append(list, Sample{Args: f32Types(ir.NS(9)), Attrs: ir.Attrs{{Name: "axes", Value: []int{1}}}, Range: map[int][2]float64{0: {1000, 1001}}, NoGrad: true},
		Sample{Args: f32Types(ir.NS(3, 4)), Attrs: ir.Attrs{{Name: "axes", Value: []int{1, 2}}, {Name: "correction", Value: 1}}, Batch: 2},
		Sample{Args: f32Types(ir.S(5)), Attrs: ir.Attrs{{Name: "keep_dims", Value: true}, {Name: "correction", Value: 1}}})
}
