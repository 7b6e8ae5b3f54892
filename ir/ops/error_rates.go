package ops

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// errorRate is a metric of sequences: how many edits make what was predicted right. Its operators give the symbols of both sequences of an
// example and their lengths as a row; package runtime decodes, compares and counts.
type errorRate struct {
	Operator
	attrs []AttrDef // beside the common ones
}

func (e errorRate) operator() *Operator {
	o := e.Operator
	o.Category = "metric"
	o.Args = []Arg{
		{Name: "scores", Doc: "f32[N,T,C]: a score for each symbol at each step; or i32[N,T]: the symbols"},
		{Name: "right", Doc: "i32[N,L]: the symbols that are right"},
		{Name: "steps", Doc: "i32[N]: how many of the T steps count; all without it", Optional: true},
		{Name: "lengths", Doc: "i32[N]: how many of the L symbols count; all without it", Optional: true},
	}
	o.Attrs = append([]AttrDef{
		{Name: "decode", Doc: "ctc drops repetitions and then blank; plain takes the symbols as they are", Default: "ctc", Values: []string{"ctc", "plain"}},
		{Name: "blank", Doc: "the symbol of ctc that stands for nothing", Default: 0},
	}, append(slices.Clone(e.attrs), givenAttr)...)
	o.Metric = &Metric{Reduce: "rows", Finish: "error_rate", Falls: true}
	o.NoGrad = "it counts, so it is constant almost everywhere; train on ctc or cross_entropy"
	o.Infer = func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := wantGiven(o.Name, len(args), o.Args, a); err != nil {
			return nil, err
		}
		return inferErrorRate(o.Name, args, a)
	}
	o.Eval, o.Lower = evalErrorRate, lowerErrorRate
	symbols := ir.T(ir.I32, ir.NS(4))
	o.Samples = []Sample{
		{Args: []ir.Type{ir.T(ir.F32, ir.NS(5, 3)), ir.T(ir.I32, ir.NS(2))}, Batch: 2, Data: map[int][]float64{1: {1, 2, 2, 2}}},
		{Args: []ir.Type{ir.T(ir.F32, ir.NS(3, 7)), ir.T(ir.I32, ir.NS(2)), ir.T(ir.I32, ir.NS()), ir.T(ir.I32, ir.NS())}, Batch: 3,
			Data: map[int][]float64{1: {1, 2, 3, -1, 6, 5}, 2: {3, 2, 0}, 3: {2, 1, 2}}},
		{Args: []ir.Type{symbols, ir.T(ir.I32, ir.NS(3)), ir.T(ir.I32, ir.NS())}, Batch: 1, Attrs: ir.Attrs{{Name: "decode", Value: "plain"}},
			Data: map[int][]float64{0: {4, 3, 2, 1}, 1: {4, 3, 1}, 2: {4}}},
		{Args: []ir.Type{symbols, ir.T(ir.I32, ir.NS(3)), ir.T(ir.I32, ir.NS())}, Batch: 1, Attrs: ir.Attrs{{Name: "given", Value: []int{0, 1, 3}}},
			Data: map[int][]float64{0: {4, 3, 2, 1}, 1: {4, 3, 1}, 2: {2}}},
	}
	return &o
}

func inferErrorRate(name string, args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
	x, right := args[0], args[1]
	row := func(t ir.Type, rank int) bool { return len(t.Shape) == rank && t.Shape[0] == ir.Batch }
	if !(x.Elem == ir.F32 && row(x, 3)) && !(x.Elem == ir.I32 && row(x, 2)) {
		return nil, WithNote("steps come before symbols", "%s wants scores f32[N,T,C] or symbols i32[N,T], not %s", name, x)
	}
	if right.Elem != ir.I32 || !row(right, 2) {
		return nil, fmt.Errorf("%s wants the right symbols as i32[N,L], not %s", name, right)
	}
	for _, t := range args[2:] {
		if t.Elem != ir.I32 || !row(t, 1) {
			return nil, fmt.Errorf("%s wants lengths as i32[N], not %s", name, t)
		}
	}
	if x.Elem == ir.F32 && x.Shape[2].Size > maxClasses {
		return nil, fmt.Errorf("%s of %d symbols has too many: the limit is %d", name, x.Shape[2].Size, maxClasses)
	}
	if err := wantElem(name, "scores", x, ir.F32, ir.I32); err != nil {
		return nil, err
	}
	n := x.Shape[1].Size + right.Shape[1].Size + 2
	if n > ir.MaxElems {
		return nil, fmt.Errorf("%s of %s and %s has too many symbols", name, x, right)
	}
	return []ir.Type{ir.T(ir.F32, ir.NS(n))}, nil
}

func evalErrorRate(args []*Tensor, a ir.Attrs) []*Tensor {
	x, right := args[0], args[1]
	n, steps, length := x.Shape[0], x.Shape[1], right.Shape[1]
	y := NewTensor(ir.F32, n, steps+length+2)
	for i := range n {
		row := y.Data[i*(steps+length+2):]
		for k := range steps {
			if x.Elem == ir.I32 {
				row[k] = x.Data[i*steps+k]
			} else {
				c := x.Shape[2]
				row[k] = float64(firstBest(x.Data[(i*steps+k)*c : (i*steps+k+1)*c]))
			}
		}
		copy(row[steps:], right.Data[i*length:(i+1)*length])
		row[steps+length], row[steps+length+1] = float64(steps), float64(length)
		for k, t := range place(args, a, 4)[2:] {
			if t != nil {
				row[steps+length+k] = t.Data[i]
			}
		}
	}
	return []*Tensor{y}
}

func lowerErrorRate(l *Lowering, op *ir.Op) {
	x, right, y := l.Buf(op.Args[0]), l.Buf(op.Args[1]), l.Buf(op.Results[0])
	steps := x.Shape[1].Size
	symbol := func(b *loop.Buffer, rank int) *loop.Expr {
		return loop.E(loop.ToF32, loop.Read(b, plainIndex(rank)...))
	}
	if x.Elem == ir.F32 {
		best := l.Temp("best", ir.T(ir.F32, x.Shape[:2]))
		l.firstBest(best, x, asIs)
		l.putRows(y, 0, best.Shape, loop.Read(best, plainIndex(2)...))
	} else {
		l.putRows(y, 0, x.Shape, symbol(x, 2))
	}
	l.putRows(y, steps, right.Shape, symbol(right, 2))
	end := steps + right.Shape[1].Size
	lengths := []*loop.Expr{loop.F(float64(steps)), loop.F(float64(right.Shape[1].Size))}
	for i, v := range place(op.Args, op.Attrs, 4)[2:] {
		if v != nil {
			lengths[i] = symbol(l.Buf(v), 1)
		}
	}
	n := slices.Clone(y.Shape[:1])
	for i, x := range lengths {
		l.putRows(y, end+i, n, x)
	}
}
