package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Slice takes a part of a tensor.
var Slice = Register(&Operator{
	Name: "slice",
	Doc: "Takes every steps-th element from starts up to ends, which is left out, of some axes. Numbers count from 0, negative ones from the end; what lies outside of the axis is cut off, so that a " +
		"large number means the end. A negative step goes backwards, from starts down to ends. Without ends a slice reaches to the end in the direction of its step.",
	Formula:  "y[…, i, …] = x[…, start + i*step, …]",
	Example:  "last = slice(x, [-1], axes=[1])",
	Category: "tensor",
	Spreads:  always,
	Exact:    true,
	Args:     []Arg{{Name: "x", Doc: "any shape and element type"}},
	Attrs: []AttrDef{
		{Name: "starts", Doc: "the first element of each axis", Kind: []int{}},
		{Name: "ends", Doc: "the element of each axis before which to stop; empty for the end", Default: []int{}},
		{Name: "axes", Doc: "the axes, from 0, the batch, or from -1, the last; empty for the last ones", Default: []int{}},
		{Name: "steps", Doc: "the step of each axis, not 0; empty for 1", Default: []int{}},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x := args[0]
		if err := wantAny("slice", "x", x); err != nil {
			return nil, err
		}
		runs, err := sliceRuns(x, a)
		if err != nil {
			return nil, err
		}
		s := slices.Clone(x.Shape)
		for _, r := range runs {
			s[r.axis] = ir.D(r.count)
		}
		return []ir.Type{ir.T(x.Elem, s)}, nil
	},
	Eval: evalSlice,
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil}
		}
		return []*ir.Value{gradSlice(b, op.Args[0], mustRuns(op), grads[0])}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x, y := l.Buf(op.Args[0]), l.Buf(op.Results[0])
		from := plainIndex(len(x.Shape))
		for _, r := range mustRuns(op) {
			from[r.axis] = loop.At(r.start).Plus(r.axis, r.step, 0)
		}
		l.copyTo(y, plainIndex(len(y.Shape)), x, from, y.Shape)
	},
	ONNX: ONNX{Name: "Slice", Min: 1, Max: 25, Attrs: map[string]string{"starts": "starts", "ends": "ends", "axes": "axes", "steps": "steps"}, Note: "starts, ends, axes and steps must be constants"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(7)), Attrs: sliced([]int{2}, []int{5}, nil, nil)},
		{Args: f32Types(ir.NS(7)), Attrs: sliced([]int{-3}, []int{1 << 30}, []int{1}, nil), Batch: 2},
		{Args: f32Types(ir.NS(9, 4)), Attrs: sliced([]int{1, 0}, []int{9, 3}, nil, []int{3, 2})},
		{Args: f32Types(ir.NS(9, 4)), Attrs: sliced([]int{-1}, []int{-1 << 30}, []int{1}, []int{-1}), Batch: 1},
		{Args: f32Types(ir.NS(19)), Attrs: sliced([]int{16}, []int{1}, []int{1}, []int{-3})},
		{Args: f32Types(ir.S(5, 6)), Attrs: sliced([]int{4, 1}, []int{0, 5}, []int{0, 1}, []int{-2, 1})},
		{Args: f32Types(ir.NS(3, 17)), Attrs: sliced([]int{1 << 30}, nil, nil, []int{-1})},
		{Args: f32Types(ir.NS(3)), Attrs: sliced([]int{0, 1}, []int{1 << 30, 2}, []int{0, 1}, nil)},
		{Args: f32Types(ir.NS(1)), Attrs: sliced([]int{0}, nil, nil, nil)},
		{Args: []ir.Type{ir.T(ir.I32, ir.S(6))}, Attrs: sliced([]int{5}, nil, nil, []int{-2}), Data: map[int][]float64{0: {1, 2, 3, 4, 5, -6}}},
	},
})

func sliced(starts, ends, axes, steps []int) ir.Attrs {
	var list ir.Attrs
	for i, v := range [][]int{starts, ends, axes, steps} {
		if v != nil {
			list = append(list, ir.Attr{Name: []string{"starts", "ends", "axes", "steps"}[i], Value: v})
		}
	}
	return list
}

// run is the part of one axis that a slice takes: count elements, step apart, from start.
type run struct{ axis, start, step, count int }

// sliceRuns works out what a slice takes of x. The batch may be named where all of it is taken.
func sliceRuns(x ir.Type, a ir.Attrs) ([]run, error) {
	starts, ends, steps := a.Ints("starts"), a.Ints("ends"), a.Ints("steps")
	n := len(starts)
	if n == 0 || n > len(x.Shape) || len(ends) != n && len(ends) != 0 || len(steps) != n && len(steps) != 0 {
		return nil, WithNote("write one number for each axis in every list; ends and steps may be left out", "slice of %s has %d starts, %d ends and %d steps", x, n, len(ends), len(steps))
	}
	axes := a.Ints("axes")
	if len(axes) == 0 {
		for i := range n {
			axes = append(axes, len(x.Shape)-n+i)
		}
	}
	if len(axes) != n {
		return nil, WithNote("write one axis for each of starts", "slice of %s has %d starts for %d axes", x, n, len(axes))
	}
	if _, err := plainAxes("slice", axes, x.Shape); err != nil {
		return nil, err
	}
	var list []run
	for i, axis := range axes {
		step := 1
		if len(steps) > 0 {
			step = steps[i]
		}
		if step == 0 || step > ir.MaxElems || step < -ir.MaxElems {
			return nil, WithNote("a step of 1 takes every element, one of -1 takes them backwards", "slice cannot take steps of %d", step)
		}
		axis = mustAxis(axis, len(x.Shape))
		d := x.Shape[axis]
		if !d.Static() {
			if starts[i] == 0 && step == 1 && (len(ends) == 0 || ends[i] >= ir.MaxElems>>1) {
				continue
			}
			return nil, WithNote("examples are independent; slice along another axis", "slice cannot take a part of the batch of %s", x)
		}
		r := run{axis: axis, step: step}
		end := 0
		if r.start, end = clampRun(starts[i], d.Size, step), sliceEnd(ends, i, d.Size, step); step > 0 {
			r.count = (end - r.start + step - 1) / step
		} else {
			r.count = (r.start - end - step - 1) / -step
		}
		if r.count < 1 {
			return nil, WithNote("a slice goes from starts up to ends, or down where its step is negative", "slice of %s leaves nothing of axis %d", x, axis)
		}
		list = append(list, r)
	}
	return list, nil
}

// clampRun brings a place on an axis of n into what a slice of that step may start or end at.
func clampRun(at, n, step int) int {
	if at < 0 {
		at += n
	}
	if step > 0 {
		return min(max(at, 0), n)
	}
	return min(max(at, -1), n-1)
}

func sliceEnd(ends []int, i, n, step int) int {
	switch {
	case len(ends) > 0:
		return clampRun(ends[i], n, step)
	case step > 0:
		return n
	}
	return -1
}

func mustRuns(op *ir.Op) []run {
	runs, err := sliceRuns(op.Args[0].Type, op.Attrs)
	if err != nil {
		panic("ops: " + op.Kind + ": " + err.Error())
	}
	return runs
}

func evalSlice(args []*Tensor, a ir.Attrs) []*Tensor {
	x := args[0]
	take := make([][]int, len(x.Shape)) // the places of each axis that stay
	for axis, n := range x.Shape {
		for i := range n {
			take[axis] = append(take[axis], i)
		}
	}
	for i, start := range a.Ints("starts") {
		axis := len(x.Shape) - len(a.Ints("starts")) + i
		if list := a.Ints("axes"); len(list) > 0 {
			axis = evalAxes(list[i:i+1], len(x.Shape))[0]
		}
		n, step := x.Shape[axis], 1
		if list := a.Ints("steps"); len(list) > 0 {
			step = list[i]
		}
		if start < 0 {
			start += n
		}
		end := n
		if step < 0 {
			end = -1
		}
		if list := a.Ints("ends"); len(list) > 0 {
			if end = list[i]; end < 0 {
				end += n
			}
		}
		if step < 0 {
			start = min(start, n-1)
		}
		take[axis] = nil
		for at := start; step > 0 && at < min(end, n) || step < 0 && at > max(end, -1); at += step {
			if at >= 0 && at < n {
				take[axis] = append(take[axis], at)
			}
		}
	}
	shape, from := make([]int, len(x.Shape)), make([]int, len(x.Shape))
	for axis := range take {
		shape[axis] = len(take[axis])
	}
	y, n := NewTensor(x.Elem, shape...), 0
	eachIndex(shape, func(ix []int) {
		for axis, i := range ix {
			from[axis] = take[axis][i]
		}
		y.Data[n] = x.Data[x.at(from)]
		n++
	})
	return []*Tensor{y}
}

// gradSlice puts the gradient of a slice of x into zeros. What only turns axes around is turned again, and what leaves out only ends is padded.
func gradSlice(b *Builder, x *ir.Value, runs []run, dy *ir.Value) *ir.Value {
	turned, plain := true, true
	s := x.Type.Shape
	before, after := make([]int, len(s)), make([]int, len(s))
	var starts, steps, axes, sizes []int
	for _, r := range runs {
		n := s[r.axis].Size
		turned = turned && r.count == n
		plain = plain && r.step == 1
		before[r.axis], after[r.axis] = r.start, n-r.start-r.count
		starts, steps = append(starts, r.start), append(steps, r.step)
		axes, sizes = append(axes, r.axis), append(sizes, n)
	}
	name := x.Name + ".grad"
	switch {
	case len(runs) == 0:
		return dy
	case turned:
		return b.Must("slice", name, []*ir.Value{dy}, ir.Attr{Name: "starts", Value: starts}, ir.Attr{Name: "axes", Value: axes}, ir.Attr{Name: "steps", Value: steps})
	case plain:
		return b.Must("pad", name, []*ir.Value{dy}, ir.Attr{Name: "before", Value: before}, ir.Attr{Name: "after", Value: after})
	}
	return b.Must("slice_grad", name, []*ir.Value{dy}, ir.Attr{Name: "sizes", Value: sizes}, ir.Attr{Name: "starts", Value: starts},
		ir.Attr{Name: "axes", Value: axes}, ir.Attr{Name: "steps", Value: steps})
}
