package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// avgPoolAttrs are the attributes of average pooling.
var avgPoolAttrs = append(append([]AttrDef{}, poolAttrs...),
	AttrDef{Name: "count_include_pad", Doc: "whether the border counts in the number that the sum is divided by", Default: false})

// AvgPool is average pooling.
var AvgPool = Register(&Operator{
	Name: "avg_pool",
	Doc: "The mean of each window of an image [N,H,W,C], giving [N,H',W',C]. A border adds nothing to the sum, and nothing to the number of elements either " +
		"unless count_include_pad=true.",
	Formula:  "y[n,i,j,c] = mean x[n, i*stride + u - top, j*stride + v - left, c]",
	Example:  "half = features |> avg_pool(2)",
	Category: "pooling",
	Args:     []Arg{{Name: "x", Doc: "the image, f32[N,H,W,C]"}},
	Attrs:    avgPoolAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		w, err := poolWindow("avg_pool", args[0], a)
		if err != nil {
			return nil, err
		}
		return []ir.Type{w.pooled(args[0])}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[0]
		y := NewTensor(ir.F32, poolEval(x, a, func(_, _ []int, _ int) {})...)
		count := countTaps(x, y.Shape, a)
		poolEval(x, a, func(out, in []int, _ int) {
			y.Data[y.at(out)] += x.Data[x.at(in)] / count.Data[y.at(out)]
		})
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		x := op.Args[0]
		if grads[0] == nil {
			return []*ir.Value{nil}
		}
		w := mustPool("avg_pool", x.Type, op.Attrs)
		attrs := append([]ir.Attr{{Name: "height", Value: w.in[0]}, {Name: "width", Value: w.in[1]}}, w.poolAttrs()...)
		attrs = append(attrs, ir.Attr{Name: "count_include_pad", Value: op.Attrs.Bool("count_include_pad")})
		return []*ir.Value{b.Must("avg_pool_grad", x.Name+".grad", grads[:1], attrs...)}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x := op.Args[0]
		w := mustPool("avg_pool", x.Type, op.Attrs)
		from := scatter(l, l.Buf(x), "padded", w.framed(), 0)
		n := w.pool(x.Type, loop.FoldSum)
		n.Value = loop.Read(from, loop.Ax(0), w.slide(0, 1, 4), w.slide(1, 2, 5), loop.Ax(3))
		n.Stores = []loop.Store{storeAt(l.Buf(op.Results[0]), w.mean(loop.Total(ir.F32), op.Attrs.Bool("count_include_pad")), plainIndex(4)...)}
		l.Emit(n)
	},
	ONNX: ONNX{Name: "AveragePool", Min: 1, Max: 22,
		Attrs: map[string]string{"size": "kernel_shape", "stride": "strides", "pads": "pads", "padding": "auto_pad", "count_include_pad": "count_include_pad"},
		Note:  "two spatial axes, NCHW transposed to NHWC; no dilations"},
	Samples: avgPoolSamples,
})

// mean divides the sum over the window of output (y, x), loops number 1 and 2, by its number of elements. Where that is the same
// everywhere the sum is multiplied by its inverse, which for 2x2 and 4x4 is exact.
func (w window) mean(sum *loop.Expr, border bool) *loop.Expr {
	if border || !w.padded() {
		return loop.E(loop.Mul, sum, loop.F(1/float64(w.taps())))
	}
	return loop.E(loop.Div, sum, w.inside())
}

// countTaps is the number that each average is divided by.
func countTaps(x *Tensor, shape []int, a ir.Attrs) *Tensor {
	n := NewTensor(ir.F32, shape...)
	size := a.Ints("size")
	if a.Bool("count_include_pad") {
		for i := range n.Data {
			n.Data[i] = float64(size[0] * size[len(size)-1])
		}
		return n
	}
	poolEval(x, a, func(out, _ []int, _ int) { n.Data[n.at(out)]++ })
	return n
}

var avgPoolSamples = []Sample{
	{Args: f32Types(ir.NS(4, 4, 3)), Attrs: ir.Attrs{{Name: "size", Value: []int{2}}}},
	{Args: f32Types(ir.NS(5, 7, 2)), Attrs: ir.Attrs{{Name: "size", Value: []int{3, 2}}}, Batch: 1},
	{Args: f32Types(ir.NS(7, 6, 1)), Attrs: ir.Attrs{{Name: "size", Value: []int{3}}, {Name: "stride", Value: []int{2}}, {Name: "padding", Value: "same"}}},
	{Args: f32Types(ir.NS(5, 4, 2)), Attrs: ir.Attrs{{Name: "size", Value: []int{3, 2}}, {Name: "stride", Value: []int{1}}, {Name: "pads", Value: []int{2, 0, 1, 1}}, {Name: "count_include_pad", Value: true}}, Batch: 1},
	{Args: f32Types(ir.NS(5, 4, 2)), Attrs: ir.Attrs{{Name: "size", Value: []int{3, 2}}, {Name: "stride", Value: []int{1, 2}}, {Name: "pads", Value: []int{2, 0, 1, 0}}}},
	{Args: f32Types(ir.NS(5, 6, 2)), Attrs: ir.Attrs{{Name: "size", Value: []int{2, 1}}, {Name: "stride", Value: []int{3, 2}}, {Name: "pads", Value: []int{1, 0, 0, 0}}}},
	{Args: f32Types(ir.S(2, 3, 3, 1)), Attrs: ir.Attrs{{Name: "size", Value: []int{3}}}},
}
