package lex

import (
	"fmt"
	"strconv"

	"github.com/dlc-ml/dlc/diag"
)

// Parser hands out tokens. The first error stays: from then on every token is EOF, so that loops end by themselves.
type Parser struct {
	file string
	s    scanner
	tok  Token // the next one
	last Token // the one handed out last
	err  *Error
}

// NewParser starts reading src; file is for messages.
func NewParser(file string, src []byte) *Parser {
	p := &Parser{file: file}
	p.s = scanner{line: 1, fresh: true}
	if len(src) > MaxText {
		p.tok = Token{Line: 1, Col: 1}
		p.Fail("the text has %d bytes, more than the %d that are read", len(src), MaxText)
		return p
	}
	p.s.src = string(src)
	p.advance()
	return p
}

// Err returns the first error, or nil.
func (p *Parser) Err() error {
	if p.err == nil {
		return nil
	}
	return p.err
}

// Fail notes an error at the next token.
func (p *Parser) Fail(format string, args ...any) { p.FailAt(p.tok, format, args...) }

// FailAt notes an error at t, unless there was one before.
func (p *Parser) FailAt(t Token, format string, args ...any) {
	if p.err != nil {
		return
	}
	p.err = &Error{diag.Pos{File: p.file, Line: t.Line, Col: t.Col}, fmt.Sprintf(format, args...)}
	p.tok = Token{Line: t.Line, Col: t.Col}
}

func (p *Parser) advance() {
	if p.err != nil {
		return
	}
	t, msg := p.s.scan()
	p.tok = t
	if msg != "" {
		p.Fail("%s", msg)
	}
}

// Peek returns the next token without taking it.
func (p *Parser) Peek() Token { return p.tok }

// Next takes the next token.
func (p *Parser) Next() Token {
	p.last = p.tok
	p.advance()
	return p.last
}

// Is reports whether the next token is that punctuation or keyword.
func (p *Parser) Is(text string) bool {
	return (p.tok.Kind == Punct || p.tok.Kind == Ident) && p.tok.Text == text
}

// Accept takes the next token where it is that punctuation or keyword.
func (p *Parser) Accept(text string) bool {
	if !p.Is(text) {
		return false
	}
	p.Next()
	return true
}

// Expect takes that punctuation or keyword; anything else is an error.
func (p *Parser) Expect(text string) {
	if !p.Accept(text) {
		p.Fail("expected %q, found %s", text, p.tok)
	}
}

// String describes a token for messages.
func (t Token) String() string {
	switch t.Kind {
	case EOF:
		return "the end"
	case Value:
		return "%" + t.Text
	case Param:
		return "@" + t.Text
	}
	text := t.Text
	if len(text) > 40 {
		text = text[:40] + "…"
	}
	return strconv.Quote(text)
}

// Name takes an identifier or a quoted name.
func (p *Parser) Name(what string) string {
	if p.tok.Kind == Ident || p.tok.Kind == String {
		return p.Next().Text
	}
	p.Fail("expected %s, found %s", what, p.tok)
	return ""
}

// Int takes a whole number, with a sign where one stands, between least and most.
func (p *Parser) Int(what string, least, most int) int {
	t := p.tok
	sign := ""
	if p.Accept("-") {
		sign = "-"
	}
	if p.tok.Kind != Int {
		p.Fail("expected %s, found %s", what, p.tok)
		return least
	}
	n, err := strconv.ParseInt(sign+p.Next().Text, 0, 64)
	if err != nil || int(n) < least || int(n) > most {
		p.FailAt(t, "%s must lie between %d and %d", what, least, most)
		return least
	}
	return int(n)
}

// Trail returns the position that the comment behind the last token names, or no position.
func (p *Parser) Trail() diag.Pos { pos, _ := ParsePos(p.last.Trail); return pos }

// TrailText returns the comment behind the last token.
func (p *Parser) TrailText() string { return p.last.Trail }
