package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// avgPoolAttrs are the attributes of average pooling.
var avgPoolAttrs = append(slices.Clone(poolAttrs),
	AttrDef{Name: "count_include_pad", Doc: "whether the border counts in the number that the sum is divided by", Default: false})

// AvgPool is average pooling.
var AvgPool = Register(&Operator{
	Name: "avg_pool",
	Doc: "The mean of each window of an image [N,H,W,C], giving [N,H',W',C], or of a sequence [N,L,C] or a volume [N,D,H,W,C]. A border adds nothing to the sum, and " +
		"nothing to the number of elements either unless count_include_pad=true.",
	Formula:  "y[n,i,j,c] = mean x[n, i*stride + u - top, j*stride + v - left, c]",
	Example:  "half = features |> avg_pool(2)",
	Category: "pooling",
	Args:     []Arg{{Name: "x", Doc: "f32[N,H,W,C], f32[N,L,C] or f32[N,D,H,W,C]"}},
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
		attrs := append([]ir.Attr{{Name: "sides", Value: w.in}}, w.poolAttrs(op.Attrs)...)
		attrs = append(attrs, ir.Attr{Name: "count_include_pad", Value: op.Attrs.Bool("count_include_pad")})
		return []*ir.Value{b.Must("avg_pool_grad", x.Name+".grad", grads[:1], attrs...)}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x := op.Args[0]
		w := mustPool("avg_pool", x.Type, op.Attrs)
		from := scatter(l, l.Buf(x), "padded", w.framed(), 0)
		n := w.pool(x.Type, loop.FoldSum)
		n.Value = loop.Read(from, w.seen()...)
		n.Stores = []loop.Store{storeAt(l.Buf(op.Results[0]), w.mean(loop.Total(ir.F32), op.Attrs.Bool("count_include_pad")), plainIndex(len(n.Axes))...)}
		l.Emit(n)
	},
	ONNX: ONNX{Name: "AveragePool", Min: 1, Max: 22, Attrs: poolONNX("count_include_pad", "count_include_pad"), Note: pooledNote + "; no dilations"},
	Samples: append(slices.Clone(avgPoolSamples),
		Sample{Args: f32Types(ir.NS(7, 3)), Attrs: ir.Attrs{{Name: "size", Value: 3}, {Name: "stride", Value: 2}, {Name: "pads", Value: []int{1, 0}}}},
		Sample{Args: f32Types(ir.NS(3, 4, 3, 2)), Attrs: ir.Attrs{{Name: "size", Value: 2}, {Name: "stride", Value: []int{1, 2, 1}}, {Name: "padding", Value: "same"}}, Batch: 1},
	),
})

// uniform reports whether every window is divided by the same number.
func (w window) uniform(border bool) bool {
	return !w.padded() || border && slices.Max(w.beyond) == 0
}

// mean divides the sum over the window of an output, whose sides are loops number 1 and up, by its number of elements. Where that is the same
// everywhere the sum is multiplied by its inverse, which for 2x2 and 4x4 is exact.
func (w window) mean(sum *loop.Expr, border bool) *loop.Expr {
	if w.uniform(border) {
		return loop.E(loop.Mul, sum, loop.F(1/float64(w.taps())))
	}
	return loop.E(loop.Div, sum, w.inside(border))
}

// countTaps is the number that each average is divided by.
func countTaps(x *Tensor, shape []int, a ir.Attrs) *Tensor {
	n := NewTensor(ir.F32, shape...)
	if a.Bool("count_include_pad") {
		// What lies in the border counts, but not what lies beyond it: the border becomes part of an image.
		axes := len(x.Shape) - 2
		size := a.Ints("size")
		if len(size) == 1 {
			size = slices.Repeat(size, axes)
		}
		stride := a.Ints("stride")
		if len(stride) == 0 {
			stride = size
		}
		walk := append(ir.Attrs{{Name: "stride", Value: stride}}, a...)
		w := newNaiveWindow(x.Shape[1:axes+1], size, walk)
		eachIndex(shape, func(ix []int) {
			eachIndex(size, func(taps []int) {
				for i, g := range w {
					if g.input(ix[1+i], taps[i]) >= g.size+g.after {
						return
					}
				}
				n.Data[n.at(ix)]++
			})
		})
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
	{Args: f32Types(ir.NS(6, 7, 2)), Attrs: ir.Attrs{{Name: "size", Value: 2}, {Name: "stride", Value: []int{3, 2}}, {Name: "ceil_mode", Value: true}}, Batch: 1},
	{Args: f32Types(ir.NS(6, 5, 1)), Attrs: ir.Attrs{{Name: "size", Value: 3}, {Name: "stride", Value: 2}, {Name: "pads", Value: []int{1, 1, 1, 1}}, {Name: "ceil_mode", Value: true}, {Name: "count_include_pad", Value: true}}},
}
