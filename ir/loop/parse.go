package loop

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/internal/lex"
)

// Parse reads the text form that [Print] writes. file stands in errors, which begin with file:line:col. Names must be declared
// before their use (of an alias, anywhere); what else a function must satisfy, [Verify] says.
func Parse(file string, src []byte) (*Func, error) {
	p := &parser{Parser: lex.NewParser(file, src), f: &Func{}, buffers: map[string]*Buffer{}}
	p.fn()
	if t := p.Peek(); t.Kind != lex.EOF {
		p.Fail("expected the end behind the function, found %s", t)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	return p.f, nil
}

// maxScans bounds how deep scans nest.
const maxScans = 100

type parser struct {
	*lex.Parser
	f       *Func
	buffers map[string]*Buffer
	aliases []alias

	// Of the nest being read:
	axes  []Axis         // steps of the scans around it, parallel axes, reduction axes
	names map[string]int // axis number by name; -1 where two have it
	lets  map[string]let
	acc   ir.DType
	depth int // of parentheses
}

// alias is a name to be looked up when all buffers are known.
type alias struct {
	of *Buffer
	at lex.Token
	to string
}

func (p *parser) fn() {
	p.Expect("func")
	p.f.Name = p.Name("the function's name")
	if p.Accept("[") {
		p.symbols()
	}
	p.Expect("{")
	if p.Accept("plan") {
		p.f.Plan = &Plan{At: map[*Buffer]int{}}
		p.Expect("per_example")
		p.f.Plan.PerExample = p.Int("elements for each example", 0, math.MaxInt)
		p.Expect("fixed")
		p.f.Plan.Fixed = p.Int("elements", 0, math.MaxInt)
	}
	for p.space() {
	}
	for _, a := range p.aliases {
		to := p.buffers[a.to]
		if to == nil {
			p.FailAt(a.at, "no buffer %s is declared", a.to)
			continue
		}
		a.of.Alias = to
	}
	p.checkAliases()
	for !p.Is("}") && p.Err() == nil {
		if p.Accept("chain") {
			p.chain()
			continue
		}
		p.topNest()
	}
	p.Expect("}")
}

// topNest reads a nest of the function.
func (p *parser) topNest() {
	if n := p.nest(nil, 0); n != nil {
		p.f.Nests = append(p.f.Nests, n)
	}
}

// chain reads 4 { nests }.
func (p *parser) chain() {
	c := Chain{From: len(p.f.Nests), Part: p.Int("examples of a part", 1, math.MaxInt)}
	p.Expect("{")
	for !p.Is("}") && p.Err() == nil {
		p.topNest()
	}
	if c.To = len(p.f.Nests); c.To == c.From {
		p.Fail("a chain without nests")
	}
	p.Expect("}")
	p.f.Chains = append(p.f.Chains, c)
}

// checkAliases refuses cycles, in which Root would never end.
func (p *parser) checkAliases() {
	for _, a := range p.aliases {
		if err := aliasCycle(a.of, len(p.f.Buffers)); err != nil {
			p.FailAt(a.at, "%v", err)
		}
	}
}

// symbols reads N, T<=128].
func (p *parser) symbols() {
	for !p.Is("]") && p.Err() == nil {
		s := ir.Symbol{Name: p.Name("a symbol")}
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

// space reads one buffer, where the next token is a space.
func (p *parser) space() bool {
	t := p.Peek()
	if t.Kind != lex.Ident {
		return false
	}
	for i, name := range spaceNames {
		if t.Text == name {
			p.Next()
			p.buffer(Space(i))
			return p.Err() == nil
		}
	}
	return false
}

func (p *parser) buffer(space Space) {
	at := p.Peek()
	b := &Buffer{Name: p.Name("a buffer's name"), Space: space}
	if p.buffers[b.Name] != nil {
		p.FailAt(at, "buffer %s is declared twice", b.Name)
	}
	p.buffers[b.Name] = b
	p.f.Buffers = append(p.f.Buffers, b)
	p.Expect(":")
	b.Elem = p.elem()
	p.Expect("[")
	for !p.Is("]") && p.Err() == nil {
		b.Shape = append(b.Shape, p.dim())
		if !p.Accept(",") {
			break
		}
	}
	p.Expect("]")
	if _, ok := b.Shape.Elems(); !ok {
		p.FailAt(at, "%s has two symbolic extents or more than %d elements", b.Name, ir.MaxElems)
		return
	}
	b.Strides = RowMajor(b.Shape)
	if p.Accept("strides") {
		b.Strides = p.ints("a stride")
	}
	if p.Accept("panel") {
		b.Panel = p.Int("a width", math.MinInt, math.MaxInt)
	}
	if p.Accept("offset") {
		b.Offset = p.Int("an offset", math.MinInt, math.MaxInt)
	}
	if p.Accept("wide") {
		b.Wide = p.Int("a width", math.MinInt, math.MaxInt)
	}
	if p.Accept("alias") {
		t := p.Peek()
		p.aliases = append(p.aliases, alias{b, t, p.Name("a buffer")})
	}
	if t := p.Peek(); p.f.Plan != nil && p.Accept("at") {
		p.f.Plan.At[b] = p.Int("a place in the arena", math.MinInt, math.MaxInt)
	} else if p.Is("at") {
		p.FailAt(t, "a place in the arena needs a plan")
	}
	if p.Accept("=") {
		b.Data = p.data(b.Elem)
	}
	b.Pos = p.Trail()
}

// data reads the constants of a table, [1.0, 2.5].
func (p *parser) data(elem ir.DType) []uint32 {
	list := []uint32{}
	p.Expect("[")
	for !p.Is("]") && p.Err() == nil {
		at := p.Peek()
		if at.Kind != lex.Int && at.Kind != lex.Float && !p.Is("-") && !p.Is("inf") && !p.Is("true") && !p.Is("false") && !p.Is("bits") {
			p.Fail("expected a constant, found %s", at)
			break
		}
		e, _ := p.bare()
		if e == nil || e.Code != Const || e.Type != elem {
			p.FailAt(at, "expected a constant of type %s", elem)
			break
		}
		list = append(list, e.Bits)
		if !p.Accept(",") {
			break
		}
	}
	p.Expect("]")
	return list
}

func (p *parser) elem() ir.DType {
	t := p.Peek()
	e, ok := ir.ParseDType(t.Text)
	if t.Kind != lex.Ident || !ok {
		p.Fail("expected an element type such as f32, found %s", t)
		return ir.Invalid
	}
	p.Next()
	return e
}

// dim reads 24, N or 100N.
func (p *parser) dim() ir.Dim {
	d := ir.D(1)
	if p.Peek().Kind == lex.Int {
		d.Size = p.Int("an extent", 0, ir.MaxElems)
		if k := p.Peek().Kind; k != lex.Ident && k != lex.String {
			return d
		}
	}
	d.Sym = p.Name("an extent")
	return d
}

func (p *parser) ints(what string) []int {
	list := []int{}
	p.Expect("[")
	for !p.Is("]") && p.Err() == nil {
		list = append(list, p.Int(what, math.MinInt, math.MaxInt))
		if !p.Accept(",") {
			break
		}
	}
	p.Expect("]")
	return list
}

// axisList reads (n:N, h:24).
func (p *parser) axisList() []Axis {
	var list []Axis
	p.Expect("(")
	for !p.Is(")") && p.Err() == nil {
		a := Axis{Name: p.Name("an axis")}
		p.Expect(":")
		a.Extent = p.dim()
		list = append(list, a)
		if !p.Accept(",") {
			break
		}
	}
	p.Expect(")")
	return list
}

// form returns the form that the next token names.
func (p *parser) form() (Form, bool) {
	if t := p.Peek(); t.Kind == lex.Ident {
		for i, name := range formNames {
			if t.Text == name {
				return Form(i), true
			}
		}
	}
	return 0, false
}

// nest reads one nest inside the steps of depth scans.
func (p *parser) nest(steps []Axis, depth int) *Nest {
	form, ok := p.form()
	if !ok {
		p.Fail("expected a buffer's space or a nest's form, found %s", p.Peek())
		return nil
	}
	if depth > maxScans {
		p.Fail("scans nest deeper than %d", maxScans)
		return nil
	}
	p.Next()
	n := &Nest{Form: form, Name: p.Name("the nest's name"), Lanes: 1}
	n.Axes = p.axisList()
	for i, name := range foldNames {
		if p.Accept(name) {
			n.Fold = Fold(i)
			n.Red = p.axisList()
			break
		}
	}
	if p.Accept("lanes") {
		n.Lanes = p.Int("lanes", math.MinInt32, math.MaxInt32)
	}
	n.Reverse = p.Accept("reverse")
	if p.Accept("of") {
		n.Ops = append(n.Ops, p.Name("an operator"))
		for p.Accept(",") {
			n.Ops = append(n.Ops, p.Name("an operator"))
		}
	}
	p.Expect("{")
	n.Pos = p.Trail()
	p.axes = n.AllAxes(steps...)
	p.names = map[string]int{}
	for i, a := range p.axes {
		if _, twice := p.names[a.Name]; twice {
			i = -1
		}
		p.names[a.Name] = i
	}
	p.body(n)
	inner := (&Nest{Axes: n.Axes}).AllAxes(steps...)
	for !p.Is("}") && p.Err() == nil {
		if b := p.nest(inner, depth+1); b != nil {
			n.Body = append(n.Body, b)
		}
	}
	p.Expect("}")
	return n
}

// body reads the lines of n up to its inner nests.
func (p *parser) body(n *Nest) {
	p.lets, p.acc = map[string]let{}, ir.F32
	for p.Err() == nil && !p.Is("}") {
		if _, inner := p.form(); inner {
			return
		}
		switch at := p.Peek(); {
		case at.Kind == lex.Value:
			p.Next()
			if _, twice := p.lets[at.Text]; twice {
				p.FailAt(at, "%%%s is defined twice", at.Text)
			}
			p.Expect("=")
			e, deep := p.expr()
			p.lets[at.Text] = let{e, deep}
		case p.Accept("value"):
			if n.Value != nil {
				p.FailAt(at, "a nest has one value")
			}
			n.Value, _ = p.expr()
			if n.Value != nil {
				p.acc = n.Value.Type
			}
		default:
			s := Store{}
			s.To, _ = p.access()
			s.Add = p.Accept("+")
			p.Expect("=")
			s.Expr, _ = p.expr()
			n.Stores = append(n.Stores, s)
		}
	}
}
