package dsl

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// weight makes the parameter that a declaration such as param scale: f32[8] = ones says. It is called as the declaration is, in a
// block behind what the block's call is called.
func (e *evaluator) weight(d *decl) value {
	elem, ok := ir.ParseDType(d.typ.text)
	if !ok {
		e.c.errs.Add(d.typ.pos, len(d.typ.text), d.typ.text+" is no element type", "there are "+elementTypes)
		return nil
	}
	dims := make([]int, len(d.dims))
	for i, x := range d.dims {
		if e.length(x) != nil {
			return e.fail(x, "a "+string(d.kind)+" has one size for all examples", "only inputs and targets have bounded extents")
		}
		if dims[i], ok = e.extent(x); !ok {
			return nil
		}
	}
	t := ir.T(elem, ir.S(dims...))
	if _, ok := t.Shape.Elems(); !ok {
		e.c.errs.Addf(d.name.pos, len(d.name.text), "%s has more than %d elements", d.name.text, ir.MaxElems)
		return nil
	}
	var start *ops.Start
	if d.value != nil {
		if start = e.initializer(d.value); start == nil {
			return nil
		}
	}
	e.b.Pos = d.name.pos
	if e.env != nil && e.scopes[e.scope] {
		e.c.errs.Addf(d.name.pos, len(d.name.text), "two parameters would be called %s", e.scope)
		return nil
	}
	e.scopes[e.scope] = e.env != nil
	v, err := e.b.Declare(e.scope, t, start, d.kind == dParam)
	if err != nil {
		return e.refuse(&nameRef{d.name}, err)
	}
	return v
}

// elementTypes lists the element types for messages.
const elementTypes = "f32, f16, bf16, i32, i64, i8, u8 and bool"
