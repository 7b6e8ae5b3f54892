package ir

import (
	"math"
	"strconv"

	"github.com/dlc-ml/dlc/ir/internal/lex"
)

// attrs reads {name=value, …}, or nothing.
func (p *parser) attrs() Attrs {
	if !p.Accept("{") {
		return nil
	}
	var list Attrs
	seen := map[string]bool{}
	for !p.Is("}") && p.Err() == nil {
		at := p.Peek()
		a := Attr{Name: p.Name("an attribute")}
		if seen[a.Name] {
			p.FailAt(at, "attribute %s is given twice", a.Name)
		}
		seen[a.Name] = true
		p.Expect("=")
		a.Value = p.attr()
		list = append(list, a)
		if !p.Accept(",") {
			break
		}
	}
	p.Expect("}")
	return list
}

// attr reads the value of an attribute.
func (p *parser) attr() any {
	switch {
	case p.Peek().Kind == lex.String:
		return p.Next().Text
	case p.Accept("true"):
		return true
	case p.Accept("false"):
		return false
	case p.Accept("floats"):
		p.Expect("[")
		p.Expect("]")
		return []float64{}
	case p.Accept("["):
		return p.list()
	}
	return p.number()
}

// list reads 1,2,3] as []int, or as []float64 where any element has a point.
func (p *parser) list() any {
	ints, floats := []int{}, []float64{}
	whole := true
	for !p.Is("]") && p.Err() == nil {
		switch x := p.number().(type) {
		case int:
			ints = append(ints, x)
			floats = append(floats, float64(x))
		case float64:
			whole = false
			floats = append(floats, x)
		}
		if !p.Accept(",") {
			break
		}
	}
	p.Expect("]")
	if whole {
		return ints
	}
	return floats
}

// number reads an int or a float64, with its sign.
func (p *parser) number() any {
	at := p.Peek()
	sign := ""
	if p.Accept("-") {
		sign = "-"
	}
	switch t := p.Peek(); {
	case p.Accept("inf"):
		if sign == "-" {
			return math.Inf(-1)
		}
		return math.Inf(1)
	case sign == "" && p.Accept("nan"):
		return math.NaN()
	case t.Kind == lex.Int:
		n, err := strconv.ParseInt(sign+p.Next().Text, 0, strconv.IntSize)
		if err != nil {
			p.FailAt(at, "%s%s does not fit an int", sign, t.Text)
		}
		return int(n)
	case t.Kind == lex.Float:
		x, err := strconv.ParseFloat(sign+p.Next().Text, 64)
		if err != nil {
			p.FailAt(at, "%s%s does not fit a float64", sign, t.Text)
		}
		return x
	default:
		p.Fail("expected a value, found %s", t)
		return 0
	}
}

// training reads the train block behind its keyword.
func (p *parser) training() *Training {
	t := &Training{}
	call := func() Call {
		c := Call{Name: p.Name("a name")}
		c.Attrs = p.attrs()
		c.Pos = p.Trail()
		return c
	}
	p.Expect("{")
	seen := map[string]bool{}
	once := func(at lex.Token) {
		if seen[at.Text] {
			p.FailAt(at, "%s is given twice", at.Text)
		}
		seen[at.Text] = true
	}
	lists := map[string]*[]Call{"data": &t.Data, "schedule": &t.Schedule, "rule": &t.Rules, "average": &t.Average, "callback": &t.Callbacks}
	numbers := map[string]*int{"accumulate": &t.Accumulate, "batch": &t.Batch, "epochs": &t.Epochs, "seed": &t.Seed}
	for !p.Is("}") && p.Err() == nil {
		at := p.Peek()
		list, number := lists[at.Text], numbers[at.Text]
		switch {
		case list != nil && p.Accept(at.Text):
			*list = append(*list, call())
		case number != nil && p.Accept(at.Text):
			once(at)
			*number = p.Int(at.Text, math.MinInt, math.MaxInt)
		case p.Accept("optimizer"):
			once(at)
			t.Optimizer = call()
		default:
			p.Fail("expected data, optimizer, schedule, rule, average, callback, accumulate, batch, epochs or seed, found %s", at)
		}
	}
	p.Expect("}")
	return t
}
