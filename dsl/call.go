package dsl

import (
	"fmt"
	"slices"
	"strings"

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
	if o.Layer != nil && !ownWeights(o, pos, named) {
		return e.layer(x, o, start, pos, named)
	}
	start.unused(e, o.Name)
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
	if d.body != nil && e.b == nil {
		return e.fail(x, "a setting must be a constant, and "+d.name.text+" gives a tensor")
	}
	pos, named, ok := e.arguments(x, first)
	if !ok {
		return nil
	}
	scope, named, ok := e.ownScope(x, d, named)
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
	if scope == "" {
		scope = e.inScope(d.name.text)
	}
	env, before := e.env, e.scope
	e.env, e.scope = &frame{d, vars, e.env, scope, map[*decl]value{}, map[*decl]bool{}}, scope
	e.inside(d.body)
	v := e.results(d.value)
	e.env, e.scope = env, before
	return v
}

// inside evaluates what stands in the braces of the block that is being expanded: parameters, which the weights hold whether they are used or not, and
// in the first build, which looks for mistakes, everything.
func (e *evaluator) inside(b *body) {
	if b == nil {
		return
	}
	for _, d := range b.decls {
		if d.kind == dDef && !e.c.checking {
			continue
		}
		if d.kind != dDef && !e.count(&nameRef{d.name}) {
			return
		}
		e.declared(d, e.env)
	}
}

// ownScope takes name="…" from the arguments of a block's call, which says what its parameters are called, unless the block has a parameter of that name.
func (e *evaluator) ownScope(x *callExpr, d *decl, named []namedArg) (string, []namedArg, bool) {
	i := slices.IndexFunc(named, func(n namedArg) bool { return n.name.text == "name" })
	if i < 0 || slices.ContainsFunc(d.params, func(p ident) bool { return p.text == "name" }) {
		return "", named, true
	}
	scope, ok := named[i].value.(string)
	switch {
	case !ok || !dotted(scope):
		e.fail(x, diag40(fmt.Sprint(named[i].value))+" is no name for parameters", "letters, digits and _, in parts joined by dots")
		return "", nil, false
	case e.scopes[scope]:
		e.fail(x, "two layers are called "+scope)
		return "", nil, false
	}
	if e.scopes != nil {
		e.scopes[scope] = true
	}
	return scope, slices.Delete(slices.Clone(named), i, i+1), true
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
