package dsl

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// sources are where data comes from; what they mean stands in package runtime, files data_*.go.
var sources = map[string][]ops.AttrDef{
	"mnist": {{Name: "split", Default: "train", Values: []string{"train", "test"}}, {Name: "validation", Default: 0.0}},
	"idx": {{Name: "images", Kind: ""}, {Name: "labels", Kind: ""}, {Name: "validation", Default: 0.0},
		{Name: "test_images", Default: ""}, {Name: "test_labels", Default: ""}},
	"csv": {{Name: "file", Kind: ""}, {Name: "validation", Default: 0.0}, {Name: "test", Default: ""}},
}

// sources are those of the model: columns of csv have an argument named after each input and target.
func (c *checker) sources() map[string][]ops.AttrDef {
	table := maps.Clone(sources)
	for _, d := range c.model.decls {
		taken := slices.ContainsFunc(table["csv"], func(a ops.AttrDef) bool { return a.Name == d.name.text })
		if (d.kind == dInput || d.kind == dTarget) && !taken {
			table["csv"] = append(slices.Clone(table["csv"]), ops.AttrDef{Name: d.name.text, Default: ""})
		}
	}
	return table
}

// steps are what each example goes through.
var steps = map[string][]ops.AttrDef{
	"scale":     {{Name: "factor", Kind: 0.0}},
	"normalize": {{Name: "mean", Kind: []float64{}}, {Name: "std", Kind: []float64{}}},
}

// settings are the lines of a train block; metric may repeat.
var settings = []string{"data", "loss", "metric", "optimizer", "schedule", "penalty", "parameters", "average", "accumulate", "callbacks", "init",
	"batch", "epochs", "seed"}

// setting returns the line of that name, or nil.
func (s *section) setting(name string) *setting {
	for _, st := range s.settings {
		if st.name.text == name {
			return st
		}
	}
	return nil
}

// training checks the train block and returns what is not part of a function.
func (c *checker) training() *ir.Training {
	s := c.model.train
	seen := map[string]bool{}
	for _, st := range s.settings {
		if n := st.name; !slices.Contains(settings, n.text) {
			c.errs.Add(n.pos, len(n.text), "train has no setting "+n.text, notes(diag.Suggest(n.text, settings))...)
		} else if seen[n.text] && n.text != "metric" {
			c.errs.Addf(n.pos, len(n.text), "%s is set twice", n.text)
		}
		seen[st.name.text] = true
	}
	if !seen["loss"] {
		c.errs.Add(s.pos, 5, "train needs a loss", "add a line such as loss = cross_entropy(logits, label)")
	}
	e := &evaluator{c: c, done: map[*decl]value{}, busy: map[*decl]bool{}}
	t := &ir.Training{Batch: 32, Epochs: 10, Seed: 1}
	for name, to := range map[string]*int{"batch": &t.Batch, "epochs": &t.Epochs, "seed": &t.Seed, "accumulate": &t.Accumulate} {
		if st := s.setting(name); st != nil {
			n, ok := e.whole(st.value, name)
			if ok && (n < 1 || n > 1<<24) {
				e.fail(st.value, fmt.Sprintf("%s must be within 1 and %d, not %d", name, 1<<24, n))
			}
			*to = n
		}
	}
	if st := s.setting("data"); st != nil {
		t.Data = e.pipeline(st.value)
	}
	e.learning(s, t)
	return t
}

// pipeline reads source |> step |> step.
func (e *evaluator) pipeline(x expr) []ir.Call {
	var list []ir.Call
	for i, c := range chain(x) {
		what, table := "data step", steps
		if i == 0 {
			what, table = "data source", e.c.sources()
		}
		call, ok := e.oneOf(c, what, table)
		if !ok {
			return nil
		}
		if v, ok := call.Attrs.Get("validation").(float64); ok && !(v >= 0 && v < 1) {
			e.fail(c, "validation is a share of the examples, from 0 to below 1")
		}
		list = append(list, call)
	}
	return list
}

// chain is a pipe as the list of its parts, first to last.
func chain(x expr) []expr {
	var list []expr
	for {
		p, ok := x.(*pipeExpr)
		if !ok {
			break
		}
		list = append(list, p.call)
		x = p.x
	}
	list = append(list, x)
	slices.Reverse(list)
	return list
}

// article puts a or an in front of a word.
func article(word string) string {
	if strings.ContainsRune("aeiou", rune(word[0])) {
		return "an " + word
	}
	return "a " + word
}

// oneOf reads a call of a name in a table.
func (e *evaluator) oneOf(x expr, what string, table map[string][]ops.AttrDef) (ir.Call, bool) {
	var call *callExpr
	switch x := x.(type) {
	case *callExpr:
		call = x
	case *nameRef:
		call = &callExpr{fn: x.ident}
	case *parenExpr:
		return e.oneOf(x.x, what, table)
	default:
		e.fail(x, "expected "+article(what)+", such as "+sortedKeys(table)[0]+"(…)")
		return ir.Call{}, false
	}
	defs, ok := table[call.fn.text]
	if !ok {
		e.fail(call, "no "+what+" is called "+call.fn.text, notes(diag.Suggest(call.fn.text, sortedKeys(table)))...)
		return ir.Call{}, false
	}
	pos, named, ok := e.arguments(call, nil)
	if !ok {
		return ir.Call{}, false
	}
	attrs, ok := e.attributes(call, call.fn.text, defs, pos, named)
	return ir.Call{Name: call.fn.text, Attrs: attrs, Pos: call.fn.pos}, ok
}

// objective appends loss and metrics as the function's results.
func (e *evaluator) objective(s *section) {
	st := s.setting("loss")
	if st == nil {
		return
	}
	loss := e.scalar(st.value, "loss")
	taken := map[string]bool{"loss": true}
	var metrics []ir.Result
	for _, st := range s.settings {
		if st.name.text != "metric" {
			continue
		}
		name := metricName(st.value, taken)
		if v := e.scalar(st.value, "metric"); v != nil {
			metrics = append(metrics, ir.Result{Name: name, Value: v})
		}
	}
	if p := s.setting("penalty"); p != nil && loss != nil {
		loss = e.penalty(p.value, loss)
	}
	if loss == nil {
		return
	}
	e.b.Func.Return("loss", loss)
	e.b.Func.Results = append(e.b.Func.Results, metrics...)
}

// metricName is what a metric is reported as: the operator that is called last, or the definition that is named, with a number where
// that is taken.
func metricName(x expr, taken map[string]bool) string {
	name := "metric"
	for done := false; !done; {
		switch y := x.(type) {
		case *parenExpr:
			x = y.x
			continue
		case *pipeExpr:
			x = y.call
			continue
		case *callExpr:
			name = y.fn.text
		case *nameRef:
			name = y.text
		}
		done = true
	}
	free := name
	for i := 2; taken[free]; i++ {
		free = fmt.Sprintf("%s_%d", name, i)
	}
	taken[free] = true
	return free
}

// scalar evaluates a loss or metric. A metric may also be what some operators give to become a number over all examples.
func (e *evaluator) scalar(x expr, what string) *ir.Value {
	e.scope = what
	v := e.eval(x)
	if v == nil {
		return nil
	}
	t, ok := v.(*ir.Value)
	var from *ops.Operator
	if ok && t.Def != nil {
		from = ops.Lookup(t.Def.Kind)
	}
	switch {
	case from != nil && from.Category == "metric" && what == "loss":
		e.fail(x, from.Name+" is a metric and cannot be the loss: "+from.NoGrad)
		return nil
	case from != nil && from.Metric != nil:
		return t
	case !ok || t.Type.Elem != ir.F32:
		e.fail(x, "the "+what+" must be one number for the batch, f32[], not "+show(v), "cross_entropy and mse give one")
		return nil
	case len(t.Type.Shape) != 0:
		e.fail(x, "the "+what+" must be one number for the batch, f32[], not "+show(v),
			"reduce_mean makes one number of it, and so do losses without reduction=\"none\"")
		return nil
	}
	return t
}

// output evaluates an output and returns it from the function.
func (e *evaluator) output(d *decl) {
	v := e.definition(d)
	if v == nil {
		return
	}
	t, ok := v.(*ir.Value)
	if !ok || len(t.Type.Shape) == 0 || t.Type.Shape[0].Static() {
		e.c.errs.Addf(d.name.pos, len(d.name.text), "output %s must be a tensor with a row for each example, not %s", d.name.text, show(v))
		return
	}
	e.b.Func.Return(d.name.text, t)
}

// blocks finds cycles in blocks that nothing calls; whatever else is wrong in them shows where they are called.
func (e *evaluator) blocks() {
	state := map[*decl]int{}
	var visit func(d *decl)
	var walk func(x expr)
	walk = func(x expr) {
		switch x := x.(type) {
		case *pipeExpr:
			walk(x.x)
			walk(x.call)
		case *callExpr:
			if b := e.c.byName[x.fn.text]; b != nil && b.kind == dBlock {
				if state[b] == 1 {
					e.fail(x, "block "+b.name.text+" contains itself", "blocks are expanded where they are called, so this would never end")
				}
				visit(b)
			}
			for _, a := range x.args {
				walk(a.value)
			}
		case *binaryExpr:
			walk(x.x)
			walk(x.y)
		case *unaryExpr:
			walk(x.x)
		case *parenExpr:
			walk(x.x)
		case *listLit:
			for _, it := range x.items {
				walk(it)
			}
		}
	}
	visit = func(d *decl) {
		if state[d] == 0 {
			state[d] = 1
			if d.body != nil {
				for _, l := range d.body.decls {
					walk(l.value)
				}
			}
			walk(d.value)
			state[d] = 2
		}
	}
	for _, d := range e.c.model.decls {
		if d.kind == dBlock {
			visit(d)
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
