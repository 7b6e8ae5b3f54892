package ops

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// classArgs are the operands of what compares scores with labels.
var classArgs = []Arg{
	{Name: "logits", Doc: "f32[N, …, C]: a score for each class, not normalised"},
	{Name: "label", Doc: "i32[N, …]: the right class, 0 … C-1"},
}

// maxClasses bounds the classes so that every number of one is an exact f32.
const maxClasses = 1 << 24

// inferClasses checks logits and labels; the result is a scalar.
func inferClasses(name string, logits, label ir.Type) ([]ir.Type, error) {
	if err := wantElem(name, "logits", logits, ir.F32); err != nil {
		return nil, err
	}
	if err := wantElem(name, "label", label, ir.I32); err != nil {
		return nil, WithNote("declare the target as class[C]; for numbers use mse", "%s", err)
	}
	r := len(logits.Shape)
	if r == 0 || !logits.Shape[r-1].Static() {
		return nil, WithNote("put dense(C) before it, with as many outputs as there are classes",
			"%s needs a score for each class in the last axis, but its logits are %s", name, logits)
	}
	if c := logits.Shape[r-1].Size; c > maxClasses {
		return nil, fmt.Errorf("%s has %d classes; the limit is %d", name, c, maxClasses)
	}
	if want := logits.Shape[:r-1]; !label.Shape.Equal(want) {
		return nil, WithNote(fmt.Sprintf("the last axis of logits holds the %d classes; the other axes must be those of label", logits.Shape[r-1].Size),
			"%s of logits %s wants i32%s for label, not %s", name, logits, want, label)
	}
	return []ir.Type{ir.T(ir.F32, nil)}, nil
}

// eachRow calls f with the scores and the label of each row.
func eachRow(logits, label *Tensor, f func(i int, row []float64, class int)) {
	c := logits.Shape[len(logits.Shape)-1]
	for i, k := range label.Data {
		f(i, logits.Data[i*c:(i+1)*c], int(k))
	}
}

// isLabel is the truth value of "this class is the label" in a nest over logits.
func isLabel(label *loop.Buffer, at []loop.Affine) *loop.Expr {
	last := len(at) - 1
	return loop.E(loop.Eq, loop.IndexOf(at[last]), loop.Read(label, at[:last]...))
}

// meanRows emits the mean of a buffer of one number a row into the scalar y.
func (l *Lowering) meanRows(y, rows *loop.Buffer) {
	all := make([]int, len(rows.Shape))
	for i := range all {
		all[i] = i
	}
	l.foldAxes(y, false, rows.Shape, all, loop.FoldSum,
		func(at []loop.Affine) *loop.Expr { return loop.Read(rows, at...) },
		func(total *loop.Expr) *loop.Expr { return l.over(total, rows.Shape) })
}

// classSamples are logits and labels, the first and the last class among them.
func classSamples() []Sample {
	types := func(s ...ir.Dim) []ir.Type {
		return []ir.Type{ir.T(ir.F32, s), ir.T(ir.I32, s[:len(s)-1])}
	}
	return []Sample{
		{Args: types(ir.Batch, ir.D(10)), Data: map[int][]float64{1: {0, 9, 4}}},
		{Args: types(ir.Batch, ir.D(1)), Batch: 2, Data: map[int][]float64{1: {0, 0}}},
		{Args: types(ir.Batch, ir.D(3), ir.D(5)), Batch: 2, Data: map[int][]float64{1: {0, 4, 2, 3, 1, 4}}},
		{Args: types(ir.D(7)), Data: map[int][]float64{1: {6}}},
		{Args: types(ir.D(2), ir.D(3)), Data: map[int][]float64{1: {2, 0}}},
		{Args: types(ir.Batch, ir.D(4)), Batch: 2, Range: map[int][2]float64{0: {-30, 30}}, Data: map[int][]float64{1: {3, 1}}},
	}
}

// CrossEntropy is the usual loss of classification.
var CrossEntropy = Register(&Operator{
	Name: "cross_entropy",
	Doc: "The loss of classification: how surprised the scores are by the right class, as the mean over all rows (the batch, and positions where there are more axes). " +
		"It takes raw scores and does the softmax itself. A label outside 0 … C-1 counts as a class with score 0; data with such labels are refused before they get here.",
	Formula:  "y = mean_n (ln Σ_c exp(logits[n, c]) - logits[n, label[n]])",
	Example:  "loss = cross_entropy(logits, label)",
	Category: "loss",
	Args:     classArgs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		return inferClasses("cross_entropy", args[0], args[1])
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		y := NewTensor(ir.F32)
		eachRow(args[0], args[1], func(i int, row []float64, class int) {
			y.Data[0] += logSumExp(row)
			if class >= 0 && class < len(row) {
				y.Data[0] -= row[class]
			}
		})
		y.Data[0] /= float64(len(args[1].Data))
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil, nil}
		}
		return []*ir.Value{b.Must("cross_entropy_grad", op.Args[0].Name, []*ir.Value{grads[0], op.Args[0], op.Args[1]}), nil}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x, label, y := l.Buf(op.Args[0]), l.Buf(op.Args[1]), l.Buf(op.Results[0])
		last := len(x.Shape) - 1
		at := plainIndex(last + 1)
		less, top := l.shifted(x, last)
		logSum := l.rowFold("log_sum", x.Shape, last, loop.FoldSum,
			func(at []loop.Affine) *loop.Expr { return loop.E(loop.Exp, less(at)) },
			func(total *loop.Expr) *loop.Expr { return loop.E(loop.Log, total) })
		// The score of the label is the only term of a sum that is not 0.
		rows := l.Temp("rows", ir.T(ir.F32, x.Shape[:last]))
		l.foldAxes(rows, false, x.Shape, []int{last}, loop.FoldSum,
			func(at []loop.Affine) *loop.Expr {
				return loop.E(loop.Select, isLabel(label, at), loop.Read(x, at...), loop.F(0))
			},
			func(total *loop.Expr) *loop.Expr {
				return loop.E(loop.Add, logSum(at), loop.E(loop.Sub, top(at), total))
			})
		l.meanRows(y, rows)
	},
	ONNX:    ONNX{Name: "SoftmaxCrossEntropyLoss", Min: 12, Max: 25, Note: "reduction=mean, without weights; classes in the last axis"},
	Samples: classSamples(),
})

// CrossEntropyGrad is the gradient of cross_entropy for its logits.
var CrossEntropyGrad = Register(&Operator{
	Name:     "cross_entropy_grad",
	Doc:      "The gradient of cross_entropy: softmax of the scores, less 1 at the label, times dy over the number of rows.",
	Formula:  "dx[n, c] = (softmax(logits)[n, c] - (c == label[n])) * dy / rows",
	Example:  "dx = cross_entropy_grad(dy, logits, label)",
	Category: "gradient",
	Internal: true,
	Args:     append([]Arg{{Name: "dy", Doc: "f32[]"}}, classArgs...),
	NoGrad:   "second derivatives of a loss are not supported",
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if want := ir.T(ir.F32, nil); !args[0].Equal(want) {
			return nil, fmt.Errorf("cross_entropy_grad wants %s for dy, not %s", want, args[0])
		}
		if _, err := inferClasses("cross_entropy_grad", args[1], args[2]); err != nil {
			return nil, err
		}
		return args[1:2], nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[1]
		dx := NewTensor(ir.F32, x.Shape...)
		eachRow(x, args[2], func(i int, row []float64, class int) {
			total := logSumExp(row)
			for c, v := range row {
				p := math.Exp(v - total)
				if c == class {
					p--
				}
				dx.Data[i*len(row)+c] = p * args[0].Data[0] / float64(len(args[2].Data))
			}
		})
		return []*Tensor{dx}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		dy, x, label, dx := l.Buf(op.Args[0]), l.Buf(op.Args[1]), l.Buf(op.Args[2]), l.Buf(op.Results[0])
		last := len(x.Shape) - 1
		at := plainIndex(last + 1)
		less, _ := l.shifted(x, last)
		e := l.Temp("exp", ir.T(ir.F32, x.Shape))
		l.mapOver(e, loop.E(loop.Exp, less(at)))
		sum := l.rowFold("sum", x.Shape, last, loop.FoldSum, func(at []loop.Affine) *loop.Expr { return loop.Read(e, at...) }, asIs)
		p := loop.E(loop.Div, loop.Read(e, at...), sum(at))
		miss := loop.E(loop.Sub, p, loop.E(loop.Select, isLabel(label, at), loop.F(1), loop.F(0)))
		scale := l.over(loop.Read(dy), label.Shape)
		l.mapOver(dx, loop.E(loop.Mul, miss, scale))
	},
	Samples: func() []Sample {
		list := classSamples()
		for i := range list {
			s := &list[i]
			s.Args = append(f32Types(nil), s.Args...)
			s.Data = map[int][]float64{2: s.Data[1]}
			if r, ok := s.Range[0]; ok {
				s.Range = map[int][2]float64{1: r}
			}
		}
		return list
	}(),
})
