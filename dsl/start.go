package dsl

import (
	"slices"

	"github.com/dlc-ml/dlc/ir/ops"
)

// starting are the arguments by which any layer says how its parameters start.
type starting struct {
	init, bias     *ops.Start
	atInit, atBias expr
}

// starting takes init and bias_init out of the arguments of a layer that has no such attributes itself. Their values are initializers, which
// are nothing elsewhere, so they are read before the others are evaluated.
func (e *evaluator) starting(x *callExpr, o *ops.Operator) (s starting, rest *callExpr, ok bool) {
	rest, ok = x, true
	if o.Layer == nil {
		return
	}
	own := func(name string) bool {
		return slices.ContainsFunc(o.Layer.Attrs, func(d ops.AttrDef) bool { return d.Name == name })
	}
	var args []arg
	for _, a := range x.args {
		name := a.name.text
		if name != "init" && name != "bias_init" || own(name) {
			args = append(args, a)
			continue
		}
		start := e.initializer(a.value)
		ok = ok && start != nil
		if name == "init" {
			s.init, s.atInit = start, a.value
		} else {
			s.bias, s.atBias = start, a.value
		}
	}
	if len(args) < len(x.args) {
		less := *x
		less.args = args
		rest = &less
	}
	return
}

// initializer reads how a parameter starts: a call such as normal(0.02), a name, or a word that holds a name. It is nil after an error.
func (e *evaluator) initializer(x expr) *ops.Start {
	switch y := x.(type) {
	case *stringLit:
		x = &nameRef{ident{text: y.text, pos: y.pos}}
	case *nameRef:
		// A parameter of a block or a constant may hold the name.
		if word, ok := e.word(y.text); ok {
			x = &nameRef{ident{text: word, pos: y.pos}}
		}
	}
	table := map[string][]ops.AttrDef{}
	for _, i := range ops.Initializers {
		table[i.Name] = i.Attrs
	}
	c, ok := e.oneOf(x, "initializer", table)
	if !ok {
		return nil
	}
	i := slices.IndexFunc(ops.Initializers, func(i *ops.Initializer) bool { return i.Name == c.Name })
	return &ops.Start{Initializer: ops.Initializers[i], Attrs: c.Attrs}
}

// use has the layer that is built next start its parameters so.
func (s starting) use(b *ops.Builder) {
	b.Init, b.BiasInit, b.InitUsed, b.BiasInitUsed = s.init, s.bias, false, false
}

// done ends that, and reports what the layer had no use for.
func (s starting) done(e *evaluator, layer string) {
	b := e.b
	if s.init != nil && !b.InitUsed {
		e.fail(s.atInit, layer+" has no weights that start at random, so it takes no init")
	}
	if s.bias != nil && !b.BiasInitUsed {
		e.fail(s.atBias, layer+" has no bias here, so it takes no bias_init")
	}
	b.Init, b.BiasInit = nil, nil
}

// unused reports the arguments where a call makes no parameters.
func (s starting) unused(e *evaluator, what string) {
	for name, at := range map[string]expr{"init": s.atInit, "bias_init": s.atBias} {
		if at != nil {
			e.fail(at, what+" makes no parameters here, so it takes no "+name, "param NAME: … = "+text(at, pipeLevel)+" starts a tensor so")
		}
	}
}

// defaultInit reads the train block's init.
func (e *evaluator) defaultInit(s *section) *ops.Start {
	if s == nil {
		return nil
	}
	st := s.setting("init")
	if st == nil {
		return nil
	}
	return e.initializer(st.value)
}

// word returns the word that a name stands for: a parameter of the block being expanded, or a constant.
func (e *evaluator) word(name string) (string, bool) {
	var v value
	if e.env != nil {
		v = e.env.vars[name]
	}
	if d := e.c.byName[name]; v == nil && d != nil && d.kind == dConst {
		v = e.definition(d)
	}
	s, ok := v.(string)
	return s, ok
}
