package ir

import (
	"math"
	"strings"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir/internal/lex"
)

// Parse reads the text form that [Print] writes. file stands in errors, which begin with file:line:col. Operands must be
// defined before their use and names unique; what else a module must satisfy, [Verify] says.
func Parse(file string, src []byte) (*Module, error) {
	p := &parser{Parser: lex.NewParser(file, src), params: map[string]*Param{}}
	m := &Module{}
	p.m = m
	p.Expect("module")
	m.Name = p.Name("the module's name")
	funcs := map[string]bool{}
	for p.Peek().Kind != lex.EOF {
		at := p.Peek()
		switch {
		case p.Accept("param"):
			p.param()
		case p.Accept("length"):
			p.length()
		case p.Accept("func"):
			f := p.fn()
			if funcs[f.Name] {
				p.FailAt(at, "function %s is defined twice", f.Name)
			}
			funcs[f.Name] = true
			m.Funcs = append(m.Funcs, f)
		case p.Accept("train"):
			if m.Train != nil {
				p.FailAt(at, "there is a second train block")
			}
			m.Train = p.training()
		default:
			p.Fail("expected param, length, func or train, found %s", p.Peek())
		}
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	return m, nil
}

type parser struct {
	*lex.Parser
	m      *Module
	params map[string]*Param
	// Of the function being read:
	f      *Func
	values map[string]*Value
}

func (p *parser) param() {
	at := p.Peek()
	if at.Kind != lex.Param {
		p.Fail("expected a parameter's name behind @, found %s", at)
		return
	}
	q := &Param{Name: p.Next().Text}
	if p.params[q.Name] != nil {
		p.FailAt(at, "parameter @%s is defined twice", q.Name)
	}
	p.params[q.Name] = q
	p.Expect(":")
	q.Type = p.typ()
	p.Expect("=")
	q.Init.Kind = p.Name("how the parameter starts")
	if p.Accept("(") {
		q.Init.Scale = p.float()
		if p.Accept(",") {
			q.Init.Mean = p.float()
		}
		p.Expect(")")
	}
	q.Trainable = p.Accept("trainable")
	q.Pos = p.Trail()
	p.m.Params = append(p.m.Params, q)
}

// length reads %T <= 200 of %frames, %words.
func (p *parser) length() {
	value := func() string {
		if p.Peek().Kind != lex.Value {
			p.Fail("expected an input's name behind %%, found %s", p.Peek())
			return ""
		}
		return p.Next().Text
	}
	l := Length{Name: value()}
	p.Expect("<=")
	l.Max = p.Int("the greatest length", 1, MaxElems)
	p.Expect("of")
	l.Of = append(l.Of, value())
	for p.Accept(",") {
		l.Of = append(l.Of, value())
	}
	l.Pos = p.Trail()
	p.m.Lengths = append(p.m.Lengths, l)
}

// float reads a number as a float64.
func (p *parser) float() float64 {
	switch x := p.number().(type) {
	case int:
		return float64(x)
	case float64:
		return x
	}
	return 0
}

// typ reads f32[N,28].
func (p *parser) typ() Type {
	at := p.Peek()
	e, ok := ParseDType(at.Text)
	if at.Kind != lex.Ident || !ok {
		p.Fail("expected an element type such as f32, found %s", at)
		return Type{}
	}
	p.Next()
	t := Type{Elem: e}
	p.Expect("[")
	for !p.Is("]") && p.Err() == nil {
		if len(t.Shape) > 0 {
			p.Expect(",")
		}
		t.Shape = append(t.Shape, p.dim())
	}
	p.Expect("]")
	return t
}

// dim reads 24, N or 100N.
func (p *parser) dim() Dim {
	d := D(1)
	if p.Peek().Kind == lex.Int {
		d.Size = p.Int("an extent", 0, MaxElems)
		if k := p.Peek().Kind; k != lex.Ident && k != lex.String {
			return d
		}
	}
	d.Sym = p.Name("an extent")
	return d
}

func (p *parser) fn() *Func {
	f := NewFunc(p.Name("the function's name"))
	p.f, p.values = f, map[string]*Value{}
	if p.Accept("[") {
		p.symbols()
	}
	p.Expect("(")
	for !p.Is(")") && p.Err() == nil {
		v := p.define()
		p.Expect(":")
		v.Type = p.typ()
		v.Pos = p.Trail()
		f.Inputs = append(f.Inputs, v)
		if !p.Accept(",") {
			break
		}
		if !v.Pos.Valid() {
			v.Pos = p.Trail()
		}
	}
	p.Expect(")")
	p.Expect("->")
	p.Expect("(")
	var types []Type
	for !p.Is(")") && p.Err() == nil {
		name := p.Name("a result's name")
		p.Expect(":")
		types = append(types, p.typ())
		f.Results = append(f.Results, Result{Name: name})
		if !p.Accept(",") {
			break
		}
	}
	p.Expect(")")
	p.Expect("{")
	for !p.Is("}") && !p.Is("return") && p.Err() == nil {
		p.op()
	}
	if len(types) > 0 {
		p.results(types)
	}
	p.Expect("}")
	return f
}

// symbols reads N, T<=128].
func (p *parser) symbols() {
	for !p.Is("]") && p.Err() == nil {
		at := p.Peek()
		s := Symbol{Name: p.Name("a symbol")}
		for _, t := range p.f.Symbols {
			if t.Name == s.Name {
				p.FailAt(at, "symbol %s is declared twice", s.Name)
				return
			}
		}
		if p.Accept("<=") {
			s.Max = p.Int("the bound of a symbol", 0, math.MaxInt)
		}
		p.f.Symbols = append(p.f.Symbols, s)
		if !p.Accept(",") {
			break
		}
	}
	p.Expect("]")
}

// define takes %name and makes its value.
func (p *parser) define() *Value {
	t := p.Peek()
	if t.Kind != lex.Value {
		p.Fail("expected a name behind %%, found %s", t)
		return &Value{}
	}
	p.Next()
	v := &Value{Name: t.Text}
	if p.values[v.Name] != nil {
		p.FailAt(t, "%%%s is defined twice", v.Name)
	}
	p.values[v.Name] = v
	p.f.names[v.Name] = 2
	return v
}

// use takes %name or @name and returns the value it stands for.
func (p *parser) use() *Value {
	switch t := p.Peek(); t.Kind {
	case lex.Value:
		if v := p.values[t.Text]; v != nil {
			p.Next()
			return v
		}
		p.Fail("%%%s is not defined before this line", t.Text)
	case lex.Param:
		if q := p.params[t.Text]; q != nil {
			p.Next()
			return p.f.ParamValue(q)
		}
		p.Fail("no parameter @%s is defined above", t.Text)
	default:
		p.Fail("expected %%name or @name, found %s", t)
	}
	return &Value{}
}

func (p *parser) results(types []Type) {
	p.Expect("return")
	for i := range types {
		if i > 0 {
			p.Expect(",")
		}
		at := p.Peek()
		v := p.use()
		if p.Err() == nil && !v.Type.Equal(types[i]) {
			p.FailAt(at, "result %s is declared %s but has type %s", p.f.Results[i].Name, types[i], v.Type)
		}
		p.f.Results[i].Value = v
	}
}

// op reads one operator: %a, %b = kind %x, @w {attr=1} : f32[N], f32[].
func (p *parser) op() {
	op := &Op{}
	// Results are defined behind their operands' use.
	var made []lex.Token
	for p.Peek().Kind == lex.Value {
		made = append(made, p.Next())
		if !p.Accept(",") {
			break
		}
	}
	if len(made) > 0 {
		p.Expect("=")
	}
	op.Kind = p.Name("an operator")
	if t := p.Peek(); !t.First && (t.Kind == lex.Value || t.Kind == lex.Param) {
		op.Args = append(op.Args, p.use())
		for p.Accept(",") {
			op.Args = append(op.Args, p.use())
		}
	}
	op.Attrs = p.attrs()
	for i, t := range made {
		if i == 0 {
			p.Expect(":")
		} else {
			p.Expect(",")
		}
		v := &Value{Name: t.Text, Type: p.typ(), Def: op, Index: i}
		if p.values[v.Name] != nil {
			p.FailAt(t, "%%%s is defined twice", v.Name)
		}
		p.values[v.Name] = v
		p.f.names[v.Name] = 2
		op.Results = append(op.Results, v)
	}
	p.opPos(op)
	p.f.Ops = append(p.f.Ops, op)
}

// opPos gives op and its results the positions of the comment behind them.
func (p *parser) opPos(op *Op) {
	text := splitOutside(p.TrailText(), ';')
	op.Pos, _ = lex.ParsePos(strings.TrimSpace(text[0]))
	for _, r := range op.Results {
		r.Pos = op.Pos
	}
	if len(text) != 2 {
		return
	}
	list := splitOutside(text[1], ',')
	if len(list) != len(op.Results) {
		return
	}
	at := make([]diag.Pos, len(list))
	for i, s := range list {
		var ok bool
		if at[i], ok = lex.ParsePos(strings.TrimSpace(s)); !ok {
			return
		}
	}
	for i, r := range op.Results {
		r.Pos = at[i]
	}
}

// splitOutside splits s at each sep that stands outside quotes.
func splitOutside(s string, sep byte) []string {
	var parts []string
	start, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == sep && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}
