package dsl

import "slices"

// enter counts nesting; it reports false, with an error, where the limit is reached.
func (p *parser) enter() bool {
	if p.depth++; p.depth <= maxDepth {
		return true
	}
	p.fail(p.tok(), "nested too deeply: an expression may have 200 levels", "give an inner part a name of its own")
	p.stop = true
	p.i = len(p.toks) - 1
	return false
}

// maxChain bounds the steps of one pipe or sum: each nests the expression by one level.
const maxChain = 1000

// chain reports whether a pipe or sum of n steps may have one more.
func (p *parser) chain(n int) bool {
	if n < maxChain {
		return true
	}
	p.fail(p.tok(), "this expression has more than 1000 steps", "give a part of it a name of its own")
	return false
}

// expr reads pipes, which bind least.
func (p *parser) expr() expr {
	defer func() { p.depth-- }()
	if !p.enter() {
		return &badExpr{p.tok().pos}
	}
	x := p.sum()
	for n := 0; p.is("|>") && !p.failed && p.chain(n); n++ {
		p.advance()
		c := &callExpr{fn: p.name("a layer or operator behind |>"), bare: true}
		if p.is("(") {
			p.call(c)
		}
		x = &pipeExpr{x, c}
	}
	return x
}

func (p *parser) sum() expr {
	x := p.product()
	for n := 0; (p.is("+") || p.is("-")) && !p.failed && p.chain(n); n++ {
		t := p.advance()
		x = &binaryExpr{t.text, x, p.product(), t.pos}
	}
	return x
}

func (p *parser) product() expr {
	x := p.unary()
	for n := 0; (p.is("*") || p.is("/")) && !p.failed && p.chain(n); n++ {
		t := p.advance()
		x = &binaryExpr{t.text, x, p.unary(), t.pos}
	}
	return x
}

func (p *parser) unary() expr {
	if !p.is("-") {
		return p.primary()
	}
	defer func() { p.depth-- }()
	if !p.enter() {
		return &badExpr{p.tok().pos}
	}
	t := p.advance()
	return &unaryExpr{p.unary(), t.pos}
}

func (p *parser) primary() expr {
	t := p.tok()
	switch {
	case t.kind == tNumber:
		p.advance()
		return &numberLit{t.text, t.pos}
	case t.kind == tString:
		p.advance()
		return &stringLit{t.text, t.pos}
	case t.kind == tName:
		p.advance()
		if slices.Contains(words, t.text) {
			p.fail(t, t.text+" is a word of the language and cannot be used as a value")
		}
		id := ident{t.text, t.pos}
		if p.is("(") {
			c := &callExpr{fn: id}
			p.call(c)
			return c
		}
		return &nameRef{id}
	case p.accept("("):
		x := p.expr()
		p.expect(")", "to close the bracket")
		return &parenExpr{x, t.pos}
	case p.accept("["):
		return &listLit{p.items("]", p.expr), t.pos}
	}
	p.fail(t, "expected a value, found "+describe(t))
	return &badExpr{t.pos}
}

// call reads the arguments of c.
func (p *parser) call(c *callExpr) {
	c.bare = false
	p.advance()
	for !p.is(")") && !p.failed {
		var a arg
		if t := p.tok(); t.kind == tName && p.i+1 < len(p.toks) && p.toks[p.i+1].kind == tPunct && p.toks[p.i+1].text == "=" {
			a.name = ident{t.text, t.pos}
			p.advance()
			p.advance()
		} else if len(c.args) > 0 && c.args[len(c.args)-1].name.text != "" {
			p.fail(t, "an argument without a name cannot follow one with a name")
		}
		a.value = p.expr()
		c.args = append(c.args, a)
		if !p.accept(",") {
			break
		}
	}
	p.expect(")", "after the arguments of "+c.fn.text)
}
