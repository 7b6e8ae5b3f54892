package dsl

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
)

// port declares an input or target.
func (e *evaluator) port(d *decl) {
	defer func() {
		if _, ok := e.done[d]; !ok {
			e.done[d] = nil // reported
		}
		for _, x := range d.dims {
			if b, ok := x.(*boundExpr); ok {
				if l := e.c.byName[b.name.text]; e.done[l] == nil {
					e.done[l] = nil
				}
			}
		}
	}()
	bad := func(msg string, notes ...string) { e.c.errs.Add(d.typ.pos, len(d.typ.text), msg, notes...) }
	dims := []int{}
	for i, x := range d.dims {
		if e.length(x) != nil && i > 0 {
			e.fail(x, "an extent that differs from example to example must be the first", "examples of one step after another lie together in memory")
			return
		}
		n, ok := e.extent(x)
		if !ok {
			return
		}
		dims = append(dims, n)
	}
	t := ir.T(ir.F32, ir.NS(dims...))
	if d.typ.text == "class" {
		if d.kind != dTarget || len(dims) != 1 {
			bad("class[K] is the type of a target with K classes")
			return
		}
		t = ir.T(ir.I32, ir.NS())
	} else {
		elem, ok := ir.ParseDType(d.typ.text)
		if !ok {
			bad(d.typ.text+" is not a type of "+string(d.kind)+"s", "there are "+elementTypes+", as f32[28, 28, 1], and, for targets, class[K]")
			return
		}
		t.Elem = elem
	}
	if _, ok := t.Shape.Elems(); !ok {
		bad(fmt.Sprintf("%s has more than %d elements", d.name.text, ir.MaxElems))
		return
	}
	e.done[d] = e.b.Func.Input(d.name.text, t, d.name.pos)
	e.measured(d)
}

// whole evaluates a constant that must be a whole number.
func (e *evaluator) whole(x expr, what string) (int, bool) {
	v := e.eval(x)
	if v == nil {
		return 0, false
	}
	f, ok := v.(float64)
	if !ok || f != math.Trunc(f) {
		e.fail(x, what+" must be a whole number, not "+show(v))
		return 0, false
	}
	return clampInt(f), true
}

// clampInt converts without the surprise of a float beyond the range of int.
func clampInt(f float64) int {
	return int(math.Max(-1<<53, math.Min(1<<53, f)))
}
