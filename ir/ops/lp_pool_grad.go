package ops

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// LpPoolGrad is the gradient of pooling by the p-norm.
var LpPoolGrad = Register(&Operator{
	Name:     "lp_pool_grad",
	Doc:      "The gradient of lp_pool: each element gets, from the windows that hold it, its share of their norm. A window whose norm is zero gives nothing.",
	Formula:  "dx[n,i,j,c] = sign(x) * |x|^(p-1) * Σ dy[n,y,x,c] * y[n,y,x,c]^(1-p) over the windows (y,x) that hold (i,j)",
	Example:  "dx = lp_pool_grad(x, y, dy, size=[2, 2])",
	Category: "gradient",
	Internal: true,
	Args:     []Arg{{Name: "x", Doc: "what was pooled"}, {Name: "y", Doc: "the norms"}, {Name: "dy", Doc: "their gradient"}},
	Attrs:    lpPoolAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		w, err := lpWindow("lp_pool_grad", args[0], a)
		if err != nil {
			return nil, err
		}
		if want := w.pooled(args[0]); !args[1].Equal(want) || !args[2].Equal(want) {
			return nil, fmt.Errorf("lp_pool_grad needs norms and a gradient %v for %v, not %v and %v", want, args[0], args[1], args[2])
		}
		return args[:1], nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, y, dy, p := args[0], args[1], args[2], a.Float("p")
		dx := NewTensor(ir.F32, x.Shape...)
		poolEval(x, a, func(out, in []int, _ int) {
			v, o := x.Data[x.at(in)], y.at(out)
			if y.Data[o] == 0 || v == 0 {
				return
			}
			dx.Data[x.at(in)] += math.Copysign(math.Pow(math.Abs(v), p-1), v) * dy.Data[o] * math.Pow(y.Data[o], 1-p)
		})
		return []*Tensor{dx}
	},
	NoGrad: "the gradient of a gradient of lp_pool is not defined here",
	Lower: func(l *Lowering, op *ir.Op) {
		x, y, dy, p := op.Args[0], l.Buf(op.Args[1]), l.Buf(op.Args[2]), op.Attrs.Float("p")
		w := mustPool("lp_pool_grad", x.Type, op.Attrs)
		share, total := l.Temp("share", op.Args[1].Type), l.Temp("total", x.Type)
		at := plainIndex(len(y.Shape))
		norm, g := loop.Read(y, at...), loop.Read(dy, at...)
		switch p {
		case 1:
		case 2:
			g = loop.E(loop.Div, g, norm)
		default:
			g = loop.E(loop.Mul, g, loop.E(loop.Pow, norm, loop.F(1-p)))
		}
		l.mapOver(share, loop.E(loop.Select, loop.E(loop.Eq, norm, loop.F(0)), loop.F(0), g))
		w.back(l, x.Type, total, []*loop.Buffer{share}, []float64{0}, func(x []*loop.Expr, _ *loop.Expr) *loop.Expr { return x[0] }, asIs)
		v, sum := loop.Read(l.Buf(x), at...), loop.Read(total, at...)
		switch p {
		case 1:
		case 2:
			// The sign is that of the element.
			sum = loop.E(loop.Mul, sum, loop.E(loop.Abs, v))
		default:
			sum = loop.E(loop.Mul, sum, loop.E(loop.Pow, loop.E(loop.Abs, v), loop.F(p-1)))
		}
		zero := loop.F(0)
		signed := loop.E(loop.Select, loop.E(loop.Less, v, zero), loop.E(loop.Neg, sum), sum)
		l.mapOver(l.Buf(op.Results[0]), loop.E(loop.Select, loop.E(loop.Eq, v, zero), zero, signed))
	},
	Samples: lpPoolGradSamples(),
})

func lpPoolGradSamples() []Sample {
	var list []Sample
	for _, s := range lpPoolSamples {
		full, err := Complete(lpPoolAttrs, s.Attrs)
		if err != nil {
			panic("ops: lp_pool_grad: " + err.Error())
		}
		t := mustPool("lp_pool_grad", s.Args[0], full).pooled(s.Args[0])
		list = append(list, Sample{Args: []ir.Type{s.Args[0], t, t}, Attrs: s.Attrs, Batch: s.Batch, Range: map[int][2]float64{1: {0.5, 3}}})
	}
	return list
}
