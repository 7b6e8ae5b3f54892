package loop

import (
	"math"
	"strconv"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/internal/lex"
)

// Bounds on expressions, so that no text exhausts the stack: of parentheses, and of the tree behind names.
const (
	maxParens = 1000
	maxDepth  = 10000
)

// maxCoef bounds the numbers of an affine index, so that sums and products with extents fit an int.
const maxCoef = 1<<31 - 1

// let is a named node and how deep its tree is.
type let struct {
	e    *Expr
	deep int
}

// codeOf finds an operation by its name.
var codeOf = func() map[string]Code {
	m := map[string]Code{}
	for c := Add; int(c) < len(Codes); c++ {
		m[Codes[c].Name] = c
	}
	return m
}()

// infixOf finds an operation by its sign.
var infixOf = func() map[string]Code {
	m := map[string]Code{}
	for c := Add; int(c) < len(Codes); c++ {
		if s := Codes[c].Infix; s != "" {
			m[s] = c
		}
	}
	return m
}()

// expr reads an expression and returns how deep it is.
func (p *parser) expr() (*Expr, int) {
	if p.depth++; p.depth > maxParens {
		p.Fail("an expression has more than %d parentheses in each other", maxParens)
	}
	e, deep := p.infix(0)
	p.depth--
	if deep > maxDepth {
		p.Fail("an expression is deeper than %d", maxDepth)
	}
	return e, deep
}

// infix reads operations that bind more tightly than least; all of them group to the left.
func (p *parser) infix(least int) (*Expr, int) {
	e, deep := p.primary()
	for p.Err() == nil {
		t := p.Peek()
		c, ok := infixOf[t.Text]
		if !ok || t.Kind != lex.Punct || precedence(c) <= least {
			break
		}
		p.Next()
		r, d := p.infix(precedence(c))
		if p.Err() != nil {
			break
		}
		e, deep = E(c, e, r), max(deep, d)+1
		if deep > maxDepth {
			p.Fail("an expression is deeper than %d", maxDepth)
		}
	}
	return e, deep
}

// primary reads an operand and the type behind it.
func (p *parser) primary() (*Expr, int) {
	e, deep := p.bare()
	if p.Err() == nil && p.Is(":") {
		if e.Code == Const {
			p.Fail("a constant has the type it is written with: f32 with a point, i32 without, or write bits(type, bits)")
		}
		p.Next()
		// A copy: a named node keeps its type where it is used otherwise.
		c := *e
		c.Type = p.elem()
		e = &c
	}
	if e == nil {
		e = &Expr{Code: Const, Type: ir.F32}
	}
	return e, deep
}

func (p *parser) bare() (*Expr, int) {
	t := p.Peek()
	switch {
	case t.Kind == lex.Int || t.Kind == lex.Float || p.Is("-") || p.Is("inf"):
		return p.constant(), 1
	case p.Accept("true"):
		return &Expr{Code: Const, Type: ir.Bool, Bits: 1}, 1
	case p.Accept("false"):
		return &Expr{Code: Const, Type: ir.Bool}, 1
	case p.Accept("acc"):
		return Total(p.acc), 1
	case p.Accept("("):
		e, deep := p.expr()
		p.Expect(")")
		return e, deep
	case t.Kind == lex.Value:
		l, ok := p.lets[t.Text]
		if !ok {
			p.Fail("%%%s is not defined before this line", t.Text)
			return nil, 0
		}
		p.Next()
		return l.e, l.deep
	case t.Kind == lex.Ident:
		p.Next()
		if p.Accept("(") {
			return p.call(t)
		}
		return p.load(t)
	case t.Kind == lex.String:
		p.Next()
		return p.load(t)
	}
	p.Fail("expected an operand, found %s", t)
	return nil, 0
}

// constant reads a number with its sign: f32 where it has a point, else i32.
func (p *parser) constant() *Expr {
	at := p.Peek()
	sign := ""
	if p.Accept("-") {
		sign = "-"
	}
	switch t := p.Peek(); {
	case p.Accept("inf"):
		x := math.Inf(1)
		if sign != "" {
			x = math.Inf(-1)
		}
		return F(x)
	case t.Kind == lex.Float:
		p.Next()
		x, err := strconv.ParseFloat(sign+t.Text, 32)
		if err != nil {
			p.FailAt(at, "%s%s does not fit an f32", sign, t.Text)
		}
		return F(x)
	case t.Kind == lex.Int:
		return &Expr{Code: Const, Type: ir.I32, Bits: uint32(int32(p.signed(at, sign)))}
	default:
		p.Fail("expected a number, found %s", t)
		return nil
	}
}

// signed takes an Int whose sign has been read, as an i32.
func (p *parser) signed(at lex.Token, sign string) int64 {
	t := p.Next()
	n, err := strconv.ParseInt(sign+t.Text, 0, 32)
	if err != nil {
		p.FailAt(at, "%s%s does not fit an i32", sign, t.Text)
	}
	return n
}

// call reads the operands of the operation that name names, behind the opening parenthesis.
func (p *parser) call(name lex.Token) (*Expr, int) {
	switch name.Text {
	case "index":
		a := p.affine()
		p.Expect(")")
		return IndexOf(a), 1
	case "bits":
		e := &Expr{Code: Const, Type: p.elem()}
		p.Expect(",")
		t := p.Peek()
		n, err := strconv.ParseUint(t.Text, 0, 32)
		if t.Kind != lex.Int || err != nil {
			p.Fail("expected 32 bits such as 0x7fc00000, found %s", t)
		}
		p.Next()
		e.Bits = uint32(n)
		p.Expect(")")
		return e, 1
	}
	c, ok := codeOf[name.Text]
	if !ok {
		p.FailAt(name, "no operation is called %s", name.Text)
		return nil, 0
	}
	var args []*Expr
	deep := 0
	for p.Err() == nil && !p.Is(")") {
		a, d := p.expr()
		args, deep = append(args, a), max(deep, d)
		if !p.Accept(",") {
			break
		}
	}
	p.Expect(")")
	if len(args) != Codes[c].Arity {
		p.FailAt(name, "%s takes %d operands, not %d", name.Text, Codes[c].Arity, len(args))
		return nil, 0
	}
	return E(c, args...), deep + 1
}

// load reads an element of the buffer that name names.
func (p *parser) load(name lex.Token) (*Expr, int) {
	a, deep := p.index(name)
	if a.Buf == nil {
		return nil, 0
	}
	return &Expr{Code: Load, Type: a.Buf.Elem, From: a}, deep + 1
}

// access reads buffer[index, …].
func (p *parser) access() (Access, int) {
	t := p.Peek()
	p.Name("a buffer")
	return p.index(t)
}

// index reads [h+kh, @(index)] behind the name of a buffer.
func (p *parser) index(name lex.Token) (a Access, deep int) {
	if p.Err() != nil {
		return a, 0
	}
	a.Buf = p.buffers[name.Text]
	if a.Buf == nil {
		p.FailAt(name, "no buffer %s is declared", name.Text)
		return a, 0
	}
	var dyn []*Expr
	any := false
	p.Expect("[")
	for !p.Is("]") && p.Err() == nil {
		ix, d := Affine{}, (*Expr)(nil)
		if !p.Is("@") {
			ix = p.affine()
		}
		if p.Accept("@") {
			p.Expect("(")
			var n int
			d, n = p.expr()
			p.Expect(")")
			deep, any = max(deep, n), true
		}
		a.Index, dyn = append(a.Index, ix), append(dyn, d)
		if !p.Accept(",") {
			break
		}
	}
	p.Expect("]")
	if any {
		a.Dyn = dyn
	}
	return a, deep
}

// affine reads 2*h+kh-1, up to a + before @.
func (p *parser) affine() Affine {
	var a Affine
	for first := true; p.Err() == nil; first = false {
		sign := 1
		switch {
		case p.Accept("-"):
			sign = -1
		case p.Accept("+"):
			if p.Is("@") {
				return a
			}
		case !first:
			return a
		}
		a = p.term(a, sign)
		if !small(a) {
			p.Fail("the numbers of an index must lie within ±%d", maxCoef)
		}
	}
	return a
}

// term adds one term to a: 3, h, 3*h, #2 or 3*#2.
func (p *parser) term(a Affine, sign int) Affine {
	if p.Peek().Kind == lex.Int {
		n := sign * p.Int("a number", 0, maxCoef)
		if !p.Accept("*") {
			return a.Plus(0, 0, n)
		}
		sign = n
	}
	axis := p.axisRef()
	if p.Err() != nil {
		return a
	}
	return a.Plus(axis, sign, 0)
}

// axisRef reads the name or number of an axis.
func (p *parser) axisRef() int {
	if p.Accept("#") {
		return p.Int("the number of an axis", 0, max(len(p.axes)-1, 0))
	}
	t := p.Peek()
	i, ok := p.names[t.Text]
	switch {
	case t.Kind != lex.Ident && t.Kind != lex.String:
		p.Fail("expected an axis, found %s", t)
		return 0
	case !ok:
		p.Fail("no axis is called %s", t.Text)
		return 0
	case i < 0:
		p.Fail("two axes are called %s: write #number", t.Text)
		return 0
	}
	p.Next()
	return i
}

// small reports whether the numbers of a are within bounds.
func small(a Affine) bool {
	ok := a.Const >= -maxCoef && a.Const <= maxCoef
	for _, t := range a.Terms {
		ok = ok && t.Coef >= -maxCoef && t.Coef <= maxCoef
	}
	return ok
}
