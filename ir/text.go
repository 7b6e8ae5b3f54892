package ir

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/dlc-ml/dlc/ir/internal/lex"
)

// Print returns the text form of m, which [Parse] reads back to the same module.
func Print(m *Module) string {
	var w writer
	w.printf("module %s\n", lex.Name(m.Name))
	if len(m.Params) > 0 {
		w.printf("\n")
	}
	for _, p := range m.Params {
		w.param(p)
	}
	if len(m.Lengths) > 0 {
		w.printf("\n")
	}
	for _, l := range m.Lengths {
		w.length(l)
	}
	for _, f := range m.Funcs {
		w.printf("\n")
		w.fn(f)
	}
	if m.Train != nil {
		w.printf("\n")
		w.training(m.Train)
	}
	return w.b.String()
}

// String returns the text form of m.
func (m *Module) String() string { return Print(m) }

// String returns the text form of f alone.
func (f *Func) String() string {
	var w writer
	w.fn(f)
	return w.b.String()
}

// String returns the operator's line without its position: "%c = conv2d %image, @conv.weight {stride=[1,1]} : f32[N,24,24,10]".
func (op *Op) String() string {
	var w writer
	w.op(op)
	return w.b.String()
}

type writer struct{ b strings.Builder }

func (w *writer) printf(format string, args ...any) { fmt.Fprintf(&w.b, format, args...) }

func (w *writer) param(p *Param) {
	w.printf("param @%s: %s = %s", lex.SigilName(p.Name), typeText(p.Type), lex.Name(p.Init.Kind))
	switch scale, mean := p.Init.Scale, p.Init.Mean; {
	case math.Float64bits(mean) != 0:
		w.printf("(%s,%s)", lex.FloatText(scale, 64), lex.FloatText(mean, 64))
	case math.Float64bits(scale) != 0:
		w.printf("(%s)", lex.FloatText(scale, 64))
	}
	if p.Trainable {
		w.printf(" trainable")
	}
	w.printf("%s\n", lex.Pos(p.Pos))
}

func (w *writer) length(l Length) {
	w.printf("length %%%s <= %d of ", lex.SigilName(l.Name), l.Max)
	for i, name := range l.Of {
		if i > 0 {
			w.printf(", ")
		}
		w.printf("%%%s", lex.SigilName(name))
	}
	w.printf("%s\n", lex.Pos(l.Pos))
}

func (w *writer) fn(f *Func) {
	w.printf("func %s", lex.Name(f.Name))
	if len(f.Symbols) > 0 {
		w.printf("[")
		for i, s := range f.Symbols {
			if i > 0 {
				w.printf(", ")
			}
			w.printf("%s", lex.Name(s.Name))
			if s.Max != 0 {
				w.printf("<=%d", s.Max)
			}
		}
		w.printf("]")
	}
	w.printf("(")
	for i, v := range f.Inputs {
		w.printf("\n  %%%s: %s", lex.SigilName(v.Name), typeText(v.Type))
		if i+1 < len(f.Inputs) {
			w.printf(",")
		}
		w.printf("%s", lex.Pos(v.Pos))
	}
	if len(f.Inputs) > 0 {
		w.printf("\n")
	}
	w.printf(") -> (")
	for i, r := range f.Results {
		if i > 0 {
			w.printf(", ")
		}
		t := "none"
		if r.Value != nil {
			t = typeText(r.Value.Type)
		}
		w.printf("%s: %s", lex.Name(r.Name), t)
	}
	w.printf(") {\n")
	for _, op := range f.Ops {
		w.printf("  ")
		w.op(op)
		w.printf("%s\n", opPos(op))
	}
	if len(f.Results) > 0 {
		w.printf("  return ")
		for i, r := range f.Results {
			if i > 0 {
				w.printf(", ")
			}
			w.printf("%s", valueText(r.Value))
		}
		w.printf("\n")
	}
	w.printf("}\n")
}

func (w *writer) op(op *Op) {
	for i, r := range op.Results {
		if i > 0 {
			w.printf(", ")
		}
		w.printf("%s", valueText(r))
	}
	if len(op.Results) > 0 {
		w.printf(" = ")
	}
	w.printf("%s", lex.Name(op.Kind, "return"))
	for i, a := range op.Args {
		if i > 0 {
			w.printf(",")
		}
		w.printf(" %s", valueText(a))
	}
	w.attrs(op.Attrs)
	for i, r := range op.Results {
		if i == 0 {
			w.printf(" : ")
		} else {
			w.printf(", ")
		}
		t := "none"
		if r != nil {
			t = typeText(r.Type)
		}
		w.printf("%s", t)
	}
}

// opPos is the position comment of an operator. Where a result has a position of its own, those of all results follow.
func opPos(op *Op) string {
	own := false
	var list []string
	for _, r := range op.Results {
		if r == nil {
			continue
		}
		own = own || r.Pos.Valid() != op.Pos.Valid() || r.Pos.Valid() && r.Pos != op.Pos
		list = append(list, lex.PosText(r.Pos))
	}
	if !own {
		return lex.Pos(op.Pos)
	}
	return " // " + lex.PosText(op.Pos) + "; " + strings.Join(list, ", ")
}

func (w *writer) attrs(attrs Attrs) {
	if len(attrs) == 0 {
		return
	}
	w.printf(" {")
	for i, a := range attrs {
		if i > 0 {
			w.printf(", ")
		}
		w.printf("%s=%s", lex.Name(a.Name), attrText(a.Value))
	}
	w.printf("}")
}

// attrText writes an attribute's value so that its Go type reads back too. An empty list of floats is floats[].
func attrText(v any) string {
	switch x := v.(type) {
	case int:
		return strconv.Itoa(x)
	case float64:
		return lex.FloatText(x, 64)
	case bool:
		return strconv.FormatBool(x)
	case string:
		return strconv.Quote(x)
	case []int:
		parts := make([]string, len(x))
		for i, n := range x {
			parts[i] = strconv.Itoa(n)
		}
		return "[" + strings.Join(parts, ",") + "]"
	case []float64:
		if len(x) == 0 {
			return "floats[]"
		}
		parts := make([]string, len(x))
		for i, f := range x {
			parts[i] = lex.FloatText(f, 64)
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	return strconv.Quote(fmt.Sprintf("!%T %v", v, v))
}

func (w *writer) training(t *Training) {
	w.printf("train {\n")
	call := func(what string, c Call) {
		w.printf("  %s %s", what, lex.Name(c.Name))
		w.attrs(c.Attrs)
		w.printf("%s\n", lex.Pos(c.Pos))
	}
	for _, c := range t.Data {
		call("data", c)
	}
	call("optimizer", t.Optimizer)
	for _, c := range t.Schedule {
		call("schedule", c)
	}
	for _, c := range t.Rules {
		call("rule", c)
	}
	for _, c := range t.Average {
		call("average", c)
	}
	for _, c := range t.Callbacks {
		call("callback", c)
	}
	if t.Accumulate != 0 {
		w.printf("  accumulate %d\n", t.Accumulate)
	}
	w.printf("  batch %d\n  epochs %d\n  seed %d\n}\n", t.Batch, t.Epochs, t.Seed)
}

func valueText(v *Value) string {
	switch {
	case v == nil:
		return "nil"
	case v.Param != nil:
		return "@" + lex.SigilName(v.Param.Name)
	}
	return "%" + lex.SigilName(v.Name)
}

// typeText is Type.String with odd symbols in quotes.
func typeText(t Type) string {
	dims := make([]string, len(t.Shape))
	for i, d := range t.Shape {
		switch {
		case d.Sym == "":
			dims[i] = strconv.Itoa(d.Size)
		case d.Size == 1:
			dims[i] = lex.Name(d.Sym)
		default:
			dims[i] = strconv.Itoa(d.Size) + lex.Symbol(d.Sym)
		}
	}
	return t.Elem.String() + "[" + strings.Join(dims, ",") + "]"
}
