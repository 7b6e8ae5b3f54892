package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// MSE is the usual loss of regression.
var MSE = Register(&Operator{
	Name:     "mse",
	Doc:      "The loss of regression: the mean, over all elements of the batch, of the squared difference. Both operands have the same shape; nothing broadcasts.",
	Formula:  "y = mean((pred - target)^2)",
	Example:  "loss = mse(height, measured)",
	Category: "loss",
	Args:     []Arg{{Name: "pred", Doc: "f32, any shape"}, {Name: "target", Doc: "f32, the shape of pred"}},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		p, t := args[0], args[1]
		if err := wantElem("mse", "pred", p, ir.F32); err != nil {
			return nil, err
		}
		if err := wantElem("mse", "target", t, ir.F32); err != nil {
			return nil, WithNote("for classes use cross_entropy", "%s", err)
		}
		if !p.Equal(t) {
			return nil, WithNote("bring them to one shape with reshape, or with dense in front of the prediction", "mse wants operands of one shape, not %s and %s", p, t)
		}
		return []ir.Type{ir.T(ir.F32, nil)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		y := NewTensor(ir.F32)
		for i, p := range args[0].Data {
			d := p - args[1].Data[i]
			y.Data[0] += d * d
		}
		y.Data[0] /= float64(len(args[0].Data))
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil, nil}
		}
		d := b.apply("sub", op.Args...)
		each := b.Must("expand", "each", []*ir.Value{grads[0], d}, ir.Attr{Name: "mean", Value: true})
		dp := b.apply("mul", b.apply("add", d, d), each)
		return []*ir.Value{dp, b.apply("neg", dp)}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		p, t, y := l.Buf(op.Args[0]), l.Buf(op.Args[1]), l.Buf(op.Results[0])
		all := mustAxes(nil, p.Shape)
		l.foldAxes(y, false, p.Shape, all, loop.FoldSum,
			func(at []loop.Affine) *loop.Expr {
				d := loop.E(loop.Sub, loop.Read(p, at...), loop.Read(t, at...))
				return loop.E(loop.Mul, d, d)
			},
			func(total *loop.Expr) *loop.Expr { return l.over(total, p.Shape) })
	},
	ONNX: ONNX{Note: "written as Sub, Mul and ReduceMean"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(), ir.NS())},
		{Args: f32Types(ir.NS(4, 3), ir.NS(4, 3)), Batch: 2},
		{Args: f32Types(ir.S(5), ir.S(5))},
		{Args: f32Types(nil, nil)},
	},
})
