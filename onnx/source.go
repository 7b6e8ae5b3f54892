package onnx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dlc-ml/dlc/ir"
)

// step is one operator as the rows apply it, before it expands into others.
type step struct {
	kind    string
	args    []*ir.Value
	attrs   []ir.Attr
	results []*ir.Value
}

// longest is how many numbers a literal of a source has at most.
const longest = 4096

// source prints an import as a model of the language.
type source struct {
	imp   *Import
	names map[*ir.Value]string
	taken map[string]bool
	// reserved are the names of what nodes make. What they make on the way gets others.
	reserved map[string]bool
	uses     map[*ir.Value]int
	all      []step               // those that a result needs
	steps    map[*ir.Value]*step  // by first result
	text     map[*ir.Value]string // expressions that stand where they are used
	chain    map[*ir.Value]int    // how many calls such an expression has
	lines    []string
	plain    []*step              // all but literals that stand where they are used
	blocks   map[*step]occurrence // the pieces that come several times, by their first steps
	found    []*repeat
	inside   bool   // it prints the inside of a block
	next     string // the output whose turn it is: their order stays
	given    int    // how many outputs are printed
}

// advance goes on to the next output.
func (s *source) advance() {
	s.given++
	s.next = ""
	if list := s.imp.Module.Func(ir.FuncInfer).Results; s.given < len(list) {
		s.next = list[s.given].Name
	}
}

// Source is the model in the language, without its weights, which go by the names of its parameters. It needs the first axis of inputs and outputs to be the
// batch; the error says what else the language cannot say.
//
// Pieces that come several times become blocks, and their parameters get the names that they have then, in the module and the weights too.
func (imp *Import) Source(head string) (string, error) { return imp.source(head, !imp.keep) }

func (imp *Import) source(head string, blocks bool) (string, error) {
	s := &source{imp: imp, names: map[*ir.Value]string{}, taken: map[string]bool{}, reserved: map[string]bool{}, uses: map[*ir.Value]int{}, steps: map[*ir.Value]*step{},
		text: map[*ir.Value]string{}, chain: map[*ir.Value]int{}, blocks: map[*step]occurrence{}}
	f := imp.Module.Func(ir.FuncInfer)
	for _, v := range f.Inputs {
		if !hasBatch(v) {
			return "", fmt.Errorf("the first axis of input %s is no batch, which every input of a source has", v.Name)
		}
		s.names[v] = s.fresh(v.Name)
		s.line("input %s: %s", s.names[v], behindBatch(v.Type))
	}
	for _, r := range f.Results {
		s.taken[r.Name] = true
		s.uses[r.Value] += 2 // a result has a name
	}
	for _, name := range imp.names {
		s.reserved[name] = true
	}
	var live []step
	for _, st := range slices.Backward(imp.steps) {
		if slices.ContainsFunc(st.results, func(v *ir.Value) bool { return s.uses[v] > 0 }) {
			live = append(live, st)
			for _, a := range st.args {
				s.uses[a]++
			}
		}
	}
	slices.Reverse(live)
	s.all = live
	for _, p := range imp.Module.Params {
		s.taken[p.Name] = true
	}
	if blocks {
		s.repeats()
	}
	if err := s.parameters(); err != nil {
		return "", err
	}
	for _, r := range s.found {
		if err := s.declare(r); err != nil {
			return "", err
		}
	}
	outputs := map[*ir.Value]string{}
	for _, r := range f.Results {
		if outputs[r.Value] == "" {
			outputs[r.Value] = r.Name
		}
	}
	s.given--
	s.advance()
	for i := 0; i < len(s.all); {
		n, err := s.piece(i, outputs)
		if err != nil {
			return "", err
		}
		i += n
	}
	for _, r := range f.Results {
		if s.names[r.Value] != r.Name {
			s.line("output %s = %s", r.Name, s.expr(r.Value))
		}
	}
	return head + "model " + imp.Module.Name + " {\n    " + strings.Join(s.lines, "\n    ") + "\n}\n", nil
}

func (s *source) line(format string, args ...any) {
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

// behindBatch is the type of one example.
func behindBatch(t ir.Type) string { return ir.T(t.Elem, t.Shape[1:]).String() }

// fresh is a name that nothing has.
func (s *source) fresh(name string) string {
	return freshIn(s.taken, identifier(name))
}

// nameOf is a name for v that nothing has: that of the file, where it has one.
func (s *source) nameOf(v *ir.Value) string {
	if s.inside { // where the names of the file, which are of one time, would mislead
		return freshIn(s.taken, "y")
	}
	if name := s.imp.names[v]; name != "" {
		return s.fresh(name)
	}
	name := identifier(v.Name)
	free := name
	for i := 2; s.taken[free] || s.reserved[free]; i++ {
		free = name + "_" + itoa(i)
	}
	s.taken[free] = true
	return free
}

// parameters declares those that no block has.
func (s *source) parameters() error {
	within := map[*ir.Param]bool{}
	for _, r := range s.found {
		for _, sl := range r.slots {
			for _, p := range sl.params {
				within[p] = true
			}
		}
	}
	for _, p := range s.imp.Module.Params {
		if within[p] {
			continue
		}
		if identifier(p.Name) != p.Name {
			return fmt.Errorf("the name %s cannot stand in a source", p.Name)
		}
		s.names[s.imp.Module.Func(ir.FuncInfer).ParamValue(p)] = p.Name
		kind := "param "
		if !p.Trainable {
			kind = "buffer"
		}
		s.line("%s %s: %s", kind, p.Name, p.Type)
	}
	return nil
}

// piece prints the step at i, or the call of the block that starts there, and returns how many steps that is.
func (s *source) piece(i int, outputs map[*ir.Value]string) (int, error) {
	t, ok := s.blocks[&s.all[i]]
	if !ok {
		return 1, s.step(&s.all[i], outputs)
	}
	text, y := s.use(t)
	s.define(y, text, outputs)
	t.settle(s.imp, s.names[y])
	n, left := 0, t.r.length
	for ; left > 0; n++ {
		if s.steps[s.all[i+n].results[0]] == nil {
			left--
		}
	}
	return n, nil
}

// define prints the definition of a value, or the output that it is.
func (s *source) define(y *ir.Value, text string, outputs map[*ir.Value]string) {
	if name := outputs[y]; name != "" && name == s.next {
		s.names[y] = name
		s.advance()
		s.line("output %s = %s", name, text)
		return
	}
	s.names[y] = s.nameOf(y)
	s.line("%s = %s", s.names[y], text)
}

// infix are the operators that have a sign.
var infix = map[string]string{"add": "+", "sub": "-", "mul": "*", "div": "/"}

// step prints one operator, or keeps its expression for where it is used.
func (s *source) step(st *step, outputs map[*ir.Value]string) error {
	y := st.results[0]
	if st.kind == "literal" {
		if text, ok := inlined(y, st); ok {
			s.text[y] = text
			s.steps[y] = st
			return nil
		}
	}
	text, calls, err := s.call(st)
	if err != nil {
		return err
	}
	used := 0
	for _, v := range st.results {
		if s.uses[v] > 0 {
			used++
		}
	}
	if used == 0 {
		return nil
	}
	if own := s.imp.keep && s.imp.names[y] != ""; !own && used == 1 && s.uses[y] == 1 && len(st.results) == 1 && infix[st.kind] == "" && calls < 4 && st.kind != "literal" && s.pipedInto(y) {
		s.text[y], s.chain[y] = text, calls
		return nil
	}
	var names []string
	for _, v := range st.results {
		switch name := outputs[v]; {
		case s.uses[v] == 0:
			names = append(names, "_")
			continue
		case name != "" && len(st.results) == 1 && name == s.next:
			s.define(v, text, outputs)
			return nil
		default:
			s.names[v] = s.nameOf(v)
			names = append(names, s.names[v])
		}
	}
	s.line("%s = %s", strings.Join(names, ", "), text)
	return nil
}

// pipedInto reports whether the one use of v is as the first operand of a call.
func (s *source) pipedInto(v *ir.Value) bool {
	for i := range s.all {
		if st := &s.all[i]; slices.Contains(st.args, v) {
			return st.args[0] == v && st.kind != "" && infix[st.kind] == "" && len(st.args) > 0 && !variadic(st.kind)
		}
	}
	return false
}
