package onnx

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
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

func variadic(kind string) bool {
	o := ops.Lookup(kind)
	return len(o.Args) > 0 && o.Args[0].Variadic
}

// inlined is a literal of one element that may be written as a number where it is used.
func inlined(v *ir.Value, st *step) (string, bool) {
	data := ir.Attrs(st.attrs).Get("data").([]float64)
	if len(v.Type.Shape) != 0 || v.Type.Elem == ir.Bool {
		return "", false
	}
	if math.IsInf(data[0], 0) && v.Type.Elem == ir.F32 {
		return map[bool]string{true: "-log(0)", false: "log(0)"}[data[0] > 0], true
	}
	text, err := numeral(data[0], v.Type.Elem)
	return text, err == nil
}

// numeral writes a number.
func numeral(x float64, e ir.DType) (string, error) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "", fmt.Errorf("the constant %v cannot stand in a source", x)
	}
	if e.Float() {
		return strconv.FormatFloat(x, 'g', -1, 32), nil
	}
	return strconv.FormatInt(int64(x), 10), nil
}

// expr is what stands for a value where it is used.
func (s *source) expr(v *ir.Value) string {
	if t := s.text[v]; t != "" {
		if st := s.steps[v]; st != nil && st.kind == "literal" {
			if strings.HasSuffix(t, "log(0)") {
				return t
			}
			return fmt.Sprintf("literal([%s], shape=[], elem=%q)", t, v.Type.Elem)
		}
		return t
	}
	return s.names[v]
}

// operand is expr, or a number where another operand says its element type.
func (s *source) operand(v *ir.Value, st *step) string {
	if s.steps[v] == nil {
		return s.expr(v)
	}
	o := ops.Lookup(st.kind) // never an alias
	for i := len(st.args) - 1; i >= 0; i-- {
		a := st.args[i]
		if s.steps[a] == nil && a.Type.Elem != ir.Bool {
			if (o.Category == "elementwise" || infix[st.kind] != "") && a.Type.Elem == v.Type.Elem {
				return s.text[v]
			}
			break
		}
	}
	return s.expr(v)
}

// call is an operator applied to its operands, and how many calls it takes.
func (s *source) call(st *step) (string, int, error) {
	if st.kind == "" {
		return s.expr(st.args[0]), 1, nil
	}
	o := ops.Lookup(st.kind)
	if sign := infix[st.kind]; sign != "" && len(st.args) == 2 {
		return fmt.Sprintf("%s %s %s", s.side(st.args[0], st), sign, s.side(st.args[1], st)), 1, nil
	}
	var parts []string
	piped, calls := "", 1
	for i, v := range st.args {
		if v == nil {
			continue
		}
		text := s.operand(v, st)
		if i == 0 && s.text[v] != "" && s.steps[v] == nil {
			piped, calls = text, s.chain[v]+1
			continue
		}
		if i > 0 && o.Layer != nil && i < len(o.Args) {
			text = o.Args[i].Name + "=" + text
		}
		parts = append(parts, text)
	}
	for _, a := range st.attrs {
		text, err := attribute(o, a)
		if err != nil {
			return "", 0, err
		}
		if text != "" {
			parts = append(parts, text)
		}
	}
	call := st.kind
	if len(parts) > 0 || piped == "" {
		call += "(" + strings.Join(parts, ", ") + ")"
	}
	if piped != "" {
		call = piped + " |> " + call
	}
	return call, calls, nil
}

// side is an operand of a sign.
func (s *source) side(v *ir.Value, st *step) string {
	text := s.operand(v, st)
	if strings.HasPrefix(text, "-") || strings.Contains(text, " |> ") {
		return "(" + text + ")"
	}
	return text
}

// attribute writes an attribute, or nothing where it is the default.
func attribute(o *ops.Operator, a ir.Attr) (string, error) {
	full, err := ops.Complete(o.Attrs, withRequired(o, a))
	if err != nil {
		return "", err
	}
	v := full.Get(a.Name)
	if fmt.Sprint(v) == defaultOf(o, a.Name) {
		return "", nil
	}
	var text string
	switch x := v.(type) {
	case []int:
		text = "[" + strings.ReplaceAll(strings.Trim(fmt.Sprint(x), "[]"), " ", ", ") + "]"
		if len(x) == 0 || slices.Min(x) != slices.Max(x) {
			break
		}
		switch a.Name {
		case "pads":
			if x[0] == 0 && o.Name != "crop" {
				return "", nil // no border is what there is without pads
			}
		case "stride", "dilation", "size":
			if text = itoa(x[0]); defaultOf(o, a.Name) == "["+text+"]" {
				return "", nil
			}
		}
	case string:
		text = strconv.Quote(x)
	case float64:
		if text, err = numeral64(x); err != nil {
			return "", err
		}
	case []float64:
		if len(x) > longest {
			return "", fmt.Errorf("a constant of %d elements is too long for a source", len(x))
		}
		list := make([]string, len(x))
		for i := range x {
			if list[i], err = numeral64(x[i]); err != nil {
				return "", err
			}
		}
		text = "[" + strings.Join(list, ", ") + "]"
	default:
		text = fmt.Sprint(x)
	}
	return a.Name + "=" + text, nil
}

// defaultOf is the default of an attribute, printed, and nothing where it has none.
func defaultOf(o *ops.Operator, name string) string {
	for _, d := range o.Attrs {
		if d.Name == name && d.Default != nil {
			return fmt.Sprint(d.Default)
		}
	}
	return ""
}

// withRequired is an attribute with made-up values for those that an operator needs beside it.
func withRequired(o *ops.Operator, a ir.Attr) []ir.Attr {
	list := []ir.Attr{a}
	for _, d := range o.Attrs {
		if d.Default == nil && d.Name != a.Name {
			list = append(list, ir.Attr{Name: d.Name, Value: d.Kind})
		}
	}
	return list
}

// numeral64 writes a number of an attribute: as an f32 where it is one.
func numeral64(x float64) (string, error) {
	if float64(float32(x)) == x {
		return numeral(x, ir.F32)
	}
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "", fmt.Errorf("the constant %v cannot stand in a source", x)
	}
	return strconv.FormatFloat(x, 'g', -1, 64), nil
}
