package ops

import (
	"fmt"

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
