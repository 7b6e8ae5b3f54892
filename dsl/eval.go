package dsl

import (
	"fmt"
	"math"
	"sort"
	"strconv"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// maxCalls bounds the operators of one function: blocks that call blocks grow fast.
const maxCalls = 20000

// maxSteps bounds the parts of expressions that are evaluated for one function, be they large blocks that are called often.
const maxSteps = 1 << 21

// value is what an expression is worth: a *ir.Value, a float64, a string, a bool, a []value, or nil after an error that has
// been reported.
type value any

// tuple is what a call of an operator with several results is worth, until a definition names them or only one is wanted.
type tuple struct {
	kind    string // the operator
	results []*ir.Value
}

// evaluator builds one function.
type evaluator struct {
	c        *checker
	b        *ops.Builder
	training bool
	done     map[*decl]value
	lengths  map[string]*boundExpr // bounded extents by name
	busy     map[*decl]bool
	env      *frame // of the block being expanded
	scope    string
	used     map[string]int  // names in a scope → how often taken
	scopes   map[string]bool // of layers with parameters
	calls    int
	ids      int
	full     bool // maxCalls or maxSteps was reached and reported
}

// frame is a block being expanded.
type frame struct {
	block *decl
	vars  map[string]value
	outer *frame
	scope string          // of what it makes
	done  map[*decl]value // of its own declarations
	busy  map[*decl]bool
}

func (e *evaluator) fail(at expr, msg string, notes ...string) value {
	pos, n := at.span()
	e.c.errs.Add(pos, n, msg, notes...)
	return nil
}

// show names a value in a message.
func show(v value) string {
	switch v := v.(type) {
	case *ir.Value:
		return "the tensor " + v.Type.String()
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		return diag.Quote(v)
	case []value:
		return "a list"
	case bool:
		return strconv.FormatBool(v)
	}
	return "nothing"
}

// definition returns the value of a declaration, evaluating it the first time.
func (e *evaluator) definition(d *decl) value {
	return e.declared(d, &frame{done: e.done, busy: e.busy})
}

// declared is definition for a declaration of the model, or one in the block of frame f.
func (e *evaluator) declared(d *decl, f *frame) value {
	if v, ok := f.done[d]; ok {
		return v
	}
	if d.of != nil {
		t, ok := e.declared(d.of, f).(tuple)
		if !ok {
			return nil
		}
		return t.results[d.result]
	}
	if f.busy[d] {
		e.c.errs.Addf(d.name.pos, len(d.name.text), "%s is defined by itself", d.name.text)
		return nil
	}
	f.busy[d] = true
	env, scope := e.env, e.scope
	x := d.value
	if f.block == nil {
		e.env, e.scope = nil, d.name.text
		if s := e.c.set[d.name.text]; s != nil {
			x = s
		}
	} else {
		e.env, e.scope = f, f.scope+"."+d.name.text
	}
	var v value
	switch {
	case d.more != nil:
		v = e.several(d, e.results(x))
	case d.kind == dParam || d.kind == dBuffer:
		v = e.weight(d)
	default:
		v = e.eval(x)
	}
	e.env, e.scope = env, scope
	if t, ok := v.(*ir.Value); ok && d.kind == dConst {
		e.fail(x, "a constant must be a number, word or list, not "+show(t))
		v = nil
	}
	if t, ok := v.(*ir.Value); ok && t.Def != nil && t.Pos == exprPos(x) {
		e.b.Func.Rename(t, d.name.text)
	}
	f.busy[d] = false
	f.done[d] = v
	return v
}

func exprPos(x expr) diag.Pos { p, _ := x.span(); return p }

// several checks that a definition of several names has as many results, and names them.
func (e *evaluator) several(d *decl, v value) value {
	names := d.names()
	t, ok := v.(tuple)
	switch {
	case v == nil:
		return nil
	case !ok:
		return e.fail(d.value, fmt.Sprintf("%d names stand before =, but there is one value: %s", len(names), show(v)))
	case len(names) > len(t.results):
		return e.fail(d.value, fmt.Sprintf("%d names stand before =, but %s gives %d results", len(names), t.kind, len(t.results)))
	case len(names) < len(t.results) && all(t.kind):
		return e.fail(d.value, fmt.Sprintf("%d names stand before =, but %s gives %d results", len(names), t.kind, len(t.results)), "_ stands for a result that is not wanted")
	}
	for i, n := range names {
		if r := t.results[i]; r.Def != nil && n.text != "_" && r.Pos == exprPos(d.value) {
			e.b.Func.Rename(r, n.text)
		}
	}
	return t
}

// all reports whether every result of an operator must be named, because none is the main one.
func all(kind string) bool {
	o := ops.Lookup(kind)
	return o != nil && o.Together
}

// eval is the one value of an expression: of several results the main one, which is the first.
func (e *evaluator) eval(x expr) value {
	v := e.results(x)
	t, ok := v.(tuple)
	if !ok {
		return v
	}
	if all(t.kind) && len(t.results) > 1 {
		return e.fail(x, fmt.Sprintf("%s gives %d tensors here, where one is wanted", t.kind, len(t.results)), "name them in a definition: a, b = "+t.kind+"(…)")
	}
	return t.results[0]
}

// results is what an expression is worth, which may be a tuple.
func (e *evaluator) results(x expr) value {
	if e.c.steps++; e.c.steps > maxSteps {
		return e.over(x, fmt.Sprintf("the model has more than %d parts when its blocks are expanded", maxSteps))
	}
	switch x := x.(type) {
	case *numberLit:
		f, err := strconv.ParseFloat(x.text, 64)
		if err != nil || math.IsInf(f, 0) {
			return e.fail(x, x.text+" is too large a number")
		}
		return f
	case *stringLit:
		return x.text
	case *parenExpr:
		return e.results(x.x)
	case *listLit:
		list := make([]value, len(x.items))
		for i, it := range x.items {
			if list[i] = e.eval(it); list[i] == nil {
				return nil
			}
		}
		return list
	case *nameRef:
		return e.name(x)
	case *unaryExpr:
		return e.unary(x)
	case *binaryExpr:
		return e.binary(x)
	case *callExpr:
		return e.call(x, nil)
	case *pipeExpr:
		first := e.eval(x.x)
		if first == nil {
			return nil
		}
		return e.call(x.call, first)
	}
	return nil
}

func (e *evaluator) name(x *nameRef) value {
	if e.env != nil {
		if v, ok := e.env.vars[x.text]; ok {
			return v
		}
		if b := e.env.block.body; b != nil && b.byName[x.text] != nil {
			return e.declared(b.byName[x.text], e.env)
		}
	}
	switch x.text {
	case "true":
		return true
	case "false":
		return false
	}
	d := e.c.byName[x.text]
	if d == nil {
		names := append([]string(nil), e.c.names...)
		if e.env != nil {
			for n := range e.env.vars {
				names = append(names, n)
			}
			if b := e.env.block.body; b != nil {
				names = append(names, sortedKeys(b.byName)...)
			}
		}
		sort.Strings(names)
		return e.fail(x, x.text+" is not defined", notes(suggestNear(x.text, names))...)
	}
	_, known := e.done[d]
	switch d.kind {
	case dInput, dLength:
		if !known {
			return e.fail(x, x.text+" is an input, and no number")
		}
		return e.done[d]
	case dParam, dBuffer:
		if e.b == nil {
			return e.fail(x, x.text+" is a "+string(d.kind)+", and no number")
		}
	case dBlock:
		return e.fail(x, x.text+" is a block; it needs arguments", "write "+x.text+"(…)")
	case dTarget:
		if !known && (e.b == nil || e.b.Func.Name != ir.FuncInfer) {
			return e.fail(x, x.text+" is a target, and no number")
		} else if !known {
			return e.fail(x, "an output cannot depend on the target "+x.text, "targets are known in training only: use them in the loss and the metrics")
		}
	}
	return e.definition(d)
}

// suggestNear is diag.Suggest without listing everything.
func suggestNear(name string, names []string) string {
	if n := diag.Nearest(name, names); n != "" {
		return "did you mean " + n + "?"
	}
	return ""
}

func (e *evaluator) unary(x *unaryExpr) value {
	switch v := e.eval(x.x).(type) {
	case nil:
		return nil
	case float64:
		return -v
	case *ir.Value:
		return e.op(x, "neg", []*ir.Value{v})
	default:
		return e.fail(x, "- needs a number or a tensor, not "+show(v))
	}
}

var operators = map[string]string{"+": "add", "-": "sub", "*": "mul", "/": "div"}

func (e *evaluator) binary(x *binaryExpr) value {
	a, b := e.eval(x.x), e.eval(x.y)
	if a == nil || b == nil {
		return nil
	}
	p, pn := a.(float64)
	q, qn := b.(float64)
	if pn && qn {
		var r float64
		switch x.op {
		case "+":
			r = p + q
		case "-":
			r = p - q
		case "*":
			r = p * q
		case "/":
			r = p / q
		}
		if math.IsNaN(r) || math.IsInf(r, 0) {
			return e.fail(x, fmt.Sprintf("%s %s %s is no number", show(a), x.op, show(b)))
		}
		return r
	}
	elem := elemBeside(a, b)
	l, r := e.tensor(x, a, elem), e.tensor(x, b, elem)
	if l == nil || r == nil {
		return nil
	}
	return e.op(x, operators[x.op], []*ir.Value{l, r})
}

// elemBeside is the element type that numbers take among some values: that of the last tensor of numbers, else f32.
func elemBeside(list ...value) ir.DType {
	for i := len(list) - 1; i >= 0; i-- {
		if t, ok := list[i].(*ir.Value); ok && t != nil && t.Type.Elem != ir.Bool {
			return t.Type.Elem
		}
	}
	return ir.F32
}

// tensor makes a tensor of a value: a number becomes a scalar constant of the given element type, or of f32 where it is a fraction and the
// type has none.
func (e *evaluator) tensor(at expr, v value, elem ir.DType) *ir.Value {
	switch v := v.(type) {
	case *ir.Value:
		return v
	case float64:
		scalar := ir.Attr{Name: "shape", Value: []int{}}
		if elem.Integer() && v == math.Trunc(v) {
			t, _ := e.op(at, "literal", nil, ir.Attr{Name: "data", Value: []float64{v}}, scalar, ir.Attr{Name: "elem", Value: elem.String()}).(*ir.Value)
			return t
		}
		t, _ := e.op(at, "constant", nil, ir.Attr{Name: "value", Value: v}, scalar).(*ir.Value)
		if t != nil && elem.Float() && elem != ir.F32 {
			t, _ = e.op(at, "cast", []*ir.Value{t}, ir.Attr{Name: "to", Value: elem.String()}).(*ir.Value)
		}
		return t
	}
	e.fail(at, "expected a tensor or a number, not "+show(v))
	return nil
}

// op appends an operator and reports what its literal refuses at the place of an expression.
func (e *evaluator) op(at expr, kind string, args []*ir.Value, attrs ...ir.Attr) value {
	if !e.count(at) {
		return nil
	}
	e.b.Pos = exprPos(at)
	results, err := e.b.Ops(kind, kind, args, attrs...)
	if err != nil {
		return e.refuse(at, err)
	}
	return oneOrMore(kind, results)
}

// oneOrMore is the value of an operator's results.
func oneOrMore(kind string, results []*ir.Value) value {
	if len(results) == 1 {
		return results[0]
	}
	return tuple{kind, results}
}

// refuse reports an operator's error with its note, and further ones.
func (e *evaluator) refuse(at expr, err error, more ...string) value {
	if n, ok := err.(*ops.Note); ok {
		return e.fail(at, n.Err, append(notes(n.Note), more...)...)
	}
	return e.fail(at, err.Error(), more...)
}

// count bounds the operators of a function.
func (e *evaluator) count(at expr) bool {
	if e.calls++; e.calls <= maxCalls {
		return true
	}
	e.over(at, fmt.Sprintf("the model expands to more than %d operators", maxCalls))
	return false
}

// over reports once that a bound is reached.
func (e *evaluator) over(at expr, msg string) value {
	if !e.full {
		e.full = true
		e.fail(at, msg, "blocks that call blocks several times grow fast")
	}
	return nil
}
