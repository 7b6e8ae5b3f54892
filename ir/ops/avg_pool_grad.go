package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// AvgPoolGrad is the gradient of average pooling.
var AvgPoolGrad = Register(&Operator{
	Name:     "avg_pool_grad",
	Doc:      "The gradient of avg_pool: each element of dy [N,H',W',C], divided as its average was, goes to every element of its window in the image [N,H,W,C].",
	Formula:  "dx[n,i,j,c] = Σ dy[n,y,x,c] / count[y,x] over the windows (y,x) that hold (i,j)",
	Example:  "dx = avg_pool_grad(dy, height=28, width=28, size=[2, 2])",
	Category: "gradient",
	Internal: true,
	Args:     []Arg{{Name: "dy", Doc: "gradient of the result, f32[N,H',W',C]"}},
	Attrs:    append([]AttrDef{{Name: "height", Doc: "of the image", Kind: 0}, {Name: "width", Doc: "of the image", Kind: 0}}, avgPoolAttrs...),
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x, err := pooledFrom(args[0], a)
		if err != nil {
			return nil, err
		}
		w, err := poolWindow("avg_pool_grad", x, a)
		if err != nil {
			return nil, err
		}
		if want := w.pooled(x); !args[0].Equal(want) {
			return nil, fmt.Errorf("avg_pool_grad needs a gradient %v for the image %v, not %v", want, x, args[0])
		}
		return []ir.Type{x}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		dy := args[0]
		dx := NewTensor(ir.F32, dy.Shape[0], a.Int("height"), a.Int("width"), dy.Shape[3])
		count := countTaps(dx, dy.Shape, a)
		poolEval(dx, a, func(out, in []int, _ int) {
			dx.Data[dx.at(in)] += dy.Data[dy.at(out)] / count.Data[dy.at(out)]
		})
		return []*Tensor{dx}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil}
		}
		return []*ir.Value{b.Must("avg_pool", op.Args[0].Name+".grad", grads[:1], op.Attrs[2:]...)}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		dy, dx := op.Args[0], op.Results[0]
		w := mustPool("avg_pool_grad", dx.Type, op.Attrs)
		border := op.Attrs.Bool("count_include_pad")
		from := l.Buf(dy)
		if !border && w.padded() {
			// Each window has its own divisor, which only a loop over windows knows.
			from = l.Temp("share", dy.Type)
			l.mapOver(from, w.mean(loop.Read(l.Buf(dy), plainIndex(4)...), false))
		}
		part := func(x []*loop.Expr, _ *loop.Expr) *loop.Expr { return x[0] }
		w.back(l, dx.Type, l.Buf(dx), []*loop.Buffer{from}, []float64{0}, part, func(sum *loop.Expr) *loop.Expr {
			if from == l.Buf(dy) {
				return w.mean(sum, border)
			}
			return sum
		})
	},
	Samples: avgPoolGradSamples,
})

// pooledFrom is the image that a pooling gave a result like dy for.
func pooledFrom(dy ir.Type, a ir.Attrs) (ir.Type, error) {
	if err := image("avg_pool_grad", dy); err != nil {
		return ir.Type{}, err
	}
	x := ir.T(ir.F32, ir.Shape{dy.Shape[0], ir.D(a.Int("height")), ir.D(a.Int("width")), dy.Shape[3]})
	if err := image("avg_pool_grad", x); err != nil {
		return ir.Type{}, err
	}
	if _, ok := x.Shape.Elems(); !ok {
		return ir.Type{}, fmt.Errorf("avg_pool_grad would give %v, more than the %d elements that a tensor may have", x, ir.MaxElems)
	}
	return x, nil
}

var avgPoolGradSamples = []Sample{
	{Args: f32Types(ir.NS(2, 2, 3)), Attrs: ir.Attrs{{Name: "height", Value: 4}, {Name: "width", Value: 4}, {Name: "size", Value: []int{2}}}},
	{Args: f32Types(ir.NS(1, 3, 2)), Attrs: ir.Attrs{{Name: "height", Value: 5}, {Name: "width", Value: 7}, {Name: "size", Value: []int{3, 2}}}, Batch: 1},
	{Args: f32Types(ir.NS(4, 3, 1)), Attrs: ir.Attrs{{Name: "height", Value: 7}, {Name: "width", Value: 6}, {Name: "size", Value: []int{3}}, {Name: "stride", Value: []int{2}}, {Name: "padding", Value: "same"}}},
	{Args: f32Types(ir.NS(6, 4, 2)), Attrs: ir.Attrs{{Name: "height", Value: 5}, {Name: "width", Value: 4}, {Name: "size", Value: []int{3, 2}}, {Name: "stride", Value: []int{1}}, {Name: "pads", Value: []int{2, 0, 1, 1}}, {Name: "count_include_pad", Value: true}}, Batch: 1},
	{Args: f32Types(ir.NS(2, 3, 2)), Attrs: ir.Attrs{{Name: "height", Value: 5}, {Name: "width", Value: 6}, {Name: "size", Value: []int{2, 1}}, {Name: "stride", Value: []int{3, 2}}, {Name: "pads", Value: []int{1, 0, 0, 0}}}},
}
