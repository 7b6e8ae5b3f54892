package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
)

// GlobalMaxPool takes the largest of each channel over the whole image.
var GlobalMaxPool = Register(&Operator{
	Name:     "global_max_pool",
	Doc:      "The largest element of each channel over all places: f32[N,H,W,C] becomes f32[N,C], whatever the size of the image. Any number of axes between N and C.",
	Formula:  "y[n, c] = max_h,w x[n, h, w, c]",
	Example:  "logits = features |> global_max_pool |> dense(10)",
	Category: "pooling",
	Args:     []Arg{{Name: "x", Doc: "f32[N, …, C] with at least one axis between"}},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		return []*Tensor{evalGlobal(args[0], math.Inf(-1), func(top, v float64) float64 { return max(top, v) })}
	},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		x := args[0].Type
		if err := places("global_max_pool", x); err != nil {
			return nil, err
		}
		return b.Ops("reduce_max", "global_max_pool", args, ir.Attr{Name: "axes", Value: between(len(x.Shape))})
	},
	ONNX: ONNX{Name: "GlobalMaxPool", Min: 1, Max: 22, Note: "channels are transposed from the second axis to the last; the axes of extent 1 that ONNX keeps are added by a reshape"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(3, 5, 2)), Kinks: poolGap},
		{Args: f32Types(ir.NS(4, 3)), Batch: 1, Kinks: poolGap},
		{Args: f32Types(ir.S(2, 1, 3, 2, 1)), Kinks: poolGap},
	},
})

// evalGlobal folds each channel of each example naively.
func evalGlobal(x *Tensor, start float64, step func(acc, v float64) float64) *Tensor {
	last := len(x.Shape) - 1
	y := NewTensor(ir.F32, x.Shape[0], x.Shape[last])
	for i := range y.Data {
		y.Data[i] = start
	}
	eachIndex(x.Shape, func(ix []int) {
		at := ix[0]*x.Shape[last] + ix[last]
		y.Data[at] = step(y.Data[at], x.Data[x.at(ix)])
	})
	return y
}
