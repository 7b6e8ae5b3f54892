package ops

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// MaxPoolGrad is the gradient of maximum pooling.
var MaxPoolGrad = Register(&Operator{
	Name: "max_pool_grad",
	Doc: "The gradient of max_pool: each element of dy goes to the first element of its window, row by row, that equals the maximum. Where none does, because " +
		"the window holds NaN, it goes to the window's first place, and is lost where that lies in the border.",
	Formula:  "dx[n,i,j,c] = Σ dy[n,y,x,c] over the windows (y,x) whose first maximum is at (i,j)",
	Example:  "dx = max_pool_grad(x, y, dy, size=[2, 2])",
	Category: "gradient",
	Internal: true,
	Args: []Arg{
		{Name: "x", Doc: "the image, f32[N,H,W,C], or a sequence or volume"},
		{Name: "y", Doc: "the maxima, f32[N,H',W',C]"},
		{Name: "dy", Doc: "their gradient, f32[N,H',W',C]"},
	},
	Attrs: maxPoolAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		w, err := poolWindow("max_pool_grad", args[0], a)
		if err != nil {
			return nil, err
		}
		if want := w.pooled(args[0]); !args[1].Equal(want) || !args[2].Equal(want) {
			return nil, fmt.Errorf("max_pool_grad needs maxima and a gradient %v for the image %v, not %v and %v", want, args[0], args[1], args[2])
		}
		return []ir.Type{args[0]}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, y, dy := args[0], args[1], args[2]
		first := make([]int, len(y.Data)) // where the gradient of each output goes
		for i := range first {
			first[i] = -1
		}
		poolEval(x, a, func(out, in []int, _ int) {
			if o := y.at(out); first[o] < 0 && x.Data[x.at(in)] == y.Data[o] {
				first[o] = x.at(in)
			}
		})
		poolEval(x, a, func(out, in []int, tap int) {
			if o := y.at(out); first[o] < 0 && tap == 0 {
				first[o] = x.at(in)
			}
		})
		dx := NewTensor(ir.F32, x.Shape...)
		for o, at := range first {
			if at >= 0 {
				dx.Data[at] += dy.Data[o]
			}
		}
		return []*Tensor{dx}
	},
	NoGrad:  "the gradient of a gradient of max_pool is not defined here",
	Lower:   lowerMaxPoolGrad,
	Samples: maxPoolGradSamples(),
})

// lowerMaxPoolGrad finds the tap of each maximum again, as the fold's minimum over the taps that equal it, and then lets every
// element of the image ask the windows that hold it. Keeping the taps of the forward part would cost a store there for every output, in
// inference too.
func lowerMaxPoolGrad(l *Lowering, op *ir.Op) {
	x, y, dy := op.Args[0], op.Args[1], op.Args[2]
	w := mustPool("max_pool_grad", x.Type, op.Attrs)
	// NaN equals nothing, so that the border is never the maximum.
	from := scatter(l, l.Buf(x), "padded", w.framed(), math.NaN())
	which := l.Temp("which", y.Type)
	none := loop.F(float64(w.taps()))
	n := w.pool(x.Type, loop.FoldMin)
	n.Value = loop.E(loop.Select,
		loop.E(loop.Eq, loop.Read(from, w.seen()...), loop.Read(l.Buf(y), plainIndex(len(n.Axes))...)),
		w.tapNumber(len(n.Axes), false), none)
	acc := loop.Total(ir.F32)
	n.Stores = []loop.Store{storeAt(which, loop.E(loop.Select, loop.E(loop.Less, acc, none), acc, loop.F(0)), plainIndex(len(n.Axes))...)}
	l.Emit(n)
	w.back(l, x.Type, l.Buf(op.Results[0]), []*loop.Buffer{which, l.Buf(dy)}, []float64{-1, 0}, func(x []*loop.Expr, tap *loop.Expr) *loop.Expr {
		return loop.E(loop.Select, loop.E(loop.Eq, x[0], tap), x[1], loop.F(0))
	}, func(sum *loop.Expr) *loop.Expr { return sum })
}

// maxPoolGradSamples are images of small whole numbers, which holds many equal ones, with their maxima.
func maxPoolGradSamples() []Sample {
	shaped := func(batch int, shape []int, a ...ir.Attr) Sample {
		full, err := Complete(maxPoolAttrs, a)
		if err != nil {
			panic("ops: max_pool_grad: " + err.Error())
		}
		x := NewTensor(ir.F32, append([]int{batch}, shape...)...)
		for i := range x.Data {
			x.Data[i] = float64(i*i*7%11%6 - i%3)
		}
		y := evalMaxPool(x, full)
		t := ir.T(ir.F32, ir.NS(y.Shape[1:]...))
		return Sample{
			Args: []ir.Type{ir.T(ir.F32, ir.NS(shape...)), t, t}, Attrs: a, Batch: batch,
			Data: map[int][]float64{0: x.Data, 1: y.Data},
		}
	}
	sample := func(batch, h, v, c int, a ...ir.Attr) Sample { return shaped(batch, []int{h, v, c}, a...) }
	ints := func(name string, v ...int) ir.Attr { return ir.Attr{Name: name, Value: v} }
	return []Sample{
		sample(3, 4, 4, 3, ints("size", 2)),
		sample(1, 5, 7, 2, ints("size", 2)),
		sample(3, 7, 6, 1, ints("size", 3), ints("stride", 2), ir.Attr{Name: "padding", Value: "same"}),
		sample(1, 5, 4, 2, ints("size", 3, 2), ints("stride", 1), ints("pads", 2, 0, 1, 1)),
		sample(3, 5, 6, 2, ints("size", 2, 1), ints("stride", 3, 2), ints("pads", 1, 0, 0, 0)),
		sample(2, 3, 3, 1, ints("size", 3)),
		sample(1, 6, 7, 2, ints("size", 2), ints("stride", 3, 2), ir.Attr{Name: "ceil_mode", Value: true}),
		sample(2, 6, 5, 1, ints("size", 2), ints("stride", 1, 2), ints("dilation", 2, 3)),
		shaped(2, []int{9, 2}, ints("size", 3), ints("stride", 2), ints("pads", 1, 1)),
		shaped(1, []int{4, 3, 4, 2}, ints("size", 2), ints("stride", 2, 1, 2)),
	}
}
