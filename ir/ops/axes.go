package ops

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// plainAxis turns an axis that may count from the end (-1 is the last) into one that counts from 0.
func plainAxis(op string, axis int, s ir.Shape) (int, error) {
	a := axis
	if a < 0 {
		a += len(s)
	}
	if a < 0 || a >= len(s) {
		if len(s) == 0 {
			return 0, fmt.Errorf("%s has no axis %d to work on: its operand is a scalar", op, axis)
		}
		return 0, WithNote(axisNote(s), "%s has no axis %d: its operand %s has %d axes", op, axis, s, len(s))
	}
	return a, nil
}

// axisNote explains the numbering of axes.
func axisNote(s ir.Shape) string {
	first := "axis 0 is the outermost"
	if len(s) > 0 && !s[0].Static() {
		first = "axis 0 is the batch N"
	}
	return fmt.Sprintf("%s; axes run from 0 to %d, or from -%d to -1 counted from the end", first, len(s)-1, len(s))
}

// plainAxes is plainAxis for a set of axes, sorted; an empty list means every axis.
func plainAxes(op string, axes []int, s ir.Shape) ([]int, error) {
	if len(axes) == 0 {
		all := make([]int, len(s))
		for i := range all {
			all[i] = i
		}
		return all, nil
	}
	set := make([]int, 0, len(axes))
	for _, a := range axes {
		p, err := plainAxis(op, a, s)
		if err != nil {
			return nil, err
		}
		if slices.Contains(set, p) {
			return nil, fmt.Errorf("%s names axis %d twice: %v", op, p, axes)
		}
		set = append(set, p)
	}
	slices.Sort(set)
	return set, nil
}

// mustAxes is plainAxes for attributes that Infer accepted.
func mustAxes(axes []int, s ir.Shape) []int {
	p, err := plainAxes("", axes, s)
	if err != nil {
		panic("ops: axes that Infer accepted: " + err.Error())
	}
	return p
}

// mustAxis is plainAxis for an attribute that Infer accepted.
func mustAxis(axis int, rank int) int {
	if axis < 0 {
		axis += rank
	}
	return axis
}

// dropAxes returns s without the given axes, or with extent 1 there where keep is set.
func dropAxes(s ir.Shape, axes []int, keep bool) ir.Shape {
	r := ir.Shape{}
	for i, d := range s {
		switch {
		case !slices.Contains(axes, i):
			r = append(r, d)
		case keep:
			r = append(r, ir.D(1))
		}
	}
	return r
}

// dropInts is dropAxes for the shape of a Tensor.
func dropInts(s []int, axes []int, keep bool) []int {
	r := []int{}
	for i, d := range s {
		switch {
		case !slices.Contains(axes, i):
			r = append(r, d)
		case keep:
			r = append(r, 1)
		}
	}
	return r
}

// broadcast joins shapes by NumPy's rule: they are aligned at their last axes, and an axis that is missing or has extent 1
// stretches to the others'. The batch may only lead the result.
func broadcast(op string, shapes ...ir.Shape) (ir.Shape, error) {
	rank := 0
	for _, s := range shapes {
		rank = max(rank, len(s))
	}
	out := make(ir.Shape, rank)
	for i := range out {
		out[i] = ir.D(1)
		for _, s := range shapes {
			at := i - (rank - len(s))
			if at < 0 || s[at] == ir.D(1) || s[at] == out[i] {
				continue
			}
			if out[i] != ir.D(1) {
				return nil, WithNote("shapes are aligned at their last axes; extents must be equal there, or 1, or missing",
					"%s cannot combine %s: one axis is %s and %s", op, shapeList(shapes), out[i], s[at])
			}
			out[i] = s[at]
		}
		if i > 0 && !out[i].Static() {
			return nil, WithNote("shapes are aligned at their last axes; give the operand with the batch as many axes as the other",
				"%s cannot combine %s: the batch %s would not be the first axis", op, shapeList(shapes), out[i])
		}
	}
	if _, ok := out.Elems(); !ok {
		return nil, fmt.Errorf("%s of %s would have more than %d elements", op, shapeList(shapes), ir.MaxElems)
	}
	return out, nil
}

func shapeList(shapes []ir.Shape) string {
	text := ""
	for i, s := range shapes {
		switch {
		case i > 0 && i == len(shapes)-1:
			text += " and "
		case i > 0:
			text += ", "
		}
		text += s.String()
	}
	return text
}

// wantElem refuses operands that are not of one of the element types, or have no elements.
func wantElem(op, operand string, t ir.Type, allowed ...ir.DType) error {
	for _, d := range t.Shape {
		if d.Size < 1 {
			return fmt.Errorf("%s cannot work on %s for %s: an extent of %s leaves no elements", op, t, operand, d)
		}
	}
	if slices.Contains(allowed, t.Elem) {
		return nil
	}
	return fmt.Errorf("%s wants %s for %s, not %s", op, elemList(allowed), operand, t)
}

// elemList names a set of element types: "f32, f16 or bf16", or a word for a large set.
func elemList(set []ir.DType) string {
	switch {
	case slices.Equal(set, numbers):
		return "numbers"
	case slices.Equal(set, integers):
		return "whole numbers"
	case slices.Equal(set, anyElem):
		return "any element type"
	}
	text := ""
	for i, e := range set {
		switch {
		case i > 0 && i == len(set)-1:
			text += " or "
		case i > 0:
			text += ", "
		}
		text += e.String()
	}
	return text
}

// anyElem lists every element type, for operators that only move elements.
var anyElem = []ir.DType{ir.F32, ir.F16, ir.BF16, ir.I32, ir.I64, ir.U8, ir.I8, ir.Bool}

// wantAny is wantElem for operators that take every element type.
func wantAny(op, operand string, t ir.Type) error { return wantElem(op, operand, t, anyElem...) }

// volume is the number of elements of a shape.
func volume(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// eachIndex calls visit for every index of a tensor of that shape, in row-major order. The index is reused.
func eachIndex(shape []int, visit func(ix []int)) {
	n := volume(shape)
	ix := make([]int, len(shape))
	for range n {
		visit(ix)
		for a := len(shape) - 1; a >= 0; a-- {
			if ix[a]++; ix[a] < shape[a] {
				break
			}
			ix[a] = 0
		}
	}
}

// at is the place of an index in t.Data. An axis of extent 1 stretches: its index counts as 0. Indices longer than t's rank are
// aligned at the last axis.
func (t *Tensor) at(ix []int) int {
	ix = ix[len(ix)-len(t.Shape):]
	n := 0
	for i, d := range t.Shape {
		n *= d
		if d > 1 {
			n += ix[i]
		}
	}
	return n
}
