package ops

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// SliceGrad is the gradient of a slice with steps.
var SliceGrad = Register(&Operator{
	Name:     "slice_grad",
	Doc:      "The gradient of slice: dy among zeros, each element where slice took it from.",
	Formula:  "dx[…, start + i*step, …] = dy[…, i, …], all else 0",
	Example:  "dx = slice_grad(dy, sizes=[9], starts=[1], axes=[1], steps=[3])",
	Category: "gradient",
	Exact:    true,
	Internal: true,
	Args:     []Arg{{Name: "dy", Doc: "f32, the shape of the slice"}},
	Attrs: []AttrDef{
		{Name: "sizes", Doc: "the extents of the axes in the operand of slice", Kind: []int{}},
		{Name: "starts", Doc: "the first element that was taken of each axis, from 0", Kind: []int{}},
		{Name: "axes", Doc: "the axes, from 0", Kind: []int{}},
		{Name: "steps", Doc: "the step of each axis", Kind: []int{}},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		sizes, starts, axes, steps := a.Ints("sizes"), a.Ints("starts"), a.Ints("axes"), a.Ints("steps")
		if err := wantElem("slice_grad", "dy", args[0], ir.F32); err != nil {
			return nil, err
		}
		s := slices.Clone(args[0].Shape)
		for i, axis := range axes {
			if len(sizes) != len(axes) || len(starts) != len(axes) || len(steps) != len(axes) || axis < 0 || axis >= len(s) || !s[axis].Static() {
				return nil, fmt.Errorf("slice_grad of %s: the lists do not fit", args[0])
			}
			last := starts[i] + (s[axis].Size-1)*steps[i]
			if min(starts[i], last) < 0 || max(starts[i], last) >= sizes[i] || steps[i] == 0 {
				return nil, fmt.Errorf("slice_grad of %s: axis %d of %d elements has none from %d to %d", args[0], axis, sizes[i], starts[i], last)
			}
			s[axis] = ir.D(sizes[i])
		}
		if _, ok := s.Elems(); !ok {
			return nil, fmt.Errorf("slice_grad: %s has more than %d elements", s, ir.MaxElems)
		}
		return []ir.Type{ir.T(ir.F32, s)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		dy := args[0]
		shape := slices.Clone(dy.Shape)
		for i, axis := range a.Ints("axes") {
			shape[axis] = a.Ints("sizes")[i]
		}
		dx, to, n := NewTensor(ir.F32, shape...), make([]int, len(shape)), 0
		eachIndex(dy.Shape, func(ix []int) {
			copy(to, ix)
			for i, axis := range a.Ints("axes") {
				to[axis] = a.Ints("starts")[i] + ix[axis]*a.Ints("steps")[i]
			}
			dx.Data[dx.at(to)] = dy.Data[n]
			n++
		})
		return []*Tensor{dx}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil}
		}
		var ends []int
		for i, axis := range op.Attrs.Ints("axes") {
			step := op.Attrs.Ints("steps")[i]
			end := op.Attrs.Ints("starts")[i] + op.Args[0].Type.Shape[axis].Size*step
			if end < 0 {
				end = -ir.MaxElems
			}
			ends = append(ends, end)
		}
		return []*ir.Value{b.Must("slice", op.Args[0].Name, grads, ir.Attr{Name: "starts", Value: op.Attrs.Ints("starts")}, ir.Attr{Name: "ends", Value: ends},
			ir.Attr{Name: "axes", Value: op.Attrs.Ints("axes")}, ir.Attr{Name: "steps", Value: op.Attrs.Ints("steps")})}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		dy, dx := l.Buf(op.Args[0]), l.Buf(op.Results[0])
		to, from := plainIndex(len(dy.Shape)), plainIndex(len(dy.Shape))
		for i, axis := range op.Attrs.Ints("axes") {
			start, step := op.Attrs.Ints("starts")[i], op.Attrs.Ints("steps")[i]
			if step < 0 { // stores run forwards
				n := dy.Shape[axis].Size
				from[axis] = loop.At(n-1).Plus(axis, -1, 0)
				start, step = start+(n-1)*step, -step
			}
			to[axis] = loop.At(start).Plus(axis, step, 0)
		}
		fillWith(l, dx, 0)
		l.copyTo(dx, to, dy, from, dy.Shape)
	},
	Samples: []Sample{
		{Args: f32Types(ir.NS(3)), Attrs: ir.Attrs{{Name: "sizes", Value: []int{9}}, {Name: "starts", Value: []int{1}}, {Name: "axes", Value: []int{1}}, {Name: "steps", Value: []int{3}}}},
		{Args: f32Types(ir.NS(4, 2)), Attrs: ir.Attrs{{Name: "sizes", Value: []int{8, 2}}, {Name: "starts", Value: []int{7, 1}}, {Name: "axes", Value: []int{1, 2}}, {Name: "steps", Value: []int{-2, -1}}}, Batch: 1},
		{Args: f32Types(ir.S(9)), Attrs: ir.Attrs{{Name: "sizes", Value: []int{20}}, {Name: "starts", Value: []int{2}}, {Name: "axes", Value: []int{0}}, {Name: "steps", Value: []int{2}}}},
	},
})
