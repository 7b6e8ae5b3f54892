package ops

import (
	"fmt"
	"slices"

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

// meanCounted emits the mean of hits, one number a row, over the rows whose label is not ignored; 0 where there is none.
func (l *Lowering) meanCounted(y, hits, label *loop.Buffer, ignore []int) {
	if len(ignore) == 0 {
		l.meanRows(y, hits)
		return
	}
	at := plainIndex(len(label.Shape))
	unless := func(x *loop.Expr) *loop.Expr {
		for _, k := range ignore {
			x = loop.E(loop.Select, loop.E(loop.Eq, loop.Read(label, at...), loop.I(k)), loop.F(0), x)
		}
		return x
	}
	t := ir.T(ir.F32, hits.Shape)
	counted, each := l.Temp("counted", t), l.Temp("each", t)
	l.mapOver(each, unless(loop.F(1)))
	l.mapOver(counted, unless(loop.Read(hits, at...)))
	total, rows := l.Temp("total", ir.T(ir.F32, nil)), l.Temp("count", ir.T(ir.F32, nil))
	l.sumRows(total, counted)
	l.sumRows(rows, each)
	l.mapOver(y, loop.E(loop.Div, loop.Read(total), loop.E(loop.Max, loop.Read(rows), loop.F(1))))
}

// evalCounted is the mean of hits over the labels that are not ignored.
func evalCounted(hits []bool, label *Tensor, ignore []int) []*Tensor {
	right, n := 0, 0
	for i, hit := range hits {
		if slices.Contains(ignore, int(label.Data[i])) {
			continue
		}
		n++
		if hit {
			right++
		}
	}
	y := NewTensor(ir.F32)
	if n > 0 || len(ignore) == 0 {
		y.Data[0] = float64(right) / float64(n)
	}
	return []*Tensor{y}
}

// ignoring adds samples with ignored labels, one of which leaves no row.
func ignoring(list []Sample, attrs ...ir.Attr) []Sample {
	with := func(batch int, labels ...float64) Sample {
		return Sample{Args: []ir.Type{ir.T(ir.F32, ir.NS(3)), ir.T(ir.I32, ir.NS())}, Batch: batch,
			Attrs: append(ir.Attrs{{Name: "ignore", Value: []int{-1, 255}}}, attrs...), Data: map[int][]float64{1: labels}}
	}
	return append(list, with(6, 0, -1, 2, 255, 1, -1), with(2, 255, -1), with(5, 2, 1, 0, 0, 1))
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
