package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// GlobalAvgPool averages each channel over the whole image.
var GlobalAvgPool = Register(&Operator{
	Name:     "global_avg_pool",
	Doc:      "The mean of each channel over all pixels: f32[N,H,W,C] becomes f32[N,C], whatever the size of the image. Any number of axes between N and C.",
	Formula:  "y[n, c] = (Σ_h,w x[n, h, w, c]) / (H*W)",
	Example:  "logits = features |> global_avg_pool |> dense(10)",
	Category: "pooling",
	Args:     []Arg{{Name: "x", Doc: "f32[N, …, C] with at least one axis between"}},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x := args[0]
		if err := wantElem("global_avg_pool", "x", x, ir.F32); err != nil {
			return nil, err
		}
		if len(x.Shape) < 3 {
			return nil, WithNote("it averages the axes between the batch and the channels; for others there is reduce_mean",
				"global_avg_pool wants an image f32[N,H,W,C], but its input is %s", x)
		}
		return []ir.Type{ir.T(ir.F32, dropAxes(x.Shape, between(len(x.Shape)), false))}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[0]
		r := len(x.Shape)
		y := NewTensor(ir.F32, x.Shape[0], x.Shape[r-1])
		n := 0
		eachIndex(x.Shape, func(ix []int) {
			y.Data[ix[0]*x.Shape[r-1]+ix[r-1]] += x.Data[n] * float64(len(y.Data)) / float64(len(x.Data))
			n++
		})
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil}
		}
		x := op.Args[0]
		return []*ir.Value{b.Must("expand", x.Name, []*ir.Value{grads[0], x},
			ir.Attr{Name: "axes", Value: between(len(x.Type.Shape))}, ir.Attr{Name: "mean", Value: true})}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x, y := l.Buf(op.Args[0]), l.Buf(op.Results[0])
		axes := between(len(x.Shape))
		l.foldAxes(y, false, x.Shape, axes, loop.FoldSum,
			func(at []loop.Affine) *loop.Expr { return loop.Read(x, at...) },
			func(total *loop.Expr) *loop.Expr { return l.over(total, x.Shape[1:len(x.Shape)-1]) })
	},
	ONNX: ONNX{Name: "GlobalAveragePool", Min: 1, Max: 25, Note: "NCHW transposed to NHWC; the axes of extent 1 that ONNX keeps are added by a reshape"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(3, 5, 2))},
		{Args: f32Types(ir.NS(4, 3)), Batch: 1},
		{Args: f32Types(ir.S(2, 1, 3, 2, 1))},
	},
})

// between lists the axes of a tensor of that rank but for the first and the last.
func between(rank int) []int {
	axes := make([]int, rank-2)
	for i := range axes {
		axes[i] = i + 1
	}
	return axes
}
