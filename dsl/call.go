package dsl

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// call evaluates f(args); first, where not nil, is what a pipe puts in front.
func (e *evaluator) call(x *callExpr, first value) value {
	if d := e.c.byName[x.fn.text]; d != nil && d.kind == dBlock {
		return e.expand(x, d, first)
	}
	o := ops.Lookup(x.fn.text)
	if o == nil || o.Internal || o.Category == "optimizer" {
		return e.unknown(x)
	}
	if e.b == nil {
		return e.fail(x, "a setting must be a constant, and "+x.fn.text+" gives a tensor")
	}
	start, x, ok := e.starting(x, o)
	if !ok {
		return nil
	}
	pos, named, ok := e.arguments(x, first)
	if !ok {
		return nil
	}
	if o.TrainOnly && !e.training {
		// Still checked, by the first build.
		if len(pos) > 0 {
			return pos[0]
		}
	}
	if o.Layer != nil {
		return e.layer(x, o, start, pos, named)
	}
	return e.plain(x, o, pos, named)
}

func (e *evaluator) unknown(x *callExpr) value {
	var names []string
	for _, o := range ops.All() {
		if !o.Internal && o.Category != "optimizer" {
			names = append(names, o.Name)
		}
	}
	for _, d := range e.c.model.decls {
		if d.kind == dBlock {
			names = append(names, d.name.text)
		}
	}
	if d := e.c.byName[x.fn.text]; d != nil {
		return e.fail(x, x.fn.text+" is no layer, operator or block", "it is defined at "+d.name.pos.String())
	}
	hint := suggestNear(x.fn.text, names)
	if hint == "" {
		hint = "dlc ops lists them"
	}
	return e.fail(x, "no layer, operator or block is called "+x.fn.text, hint)
}

// namedArg is an argument with a name.
type namedArg struct {
	name  ident
	value value
	at    expr
}

// arguments evaluates the arguments of a call.
func (e *evaluator) arguments(x *callExpr, first value) (pos []value, named []namedArg, ok bool) {
	ok = true
	if first != nil {
		pos = append(pos, first)
	}
	for _, a := range x.args {
		v := e.eval(a.value)
		if v == nil {
			ok = false
			continue
		}
		if a.name.text == "" {
			pos = append(pos, v)
			continue
		}
		for _, n := range named {
			if n.name.text == a.name.text {
				e.c.errs.Addf(a.name.pos, len(a.name.text), "%s is given twice", a.name.text)
				ok = false
			}
		}
		named = append(named, namedArg{a.name, v, a.value})
	}
	return pos, named, ok
}

// expand evaluates a block with its parameters bound.
func (e *evaluator) expand(x *callExpr, d *decl, first value) value {
	for f := e.env; f != nil; f = f.outer {
		if f.block == d {
			return e.fail(x, "block "+d.name.text+" contains itself", "blocks are expanded where they are called, so this would never end")
		}
	}
	if !e.count(x) {
		return nil
	}
	pos, named, ok := e.arguments(x, first)
	if !ok {
		return nil
	}
	vars := map[string]value{}
	if len(pos) > len(d.params) {
		return e.fail(x, fmt.Sprintf("block %s takes %d arguments, not %d", d.name.text, len(d.params), len(pos)))
	}
	for i, v := range pos {
		vars[d.params[i].text] = v
	}
	for _, n := range named {
		i := slices.IndexFunc(d.params, func(p ident) bool { return p.text == n.name.text })
		if i < 0 {
			var names []string
			for _, p := range d.params {
				names = append(names, p.text)
			}
			e.c.errs.Add(n.name.pos, len(n.name.text), fmt.Sprintf("block %s has no parameter %s", d.name.text, n.name.text), notes(suggestNear(n.name.text, names))...)
			return nil
		}
		if _, twice := vars[n.name.text]; twice {
			e.c.errs.Addf(n.name.pos, len(n.name.text), "%s is given twice", n.name.text)
			return nil
		}
		vars[n.name.text] = n.value
	}
	for _, p := range d.params {
		if _, ok := vars[p.text]; !ok {
			return e.fail(x, fmt.Sprintf("block %s needs its parameter %s", d.name.text, p.text))
		}
	}
	env, scope := e.env, e.scope
	e.env, e.scope = &frame{d, vars, e.env}, e.inScope(d.name.text)
	v := e.results(d.value)
	e.env, e.scope = env, scope
	return v
}

// inScope returns a name below the current scope, with a number where it is taken.
func (e *evaluator) inScope(name string) string {
	full := name
	if e.scope != "" {
		full = e.scope + "." + name
	}
	e.used[full]++
	if n := e.used[full]; n > 1 {
		full = fmt.Sprintf("%s_%d", full, n)
	}
	return full
}

// layer applies an operator that makes parameters.
func (e *evaluator) layer(x *callExpr, o *ops.Operator, start starting, pos []value, named []namedArg) value {
	xs, pos, named, ok := e.operands(x, o.Name, o.Layer.Takes(), pos, named)
	if !ok {
		return nil
	}
	scope := ""
	named = slices.DeleteFunc(named, func(n namedArg) bool {
		s, ok := n.value.(string)
		if n.name.text != "name" || !ok {
			return false
		}
		scope = s
		return true
	})
	attrs, ok := e.attributes(x, o.Name, o.Layer.Attrs, pos, named)
	if !ok || !e.count(x) {
		return nil
	}
	if scope == "" {
		scope = e.inScope(o.Name)
	} else if !dotted(scope) {
		return e.fail(x, diag40(scope)+" is no name for parameters", "letters, digits and _, in parts joined by dots")
	}
	if e.scopes[scope] {
		return e.fail(x, "two layers are called "+scope)
	}
	e.scopes[scope] = true
	e.b.Scope, e.b.Pos = scope, x.fn.pos
	start.use(e.b)
	results, err := o.Layer.Build(e.b, xs, attrs)
	e.b.Scope = ""
	if err != nil {
		e.b.Init, e.b.BiasInit = nil, nil
		return e.refuse(x, err)
	}
	start.done(e, o.Name)
	return oneOrMore(o.Name, results)
}

// operands takes a call's operands from its arguments: tensors by place, each element of a list where any number is wanted, then tensors by
// name. Numbers stand for scalars where an operand must be. A missing optional operand is nil, and those behind the last one given are left
// out. It returns the arguments that are left.
func (e *evaluator) operands(x *callExpr, what string, args []ops.Arg, pos []value, named []namedArg) (xs []*ir.Value, _ []value, _ []namedArg, ok bool) {
	least, most := 0, len(args)
	for _, a := range args {
		if !a.Optional && !a.Variadic {
			least++
		}
		if a.Variadic {
			most = math.MaxInt
			if o := ops.Lookup(what); o != nil && len(o.Attrs) == 0 {
				least = max(least, len(pos)) // max(a, b, 0): no attribute that a number could be
			}
		}
	}
	beside := slices.Clone(pos)
	for _, n := range named {
		beside = append(beside, n.value)
	}
	elem := elemBeside(beside...)
	for len(pos) > 0 && len(xs) < most {
		if list, isList := pos[0].([]value); isList && most == math.MaxInt && len(xs) >= len(args)-1 && tensors(list) {
			pos = append(slices.Clone(list), pos[1:]...)
			continue
		}
		_, number := pos[0].(float64)
		if _, isTensor := pos[0].(*ir.Value); !isTensor && !(number && len(xs) < least && !givenByName(args, len(xs), named)) {
			break
		}
		t := e.tensor(x, pos[0], elem)
		if t == nil {
			return nil, nil, nil, false
		}
		xs, pos = append(xs, t), pos[1:]
	}
	var rest []namedArg
	for _, n := range named {
		i := slices.IndexFunc(args, func(a ops.Arg) bool { return a.Name == n.name.text })
		_, isTensor := n.value.(*ir.Value)
		if _, number := n.value.(float64); i < 0 || !isTensor && !number {
			rest = append(rest, n)
			continue
		}
		t := e.tensor(n.at, n.value, elem)
		if t == nil {
			return nil, nil, nil, false
		}
		for len(xs) <= i {
			xs = append(xs, nil)
		}
		if xs[i] != nil {
			e.c.errs.Addf(n.name.pos, len(n.name.text), "%s is given twice", n.name.text)
			return nil, nil, nil, false
		}
		xs[i] = t
	}
	given := 0
	for i, a := range args {
		if i < len(xs) && xs[i] != nil {
			given++
		} else if !a.Optional && !a.Variadic {
			if len(xs) == 0 {
				e.fail(x, what+" needs a tensor to work on", "write x |> "+what+"(…)")
			} else {
				e.fail(x, fmt.Sprintf("%s needs %d operands, and has %d", what, least, given), "it lacks "+a.Name+": "+a.Doc)
			}
			return nil, nil, nil, false
		}
	}
	return xs, pos, rest, true
}

// givenByName reports whether operand i has its name in front of it, so that a number by place is not meant for it.
func givenByName(args []ops.Arg, i int, named []namedArg) bool {
	return i < len(args) && slices.ContainsFunc(named, func(n namedArg) bool { return n.name.text == args[i].Name })
}

// tensors reports whether a list holds tensors.
func tensors(list []value) bool {
	return len(list) > 0 && !slices.ContainsFunc(list, func(v value) bool { _, ok := v.(*ir.Value); return !ok })
}

// dotted reports whether s can name parameters: identifiers joined by dots.
func dotted(s string) bool {
	for _, part := range strings.Split(s, ".") {
		if part == "" || len(part) > 100 || digit(part[0]) {
			return false
		}
		for i := range len(part) {
			if !letter(part[i]) && !digit(part[i]) {
				return false
			}
		}
	}
	return true
}

func diag40(s string) string {
	if len(s) > 40 {
		s = s[:40] + "…"
	}
	return fmt.Sprintf("%q", s)
}

// plain applies an operator to its operands.
func (e *evaluator) plain(x *callExpr, o *ops.Operator, pos []value, named []namedArg) value {
	xs, pos, named, ok := e.operands(x, o.Name, o.Args, pos, named)
	if !ok {
		return nil
	}
	if i := slices.Index(xs, nil); i >= 0 {
		return e.fail(x, fmt.Sprintf("%s cannot have a later operand without %s", o.Name, o.Args[i].Name), o.Args[i].Name+": "+o.Args[i].Doc)
	}
	attrs, ok := e.attributes(x, o.Name, o.Attrs, pos, named)
	if !ok {
		return nil
	}
	if slices.ContainsFunc(o.Attrs, func(d ops.AttrDef) bool { return d.Name == "id" }) {
		// Each place of the source draws random numbers of its own.
		e.ids++
		attrs = slices.DeleteFunc(attrs, func(a ir.Attr) bool { return a.Name == "id" })
		attrs = append(attrs, ir.Attr{Name: "id", Value: e.ids})
	}
	return e.op(x, o.Name, xs, attrs...)
}

// attributes binds positional and named values to attribute definitions, and completes and checks them.
func (e *evaluator) attributes(x *callExpr, what string, defs []ops.AttrDef, pos []value, named []namedArg) (ir.Attrs, bool) {
	var given ir.Attrs
	var open []ops.AttrDef
	var names []string
	for _, d := range defs {
		names = append(names, d.Name)
		if d.Name != "id" {
			open = append(open, d)
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
