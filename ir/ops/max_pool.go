package ops

import (
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// MaxPool is maximum pooling.
var MaxPool = Register(&Operator{
	Name: "max_pool",
	Doc: "The largest element of each window of an image [N,H,W,C], giving [N,H',W',C], or of a sequence [N,L,C] or a volume [N,D,H,W,C]. A border is never " +
		"the largest; a window that looks at nothing else gives -infinity. A window that holds NaN gives NaN. " +
		"With indices a second result says where each was found, i32 of the same shape: the number of the element in its channel, row by row.",
	Formula:  "y[n,i,j,c] = max x[n, i*stride + u*dilation - top, j*stride + v*dilation - left, c]",
	Example:  "half = features |> max_pool(2)",
	Category: "pooling",
	Args:     []Arg{{Name: "x", Doc: "f32[N,H,W,C], f32[N,L,C] or f32[N,D,H,W,C]"}},
	Attrs:    append(slices.Clone(maxPoolAttrs), AttrDef{Name: "indices", Doc: "whether the places of the maxima are a second result, as max_unpool takes them", Default: false}),
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		if !a.Bool("indices") {
			return nil, nil
		}
		own := a[:len(a)-1]
		y, err := b.Op("max_pool", "max_pool", args, own...)
		if err != nil {
			return nil, err
		}
		places, err := b.Op("max_pool_indices", "places", []*ir.Value{args[0], y}, own...)
		return []*ir.Value{y, places}, err
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		w, err := poolWindow("max_pool", args[0], a)
		if err != nil {
			return nil, err
		}
		return []ir.Type{w.pooled(args[0])}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		y := evalMaxPool(args[0], a)
		if a.Bool("indices") {
			return append([]*Tensor{y}, MaxPoolIndices.Eval([]*Tensor{args[0], y}, a)...)
		}
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		x := op.Args[0]
		if grads[0] == nil {
			return []*ir.Value{nil}
		}
		w := mustPool("max_pool", x.Type, op.Attrs)
		return []*ir.Value{b.Must("max_pool_grad", x.Name+".grad", []*ir.Value{x, op.Results[0], grads[0]}, w.poolAttrs(op.Attrs)...)}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x := op.Args[0]
		w := mustPool("max_pool", x.Type, op.Attrs)
		from := scatter(l, l.Buf(x), "padded", w.framed(), math.Inf(-1))
		n := w.pool(x.Type, loop.FoldMax)
		n.Value = loop.Read(from, w.seen()...)
		n.Stores = []loop.Store{storeAt(l.Buf(op.Results[0]), loop.Total(ir.F32), plainIndex(len(n.Axes))...)}
		l.Emit(n)
	},
	ONNX: ONNX{Name: "MaxPool", Min: 1, Max: 22, Attrs: poolONNX("dilation", "dilations"), Note: pooledNote + "; Indices count the elements of one channel of one example, those of ONNX all of the tensor"},
	Samples: append(slices.Clone(poolSamples),
		Sample{Args: f32Types(ir.NS(5, 4, 2)), Attrs: ir.Attrs{{Name: "size", Value: 2}, {Name: "stride", Value: 1}, {Name: "indices", Value: true}}, Batch: 2, Kinks: poolGap},
		Sample{Args: f32Types(ir.NS(7, 3)), Attrs: ir.Attrs{{Name: "size", Value: 3}, {Name: "pads", Value: []int{1, 1}}, {Name: "indices", Value: true}}, Kinks: poolGap}),
})

// maxPoolAttrs are the attributes of maximum pooling.
var maxPoolAttrs = append(slices.Clone(poolAttrs), AttrDef{Name: "dilation", Doc: "distance between two elements of a window: one number, or one for each axis", Default: []int{1}})

func evalMaxPool(x *Tensor, a ir.Attrs) *Tensor {
	y := NewTensor(ir.F32, poolEval(x, a, func(_, _ []int, _ int) {})...)
	for i := range y.Data {
		y.Data[i] = math.Inf(-1)
	}
	poolEval(x, a, func(out, in []int, _ int) {
		// NaN where either is, which math.Max is not beside +infinity.
		y.Data[y.at(out)] = max(y.Data[y.at(out)], x.Data[x.at(in)])
	})
	return y
}

var poolSamples = []Sample{
	{Args: f32Types(ir.NS(4, 4, 3)), Attrs: ir.Attrs{{Name: "size", Value: []int{2}}}, Kinks: poolGap},
	{Args: f32Types(ir.NS(5, 7, 2)), Attrs: ir.Attrs{{Name: "size", Value: []int{2}}}, Batch: 1, Kinks: poolGap},
	{Args: f32Types(ir.NS(7, 6, 1)), Attrs: ir.Attrs{{Name: "size", Value: []int{3}}, {Name: "stride", Value: []int{2}}, {Name: "padding", Value: "same"}}, Kinks: poolGap},
	{Args: f32Types(ir.NS(5, 4, 2)), Attrs: ir.Attrs{{Name: "size", Value: []int{3, 2}}, {Name: "stride", Value: []int{1}}, {Name: "pads", Value: []int{2, 0, 1, 1}}}, Batch: 1, Kinks: poolGap},
	{Args: f32Types(ir.NS(5, 6, 2)), Attrs: ir.Attrs{{Name: "size", Value: []int{2, 1}}, {Name: "stride", Value: []int{3, 2}}, {Name: "pads", Value: []int{1, 0, 0, 0}}}, Kinks: poolGap},
	{Args: f32Types(ir.S(2, 3, 3, 1)), Attrs: ir.Attrs{{Name: "size", Value: []int{3}}}, Kinks: poolGap},
	{Args: f32Types(ir.NS(7, 3)), Attrs: ir.Attrs{{Name: "size", Value: 3}, {Name: "stride", Value: 2}, {Name: "pads", Value: []int{1, 0}}}, Kinks: poolGap},
	{Args: f32Types(ir.NS(3, 4, 3, 2)), Attrs: ir.Attrs{{Name: "size", Value: 2}, {Name: "stride", Value: []int{1, 2, 1}}}, Batch: 1, Kinks: poolGap},
	{Args: f32Types(ir.NS(6, 7, 2)), Attrs: ir.Attrs{{Name: "size", Value: 2}, {Name: "stride", Value: []int{3, 2}}, {Name: "ceil_mode", Value: true}}, Batch: 1, Kinks: poolGap},
	{Args: f32Types(ir.NS(6, 5, 1)), Attrs: ir.Attrs{{Name: "size", Value: 3}, {Name: "stride", Value: 2}, {Name: "pads", Value: []int{1, 1, 1, 1}}, {Name: "ceil_mode", Value: true}}, Kinks: poolGap},
	{Args: f32Types(ir.NS(6, 7, 2)), Attrs: ir.Attrs{{Name: "size", Value: []int{2, 3}}, {Name: "stride", Value: []int{1, 2}}, {Name: "dilation", Value: []int{3, 2}}, {Name: "padding", Value: "same_lower"}}, Batch: 2, Kinks: poolGap},
	// Whole numbers: equal elements, of which the first is the maximum.
	{Args: f32Types(ir.S(1, 4, 4, 1)), Attrs: ir.Attrs{{Name: "size", Value: []int{2}}}, Data: map[int][]float64{0: {1, 1, 0, 0, 1, 1, 0, 0, -1, 3, 2, 2, 3, 3, 2, 5}}, NoGrad: true},
}

// poolGap keeps the elements of samples so far apart that finite differences change no maximum.
const poolGap = 1e-2
