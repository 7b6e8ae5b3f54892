package dsl

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// attributes binds positional and named values to attribute definitions, and completes and checks them.
func (e *evaluator) attributes(x *callExpr, what string, defs []ops.AttrDef, pos []value, named []namedArg) (ir.Attrs, bool) {
	var given ir.Attrs
	var open []ops.AttrDef
	var names []string
	for _, d := range defs {
		if !d.Compilers() {
			names, open = append(names, d.Name), append(open, d)
		}
	}
	if len(pos) > len(open) {
		e.fail(x, fmt.Sprintf("%s has %d values too many", what, len(pos)-len(open)), notes(attributeNote(open))...)
		return nil, false
	}
	for i, v := range pos {
		a, ok := e.attribute(x, open[i].Name, v)
		if !ok {
			return nil, false
		}
		given = append(given, a)
	}
	for _, n := range named {
		if !slices.Contains(names, n.name.text) {
			hint := suggestNear(n.name.text, names)
			if hint == "" {
				hint = attributeNote(open)
			}
			e.c.errs.Add(n.name.pos, len(n.name.text), fmt.Sprintf("%s has no attribute %s", what, n.name.text), notes(hint)...)
			return nil, false
		}
		if given.Get(n.name.text) != nil {
			e.c.errs.Addf(n.name.pos, len(n.name.text), "%s is given twice", n.name.text)
			return nil, false
		}
		a, ok := e.attribute(n.at, n.name.text, n.value)
		if !ok {
			return nil, false
		}
		given = append(given, a)
	}
	full, err := ops.Complete(defs, given)
	if err != nil {
		e.fail(x, what+": "+err.Error(), notes(attributeNote(open))...)
		return nil, false
	}
	return full, true
}

func attributeNote(defs []ops.AttrDef) string {
	if len(defs) == 0 {
		return "it has none"
	}
	var parts []string
	for _, d := range defs {
		if d.Default == nil {
			parts = append(parts, d.Name)
		} else {
			parts = append(parts, fmt.Sprintf("%s=%v", d.Name, d.Default))
		}
	}
	return "its attributes are " + strings.Join(parts, ", ")
}

// attribute converts a value to what attributes hold.
func (e *evaluator) attribute(at expr, name string, v value) (ir.Attr, bool) {
	switch v := v.(type) {
	case float64:
		return ir.Attr{Name: name, Value: number(v)}, true
	case string, bool:
		return ir.Attr{Name: name, Value: v}, true
	case []value:
		var fs []float64
		whole := true
		for _, it := range v {
			f, ok := it.(float64)
			if !ok {
				e.fail(at, name+" must be a list of numbers")
				return ir.Attr{}, false
			}
			fs = append(fs, f)
			_, isInt := number(f).(int)
			whole = whole && isInt
		}
		if !whole {
			return ir.Attr{Name: name, Value: fs}, true
		}
		ints := make([]int, len(fs))
		for i, f := range fs {
			ints[i] = int(f)
		}
		return ir.Attr{Name: name, Value: ints}, true
	}
	e.fail(at, name+" must be a constant, not "+show(v))
	return ir.Attr{}, false
}

// number is an int where the value is whole and small enough for one.
func number(f float64) any {
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return int(f)
	}
	return f
}
