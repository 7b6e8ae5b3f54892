package dsl

import (
	"github.com/dlc-ml/dlc/diag"
)

// parser reads tokens by recursive descent. After an error it skips to the next statement and goes on.
type parser struct {
	file   string
	toks   []token
	i      int
	depth  int
	errs   *diag.List
	failed bool // the current statement has an error already
	stop   bool // nested too deeply: the rest is not worth reading
}

// parse reads a file. The model is nil where there is none; errs holds what is wrong.
func parse(file string, src []byte, errs *diag.List) (*model, []comment) {
	toks, comments := scan(file, src, errs)
	p := &parser{file: file, toks: toks, errs: errs}
	return p.model(), comments
}

func (p *parser) tok() token { return p.toks[p.i] }

func (p *parser) advance() token {
	t := p.toks[p.i]
	if p.i < len(p.toks)-1 {
		p.i++
	}
	return t
}

func (p *parser) is(text string) bool {
	return p.tok().kind == tPunct && p.tok().text == text
}

func (p *parser) accept(text string) bool {
	if p.is(text) {
		p.advance()
		return true
	}
	return false
}

// fail reports the first error of a statement.
func (p *parser) fail(t token, msg string, notes ...string) {
	if !p.failed && !p.stop {
		p.errs.Add(t.pos, t.len, msg, notes...)
	}
	p.failed = true
}

// describe names a token in a message.
func describe(t token) string {
	switch t.kind {
	case tEOF:
		return "the end of the file"
	case tNewline:
		return "the end of the line"
	case tString:
		return "the string " + diag.Quote(t.text)
	}
	return diag.Quote(t.text)
}

func (p *parser) expect(text, where string) bool {
	if p.accept(text) {
		return true
	}
	p.fail(p.tok(), "expected "+diag.Quote(text)+" "+where+", found "+describe(p.tok()))
	return false
}

func (p *parser) name(what string) ident {
	t := p.tok()
	if t.kind != tName {
		p.fail(t, "expected "+what+", found "+describe(t))
		return ident{"", t.pos}
	}
	p.advance()
	return ident{t.text, t.pos}
}

// newlines skips statement ends.
func (p *parser) newlines() {
	for p.tok().kind == tNewline {
		p.advance()
	}
}

// endStatement wants the end of a statement, and after an error looks for it.
func (p *parser) endStatement() {
	if !p.failed && p.tok().kind != tNewline && p.tok().kind != tEOF && !p.is("}") {
		p.fail(p.tok(), "expected the end of the line, found "+describe(p.tok()))
	}
	if p.failed {
		depth := 0
		for p.tok().kind != tEOF {
			if p.tok().kind == tNewline && depth == 0 || p.is("}") && depth == 0 {
				break
			}
			if p.is("{") {
				depth++
			} else if p.is("}") {
				depth--
			}
			p.advance()
		}
	}
	p.failed = false
	p.newlines()
}

// end is the offset behind the last token read.
func (p *parser) end() int {
	if p.i == 0 {
		return 0
	}
	t := p.toks[p.i-1]
	return t.at + t.len
}

func (p *parser) model() *model {
	p.newlines()
	m := &model{at: p.tok().at}
	if t := p.tok(); t.kind != tName || t.text != "model" {
		p.fail(t, "expected a model, found "+describe(t), "a file holds one: model NAME { … }")
		return nil
	}
	p.advance()
	m.name = p.name("the model's name")
	if !p.expect("{", "after the model's name") {
		return nil
	}
	p.newlines()
	for p.tok().kind != tEOF && !p.is("}") {
		if p.stop {
			return m
		}
		p.statement(m)
	}
	m.end, m.endAt = p.tok().pos, p.tok().at
	if !p.expect("}", "at the end of the model") {
		return m
	}
	p.newlines()
	if p.tok().kind != tEOF {
		p.fail(p.tok(), "expected the end of the file behind the model, found "+describe(p.tok()))
	}
	return m
}

// words are the names that start a statement; none of them may be defined.
var words = []string{"model", "input", "target", "param", "buffer", "const", "block", "output", "train", "compress"}

func (p *parser) statement(m *model) {
	t := p.tok()
	if t.kind != tName {
		p.fail(t, "expected a declaration, found "+describe(t))
		p.advance()
		p.endStatement()
		return
	}
	switch t.text {
	case "train", "compress":
		s := p.section()
		if t.text == "compress" {
			p.errs.Add(t.pos, t.len, "this version has no pruning and quantization yet", "leave the compress block out")
		} else if m.train != nil {
			p.errs.Add(t.pos, t.len, "a model has one train block", "the first is at "+m.train.pos.String())
		} else {
			m.train = s
		}
		p.endStatement()
		return
	}
	d := p.declaration()
	if !p.failed || d.name.text != "" {
		m.decls = append(m.decls, d)
	}
	p.endStatement()
}

// declaration reads a declaration up to the end of its statement. After an error it is one whose value is bad, so that its uses are not errors too.
func (p *parser) declaration() *decl {
	t := p.tok()
	d := &decl{at: t.at}
	switch k := declKind(t.text); k {
	case dInput, dTarget, dParam, dBuffer, dConst, dBlock, dOutput:
		d.kind = k
		p.advance()
	}
	d.name = p.name("a name")
	for d.kind == dDef && p.accept(",") && !p.failed {
		d.more = append(d.more, p.name("a name for the next result"))
	}
	switch d.kind {
	case dInput, dTarget:
		p.portType(d)
	case dParam, dBuffer:
		if p.portType(d); p.accept("=") {
			d.value = p.expr()
		}
	case dBlock:
		if d.params = p.params(); p.is("{") && !p.failed {
			p.body(d)
			break
		}
		fallthrough
	default:
		if p.expect("=", "after "+nameOr(d.name.text)) {
			d.value = p.expr()
		}
	}
	d.endAt = p.end()
	if p.failed {
		d.value, d.dims, d.body = &badExpr{d.name.pos}, nil, nil
	}
	return d
}

// body reads the braces of a block.
func (p *parser) body(d *decl) {
	p.advance()
	p.newlines()
	d.body = &body{}
	for p.tok().kind != tEOF && !p.is("}") && !p.stop {
		t := p.tok()
		switch {
		case d.value != nil:
			p.fail(t, "nothing may follow the return of a block, found "+describe(t))
		case t.kind == tName && t.text == "return":
			p.advance()
			d.body.returnAt = t.at
			d.value = p.expr()
		case t.kind == tName && contains(words, t.text) && t.text != "param" && t.text != "buffer":
			p.fail(t, t.text+" cannot stand in a block", "a block has parameters, definitions and a return")
		case t.kind != tName:
			p.fail(t, "expected a definition or return, found "+describe(t))
			p.advance()
		default:
			if l := p.declaration(); !p.failed || l.name.text != "" {
				d.body.decls = append(d.body.decls, l)
			}
		}
		p.endStatement()
	}
	if p.expect("}", "at the end of the block") && d.value == nil {
		p.errs.Add(d.name.pos, len(d.name.text), "block "+d.name.text+" has no return", "its last line says what it is worth: return x + y")
		d.value = &badExpr{d.name.pos}
	}
}

func nameOr(s string) string {
	if s == "" {
		return "the name"
	}
	return s
}

// portType reads ": f32[28, 28, 1]" or ": f32[T<=200, 13]".
func (p *parser) portType(d *decl) {
	if !p.expect(":", "and a type after "+nameOr(d.name.text)) {
		return
	}
	d.typ = p.name("a type such as f32[28, 28, 1] or class[10]")
	if !p.accept("[") {
		return
	}
	d.dims = p.items("]", p.extent)
}

// extent reads 28, or T<=200.
func (p *parser) extent() expr {
	if t := p.tok(); t.kind == tName && p.i+1 < len(p.toks) && p.toks[p.i+1].kind == tPunct && p.toks[p.i+1].text == "<=" {
		p.advance()
		p.advance()
		return &boundExpr{ident{t.text, t.pos}, p.expr()}
	}
	return p.expr()
}

func (p *parser) params() []ident {
	var list []ident
	if !p.expect("(", "and parameters after the block's name") {
		return nil
	}
	for !p.is(")") && !p.failed {
		list = append(list, p.name("a parameter"))
		if !p.accept(",") {
			break
		}
	}
	p.expect(")", "after the parameters")
	return list
}

// items reads a list up to its closing bracket.
func (p *parser) items(end string, item func() expr) []expr {
	list := []expr{}
	for !p.is(end) && !p.failed {
		list = append(list, item())
		if !p.accept(",") {
			break
		}
	}
	p.expect(end, "at the end of the list")
	return list
}

func (p *parser) section() *section {
	t := p.advance()
	s := &section{pos: t.pos, at: t.at}
	if !p.expect("{", "after "+t.text) {
		return s
	}
	p.newlines()
	for p.tok().kind != tEOF && !p.is("}") && !p.stop {
		st := &setting{at: p.tok().at}
		st.name = p.name("a setting")
		if p.failed {
			p.advance()
		}
		if p.expect("=", "after "+nameOr(st.name.text)) {
			st.value = p.expr()
		}
		st.endAt = p.end()
		if !p.failed {
			s.settings = append(s.settings, st)
		}
		p.endStatement()
	}
	s.endAt = p.tok().at
	p.expect("}", "at the end of "+t.text)
	return s
}
