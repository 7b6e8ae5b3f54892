package ops

import (
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// lpPoolAttrs are the attributes of pooling by a norm.
var lpPoolAttrs = append(slices.Clone(poolAttrs), AttrDef{Name: "p", Doc: "the power, from 1 up", Default: 2.0})

// LpPool is pooling by the p-norm.
var LpPool = Register(&Operator{
	Name: "lp_pool",
	Doc: "The p-norm of each window of an image [N,H,W,C], giving [N,H',W',C], or of a sequence [N,L,C] or a volume [N,D,H,W,C]: the p-th root of the sum of the p-th " +
		"powers of magnitudes. A border adds nothing. Where all elements are zero, so is the gradient.",
	Formula:  "y[n,i,j,c] = (Σ |x[n, i*stride + u - top, j*stride + v - left, c]|^p)^(1/p)",
	Example:  "half = features |> lp_pool(2)",
	Category: "pooling",
	Args:     []Arg{{Name: "x", Doc: "f32[N,H,W,C], f32[N,L,C] or f32[N,D,H,W,C]"}},
	Attrs:    lpPoolAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		w, err := lpWindow("lp_pool", args[0], a)
		if err != nil {
			return nil, err
		}
		return []ir.Type{w.pooled(args[0])}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor { return []*Tensor{evalLpPool(args[0], a)} },
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		x := op.Args[0]
		if grads[0] == nil {
			return []*ir.Value{nil}
		}
		w := mustPool("lp_pool", x.Type, op.Attrs)
		attrs := append(w.poolAttrs(op.Attrs), ir.Attr{Name: "p", Value: op.Attrs.Float("p")})
		return []*ir.Value{b.Must("lp_pool_grad", x.Name+".grad", []*ir.Value{x, op.Results[0], grads[0]}, attrs...)}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x, p := op.Args[0], op.Attrs.Float("p")
		w := mustPool("lp_pool", x.Type, op.Attrs)
		from := scatter(l, l.Buf(x), "padded", w.framed(), 0)
		n := w.pool(x.Type, loop.FoldSum)
		v := loop.Read(from, w.seen()...)
		total := loop.Total(ir.F32)
		switch p {
		case 1:
			n.Value = loop.E(loop.Abs, v)
		case 2:
			n.Value, total = loop.E(loop.Mul, v, v), loop.E(loop.Sqrt, total)
		default:
			n.Value, total = loop.E(loop.Pow, loop.E(loop.Abs, v), loop.F(p)), loop.E(loop.Pow, total, loop.F(1/p))
		}
		n.Stores = []loop.Store{storeAt(l.Buf(op.Results[0]), total, plainIndex(len(n.Axes))...)}
		l.Emit(n)
	},
	ONNX:    ONNX{Name: "LpPool", Min: 2, Max: 22, Attrs: poolONNX("p", "p"), Note: pooledNote + "; no dilations"},
	Samples: lpPoolSamples,
})

// lpWindow is poolWindow with the power checked.
func lpWindow(kind string, x ir.Type, a ir.Attrs) (window, error) {
	if p := a.Float("p"); !(p >= 1 && p <= 64) {
		return window{}, WithNote("2 is the Euclidean norm", "%s needs a power p from 1 to 64, not %v", kind, p)
	}
	return poolWindow(kind, x, a)
}

func evalLpPool(x *Tensor, a ir.Attrs) *Tensor {
	y := NewTensor(ir.F32, poolEval(x, a, func(_, _ []int, _ int) {})...)
	poolEval(x, a, func(out, in []int, _ int) { y.Data[y.at(out)] += math.Pow(math.Abs(x.Data[x.at(in)]), a.Float("p")) })
	for i, v := range y.Data {
		y.Data[i] = math.Pow(v, 1/a.Float("p"))
	}
	return y
}

var lpPoolSamples = []Sample{
	{Args: f32Types(ir.NS(4, 4, 3)), Attrs: ir.Attrs{{Name: "size", Value: 2}}, Kinks: poolGap},
	{Args: f32Types(ir.NS(5, 7, 2)), Attrs: ir.Attrs{{Name: "size", Value: []int{3, 2}}, {Name: "stride", Value: 2}, {Name: "p", Value: 1.0}, {Name: "padding", Value: "same"}}, Batch: 1, Kinks: poolGap},
	{Args: f32Types(ir.NS(5, 6, 2)), Attrs: ir.Attrs{{Name: "size", Value: 2}, {Name: "stride", Value: 1}, {Name: "p", Value: 3.0}, {Name: "pads", Value: []int{1, 0, 0, 1}}}, Batch: 1, Kinks: poolGap},
	{Args: f32Types(ir.NS(8, 2)), Attrs: ir.Attrs{{Name: "size", Value: 3}, {Name: "ceil_mode", Value: true}}, Kinks: poolGap},
	{Args: f32Types(ir.NS(3, 2, 4, 1)), Attrs: ir.Attrs{{Name: "size", Value: 2}, {Name: "stride", Value: 1}, {Name: "p", Value: 1.5}}, Batch: 1, Kinks: poolGap},
}
