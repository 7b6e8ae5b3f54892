package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// axisAttr is the axis along which a normalisation runs.
var axisAttr = []AttrDef{{Name: "axis", Doc: "the axis that sums to 1; -1 is the last", Default: -1}}

// inferAlong gives the operand's type for an operator with attribute axis.
func inferAlong(name string) func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
	return func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x := args[0]
		if err := wantElem(name, "x", x, ir.F32); err != nil {
			return nil, err
		}
		axis, err := plainAxis(name, a.Int("axis"), x.Shape)
		if err != nil {
			return nil, err
		}
		if !x.Shape[axis].Static() {
			return nil, WithNote("axis counts the batch as 0; leave it out for the last axis", "%s cannot run along the batch of %s: examples would depend on each other", name, x)
		}
		return []ir.Type{x}, nil
	}
}

// evalRows calls f with each line of x along an axis, to be changed in place in the copy that is returned.
func evalRows(x *Tensor, axis int, f func(row []float64)) *Tensor {
	axis = mustAxis(axis, len(x.Shape))
	y := NewTensor(x.Elem, x.Shape...)
	copy(y.Data, x.Data)
	step := 1
	for _, d := range x.Shape[axis+1:] {
		step *= d
	}
	row := make([]float64, x.Shape[axis])
	eachIndex(dropInts(x.Shape, []int{axis}, true), func(ix []int) {
		first := 0
		for i, d := range x.Shape {
			first = first*d + ix[i]
		}
		for i := range row {
			row[i] = x.Data[first+i*step]
		}
		f(row)
		for i := range row {
			y.Data[first+i*step] = row[i]
		}
	})
	return y
}

// rowFold is the result of a fold along one axis: a Temp without that axis, and how to read it in a nest over the whole shape.
func (l *Lowering) rowFold(suffix string, s ir.Shape, axis int, fold loop.Fold, value func(at []loop.Affine) *loop.Expr,
	finish func(total *loop.Expr) *loop.Expr) func(at []loop.Affine) *loop.Expr {
	b := l.Temp(suffix, ir.T(ir.F32, dropAxes(s, []int{axis}, false)))
	l.foldAxes(b, false, s, []int{axis}, fold, value, finish)
	return func(at []loop.Affine) *loop.Expr {
		ix := append(append([]loop.Affine{}, at[:axis]...), at[axis+1:]...)
		return loop.Read(b, ix...)
	}
}

// shifted emits the largest element of each line of x. It returns x less that, which keeps exp in range, and the largest itself.
func (l *Lowering) shifted(x *loop.Buffer, axis int) (less, top func(at []loop.Affine) *loop.Expr) {
	read := func(at []loop.Affine) *loop.Expr { return loop.Read(x, at...) }
	top = l.rowFold("max", x.Shape, axis, loop.FoldMax, read, asIs)
	return func(at []loop.Affine) *loop.Expr { return loop.E(loop.Sub, read(at), top(at)) }, top
}

// asIs stores the total of a fold.
func asIs(total *loop.Expr) *loop.Expr { return total }

// alongSamples are operands of operators with attribute axis.
func alongSamples() []Sample {
	return []Sample{
		{Args: f32Types(ir.NS(10))},
		{Args: f32Types(ir.NS(3, 5)), Batch: 2},
		{Args: f32Types(ir.NS(4, 3)), Attrs: ir.Attrs{{Name: "axis", Value: 1}}, Batch: 2},
		{Args: f32Types(ir.S(7)), Range: map[int][2]float64{0: {-9, 9}}},
		{Args: f32Types(ir.S(2, 3, 2)), Attrs: ir.Attrs{{Name: "axis", Value: 0}}},
		{Args: f32Types(ir.NS(1))},
		{Args: f32Types(ir.S(3)), NoGrad: true, Data: map[int][]float64{0: {1000, 999, -1000}}},
	}
}

// Softmax maps each line along an axis to positive numbers that sum to 1.
var Softmax = Register(&Operator{
	Name:     "softmax",
	Doc:      "Turns scores along an axis into probabilities that sum to 1. For training, give the scores themselves to cross_entropy, which is exact where probabilities are small.",
	Formula:  "y[n, i] = exp(x[n, i] - m) / Σ_j exp(x[n, j] - m), m = max_j x[n, j]",
	Example:  "output probs = softmax(logits)",
	Category: "activation",
	Args:     []Arg{{Name: "x", Doc: "any shape with at least one axis beside the batch"}},
	Attrs:    axisAttr,
	Infer:    inferAlong("softmax"),
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		return []*Tensor{evalRows(args[0], a.Int("axis"), func(row []float64) {
			top, sum := math.Inf(-1), 0.0
			for _, x := range row {
				top = max(top, x)
			}
			for i, x := range row {
				row[i] = math.Exp(x - top)
				sum += row[i]
			}
			for i := range row {
				row[i] /= sum
			}
		})}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil}
		}
		y, dy := op.Results[0], grads[0]
		sum := b.sumAlong(op, b.apply("mul", dy, y))
		return []*ir.Value{b.apply("mul", y, b.apply("sub", dy, sum))}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x, y := l.Buf(op.Args[0]), l.Buf(op.Results[0])
		axis := mustAxis(op.Attrs.Int("axis"), len(x.Shape))
		less, _ := l.shifted(x, axis)
		// The exponentials are kept: a load is cheaper than a second polynomial.
		e := l.Temp("exp", ir.T(ir.F32, x.Shape))
		at := plainIndex(len(x.Shape))
		l.mapOver(e, loop.E(loop.Exp, less(at)))
		sum := l.rowFold("sum", x.Shape, axis, loop.FoldSum, func(at []loop.Affine) *loop.Expr { return loop.Read(e, at...) }, asIs)
		l.mapOver(y, loop.E(loop.Div, loop.Read(e, at...), sum(at)))
	},
	ONNX:    ONNX{Name: "Softmax", Min: 13, Max: 25, Attrs: map[string]string{"axis": "axis"}},
	Samples: alongSamples(),
})

// sumAlong sums a gradient along op's attribute axis and keeps the axis.
func (b *Builder) sumAlong(op *ir.Op, x *ir.Value) *ir.Value {
	axis := mustAxis(op.Attrs.Int("axis"), len(x.Type.Shape))
	return b.Must("reduce_sum", "sum", []*ir.Value{x}, ir.Attr{Name: "axes", Value: []int{axis}}, ir.Attr{Name: "keep_dims", Value: true})
}
