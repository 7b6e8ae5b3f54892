package dsl

import (
	"fmt"
	gotoken "go/token"
	"strings"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// Options change what a source means.
type Options struct {
	// Set gives constants other values: name → an expression, as --set width=64 does.
	Set map[string]string
}

// Compile parses, checks and lowers a model. file is the name that positions bear. The error is a *diag.List with everything that is
// wrong, up to what one mistake hides.
//
// The module has function infer, and with a train block eval and train; their parameters are the same.
func Compile(file string, src []byte, opt Options) (*ir.Module, error) {
	_, m, err := compile(file, src, opt)
	return m, err
}

// compile is Compile, and returns what it worked with too, nil where there was nothing to work on.
func compile(file string, src []byte, opt Options) (*checker, *ir.Module, error) {
	errs := &diag.List{Source: src}
	m, _ := parse(file, src, errs)
	if m == nil || len(errs.Items) > 0 {
		return nil, nil, errs.Err()
	}
	c := &checker{file: file, model: m, errs: errs, byName: map[string]*decl{}, set: map[string]expr{}}
	c.declare()
	c.overrides(opt.Set)
	if m.train != nil {
		c.init = (&evaluator{c: c, done: map[*decl]value{}, busy: map[*decl]bool{}}).defaultInit(m.train)
	}
	// The first build evaluates everything, also what nothing uses, so that every mistake is found; it is thrown away.
	c.build(newModule(m), ir.FuncTrain, true)
	if len(errs.Items) > 0 {
		return c, nil, errs.Err()
	}
	if m.train != nil {
		c.train = c.training()
	}
	mod := newModule(m)
	c.build(mod, ir.FuncInfer, false)
	if m.train != nil {
		c.build(mod, ir.FuncEval, false)
		c.build(mod, ir.FuncTrain, false)
		mod.Train = c.train
		c.treat(mod)
	}
	if err := errs.Err(); err != nil {
		return c, nil, err
	}
	return c, mod, nil
}

func newModule(m *model) *ir.Module { return &ir.Module{Name: m.name.text} }

// checker holds one model while it is compiled.
type checker struct {
	file   string
	model  *model
	errs   *diag.List
	byName map[string]*decl
	names  []string
	set    map[string]expr
	train  *ir.Training // nil before it is read
	init   *ops.Start   // the train block's, or nil
	steps  int          // parts of expressions evaluated for the function being built
	work   int          // those of all functions before
	// checking says that everything is evaluated, also what nothing uses.
	checking bool
}

// declare checks the names of all declarations.
func (c *checker) declare() {
	m := c.model
	if n := m.name; !goPackage(n.text) {
		c.errs.Add(n.pos, len(n.text), n.text+" cannot be the name of a Go package",
			"take small letters and digits, and no word of Go, such as "+suggestPackage(n.text))
	}
	ports := map[string]*decl{}
	outputs := false
	for _, d := range named(m.decls) {
		n := d.name
		if n.text == "_" && d.of != nil {
			continue // a result that nobody wants
		}
		c.word(n)
		if d.kind == dBlock && ops.Lookup(n.text) != nil {
			c.errs.Add(n.pos, len(n.text), n.text+" is an operator; a block needs a name of its own")
		}
		if d.body != nil {
			c.declareInside(d)
		}
		if first := c.byName[n.text]; first != nil {
			c.errs.Add(n.pos, len(n.text), n.text+" is defined twice", "the first is at "+first.name.pos.String())
			continue
		}
		c.byName[n.text] = d
		c.names = append(c.names, n.text)
		if d.kind == dInput || d.kind == dTarget || d.kind == dOutput || d.kind == dLength {
			// The generated API has one Go name for each.
			key := strings.ToLower(strings.ReplaceAll(n.text, "_", ""))
			if first := ports[key]; first != nil {
				c.errs.Add(n.pos, len(n.text), fmt.Sprintf("%s and %s would be one name in Go", n.text, first.name.text), "the first is at "+first.name.pos.String())
			}
			ports[key] = d
		}
		outputs = outputs || d.kind == dOutput
	}
	if !outputs {
		c.errs.Add(m.name.pos, len(m.name.text), "the model has no output", "add one: output probs = softmax(…)")
	}
}

// word reports a name that is a word of Go or of the language.
func (c *checker) word(n ident) {
	switch {
	case gotoken.IsKeyword(n.text):
		c.errs.Add(n.pos, len(n.text), n.text+" is a word of Go and cannot be a name", "call it "+n.text+"_")
	case n.text == "true" || n.text == "false" || contains(words, n.text):
		c.errs.Add(n.pos, len(n.text), n.text+" is a word of the language and cannot be a name")
	}
}

// declareInside checks the names in the braces of a block.
func (c *checker) declareInside(block *decl) {
	block.body.byName = map[string]*decl{}
	first := map[string]ident{}
	for _, p := range block.params {
		first[p.text] = p
	}
	for _, d := range named(block.body.decls) {
		n := d.name
		if n.text == "_" && d.of != nil {
			continue
		}
		c.word(n)
		if f, twice := first[n.text]; twice {
			c.errs.Add(n.pos, len(n.text), n.text+" is defined twice", "the first is at "+f.pos.String())
			continue
		}
		first[n.text] = n
		block.body.byName[n.text] = d
	}
}

// named lists the declarations, with one for each name where a definition has several, and those of bounded extents behind their ports.
func named(decls []*decl) []*decl {
	var list []*decl
	for _, d := range decls {
		if d.more == nil {
			list = append(list, d)
			for _, x := range d.dims {
				if b, ok := x.(*boundExpr); ok {
					list = append(list, &decl{kind: dLength, name: b.name, value: &badExpr{b.name.pos}})
				}
			}
			continue
		}
		for i, n := range d.names() {
			list = append(list, &decl{kind: d.kind, name: n, of: d, result: i})
		}
	}
	return list
}

// overrides reads the values that replace constants.
func (c *checker) overrides(set map[string]string) {
	var consts []string
	for _, d := range c.model.decls {
		if d.kind == dConst {
			consts = append(consts, d.name.text)
		}
	}
	for _, name := range sortedKeys(set) {
		text := set[name]
		pos := diag.Pos{File: "--set " + name, Line: 1, Col: 1}
		if d := c.byName[name]; d == nil || d.kind != dConst {
			c.errs.Add(diag.Pos{File: "--set " + name}, 0, "the model has no constant "+name, notes(diag.Suggest(name, consts))...)
			continue
		}
		sub := &diag.List{}
		toks, _ := scan(pos.File, []byte(text), sub)
		p := &parser{file: pos.File, toks: toks, errs: sub}
		e := p.expr()
		if p.tok().kind != tEOF {
			p.fail(p.tok(), "expected one value, found "+describe(p.tok()))
		}
		c.errs.Items = append(c.errs.Items, sub.Items...)
		c.set[name] = e
	}
}

// notes is a list of one note, or none where it is empty.
func notes(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func goPackage(s string) bool {
	if s == "" || gotoken.IsKeyword(s) || s == "main" || s[0] == '_' || digit(s[0]) {
		return false
	}
	return strings.ToLower(s) == s
}

func suggestPackage(s string) string {
	s = strings.ToLower(strings.Trim(s, "_"))
	if goPackage(s) {
		return s
	}
	return s + "net"
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// build adds one function to mod. all evaluates every declaration, whether it is used or not.
func (c *checker) build(mod *ir.Module, name string, all bool) {
	c.work, c.steps = c.work+c.steps, 0
	c.checking = all
	f := ir.NewFunc(name, ir.Symbol{Name: "N"})
	mod.Funcs = append(mod.Funcs, f)
	e := &evaluator{c: c, b: &ops.Builder{Module: mod, Func: f, Reuse: true, Training: name == ir.FuncTrain, DefaultInit: c.init}, training: name == ir.FuncTrain,
		done: map[*decl]value{}, lengths: c.lengths(), busy: map[*decl]bool{}, used: map[string]int{}, scopes: map[string]bool{}}
	for _, d := range c.model.decls {
		if d.kind == dInput || d.kind == dTarget && name != ir.FuncInfer {
			e.port(d)
		}
	}
	for _, d := range c.model.decls {
		if d.kind == dParam || d.kind == dBuffer {
			e.definition(d) // used or not, so that the weights hold what the model declares
		}
	}
	if all {
		for _, d := range c.model.decls {
			if d.kind == dDef || d.kind == dConst || d.kind == dOutput {
				e.definition(d)
			}
		}
		e.blocks()
	}
	if name == ir.FuncInfer || all {
		for _, d := range c.model.decls {
			if d.kind == dOutput {
				e.output(d)
			}
		}
	}
	if name != ir.FuncInfer && c.model.train != nil {
		if all {
			f.Results = nil
			c.training()
		}
		e.objective(c.model.train)
	}
}
