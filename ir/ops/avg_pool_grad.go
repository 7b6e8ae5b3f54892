package ops

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// AvgPoolGrad is the gradient of average pooling.
var AvgPoolGrad = Register(&Operator{
	Name:     "avg_pool_grad",
	Doc:      "The gradient of avg_pool: each element of dy, divided as its average was, goes to every element of its window in the image [N,H,W,C], or a sequence or volume.",
	Formula:  "dx[n,i,j,c] = Σ dy[n,y,x,c] / count[y,x] over the windows (y,x) that hold (i,j)",
	Example:  "dx = avg_pool_grad(dy, sides=[28, 28], size=[2, 2])",
	Category: "gradient",
	Internal: true,
	Args:     []Arg{{Name: "dy", Doc: "gradient of the result"}},
	Attrs:    append([]AttrDef{{Name: "sides", Doc: "of the image", Kind: []int{}}}, avgPoolAttrs...),
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
		dx := NewTensor(ir.F32, slices.Concat(dy.Shape[:1], a.Ints("sides"), dy.Shape[len(dy.Shape)-1:])...)
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
		return []*ir.Value{b.Must("avg_pool", op.Args[0].Name+".grad", grads[:1], op.Attrs[1:]...)}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		dy, dx := op.Args[0], op.Results[0]
		w := mustPool("avg_pool_grad", dx.Type, op.Attrs)
		border := op.Attrs.Bool("count_include_pad")
		from := l.Buf(dy)
		if !w.uniform(border) {
			// Each window has its own divisor, which only a loop over windows knows.
			from = l.Temp("share", dy.Type)
			l.mapOver(from, w.mean(loop.Read(l.Buf(dy), plainIndex(len(dy.Type.Shape))...), border))
		}
		part := func(x []*loop.Expr, _ *loop.Expr) *loop.Expr { return x[0] }
		w.back(l, dx.Type, l.Buf(dx), []*loop.Buffer{from}, []float64{0}, part, func(sum *loop.Expr) *loop.Expr {
			if from == l.Buf(dy) {
				return w.mean(sum, border)
			}
			return sum
		})
	},
	Samples: avgPoolGradSamples(),
})

// pooledFrom is the image that a pooling gave a result like dy for.
func pooledFrom(dy ir.Type, a ir.Attrs) (ir.Type, error) {
	sides := a.Ints("sides")
	if len(sides) < 1 || len(sides) > 3 {
		return ir.Type{}, fmt.Errorf("avg_pool_grad takes one to three sides, not %v", sides)
	}
	if err := spatial("avg_pool_grad", dy, len(sides)); err != nil {
		return ir.Type{}, err
	}
	x := ir.T(ir.F32, spanned(dy.Shape[0], sides, dy.Shape[len(sides)+1]))
	if err := spatial("avg_pool_grad", x, len(sides)); err != nil {
		return ir.Type{}, err
	}
	if _, ok := x.Shape.Elems(); !ok {
		return ir.Type{}, fmt.Errorf("avg_pool_grad would give %v, more than the %d elements that a tensor may have", x, ir.MaxElems)
	}
	return x, nil
}

// avgPoolGradSamples are the gradients of the samples of images, and of others.
func avgPoolGradSamples() []Sample {
	var list []Sample
	for _, s := range append(slices.Clone(avgPoolSamples),
		Sample{Args: f32Types(ir.NS(7, 3)), Attrs: ir.Attrs{{Name: "size", Value: 3}, {Name: "stride", Value: 2}, {Name: "pads", Value: []int{1, 0}}}},
		Sample{Args: f32Types(ir.NS(3, 4, 3, 2)), Attrs: ir.Attrs{{Name: "size", Value: 2}, {Name: "stride", Value: []int{2, 2, 1}}}, Batch: 1},
	) {
		full, err := Complete(avgPoolAttrs, s.Attrs)
		if err != nil {
			panic("ops: avg_pool_grad: " + err.Error())
		}
		w := mustPool("avg_pool_grad", s.Args[0], full)
		s.Attrs = append(ir.Attrs{{Name: "sides", Value: w.in}}, s.Attrs...)
		s.Args = []ir.Type{w.pooled(s.Args[0])}
		list = append(list, s)
	}
	return list
}
