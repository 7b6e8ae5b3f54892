package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// LogSoftmax is the logarithm of softmax.
var LogSoftmax = Register(&Operator{
	Name:     "log_softmax",
	Doc:      "The natural logarithm of softmax along an axis, exact also where probabilities are too small for f32.",
	Formula:  "y[n, i] = x[n, i] - m - ln Σ_j exp(x[n, j] - m), m = max_j x[n, j]",
	Example:  "scores = log_softmax(logits)",
	Category: "activation",
	Args:     []Arg{{Name: "x", Doc: "any shape with at least one axis beside the batch"}},
	Attrs:    axisAttr,
	Infer:    inferAlong("log_softmax"),
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		return []*Tensor{evalRows(args[0], a.Int("axis"), func(row []float64) {
			total := logSumExp(row)
			for i := range row {
				row[i] -= total
			}
		})}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil}
		}
		y, dy := op.Results[0], grads[0]
		return []*ir.Value{b.apply("sub", dy, b.apply("mul", b.apply("exp", y), b.sumAlong(op, dy)))}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x, y := l.Buf(op.Args[0]), l.Buf(op.Results[0])
		axis := mustAxis(op.Attrs.Int("axis"), len(x.Shape))
		less, _ := l.shifted(x, axis)
		logSum := l.rowFold("log_sum", x.Shape, axis, loop.FoldSum,
			func(at []loop.Affine) *loop.Expr { return loop.E(loop.Exp, less(at)) },
			func(total *loop.Expr) *loop.Expr { return loop.E(loop.Log, total) })
		at := plainIndex(len(x.Shape))
		l.mapOver(y, loop.E(loop.Sub, less(at), logSum(at)))
	},
	ONNX:    ONNX{Name: "LogSoftmax", Min: 13, Max: 25, Attrs: map[string]string{"axis": "axis"}},
	Samples: alongSamples(),
})

// logSumExp is ln Σ exp(x), computed without overflow.
func logSumExp(row []float64) float64 {
	top, sum := math.Inf(-1), 0.0
	for _, x := range row {
		top = max(top, x)
	}
	for _, x := range row {
		sum += math.Exp(x - top)
	}
	return top + math.Log(sum)
}
