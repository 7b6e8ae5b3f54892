package dsl

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// schedules say how the learning rate changes; package runtime, schedule.go, has their formulas. Each but the last of a chain says how
// long it lasts.
var schedules = map[string][]ops.AttrDef{
	"constant":        lasting(),
	"step":            lasting(ops.AttrDef{Name: "every", Kind: 0}, ops.AttrDef{Name: "factor", Default: 0.1}, by("epoch")),
	"multi_step":      lasting(ops.AttrDef{Name: "milestones", Kind: []int{}}, ops.AttrDef{Name: "factor", Default: 0.1}, by("epoch")),
	"exponential":     lasting(ops.AttrDef{Name: "factor", Kind: 0.0}, by("epoch")),
	"polynomial":      lasting(ops.AttrDef{Name: "power", Default: 1.0}, ops.AttrDef{Name: "min", Default: 0.0}, by("step")),
	"inverse_time":    lasting(ops.AttrDef{Name: "rate", Kind: 0.0}, ops.AttrDef{Name: "every", Default: 1}, by("step")),
	"cosine":          lasting(ops.AttrDef{Name: "min", Default: 0.0}, by("step")),
	"cosine_restarts": lasting(ops.AttrDef{Name: "period", Kind: 0}, ops.AttrDef{Name: "multiplier", Default: 1}, ops.AttrDef{Name: "min", Default: 0.0}, by("epoch")),
	"warmup":          {{Name: "steps", Default: 0}, {Name: "epochs", Default: 0}, {Name: "start", Default: 0.0}},
	"cyclic": lasting(ops.AttrDef{Name: "max", Kind: 0.0}, ops.AttrDef{Name: "up", Kind: 0}, ops.AttrDef{Name: "down", Default: 0},
		ops.AttrDef{Name: "mode", Default: "triangular", Values: []string{"triangular", "triangular2", "exp_range"}}, ops.AttrDef{Name: "factor", Default: 1.0},
		ops.AttrDef{Name: "cycle_momentum", Default: true}, ops.AttrDef{Name: "base_momentum", Default: 0.8}, ops.AttrDef{Name: "max_momentum", Default: 0.9}),
	"one_cycle": lasting(ops.AttrDef{Name: "rise", Default: 0.3}, ops.AttrDef{Name: "div", Default: 25.0}, ops.AttrDef{Name: "final_div", Default: 1e4},
		ops.AttrDef{Name: "anneal", Default: "cosine", Values: []string{"cosine", "linear"}}, ops.AttrDef{Name: "three_phase", Default: false},
		ops.AttrDef{Name: "cycle_momentum", Default: true}, ops.AttrDef{Name: "base_momentum", Default: 0.85}, ops.AttrDef{Name: "max_momentum", Default: 0.95}),
	"reduce_on_plateau": lasting(monitor, ops.AttrDef{Name: "factor", Default: 0.1}, ops.AttrDef{Name: "patience", Default: 10},
		ops.AttrDef{Name: "threshold", Default: 1e-4}, ops.AttrDef{Name: "threshold_mode", Default: "rel", Values: []string{"rel", "abs"}},
		ops.AttrDef{Name: "cooldown", Default: 0}, ops.AttrDef{Name: "min_lr", Default: 0.0}, mode),
}

// lasting appends how long a schedule lasts: 0 of both is to the end of the training.
func lasting(own ...ops.AttrDef) []ops.AttrDef {
	return append(own, ops.AttrDef{Name: "steps", Default: 0}, ops.AttrDef{Name: "epochs", Default: 0})
}

// by is the clock of a schedule.
func by(otherwise string) ops.AttrDef {
	return ops.AttrDef{Name: "by", Default: otherwise, Values: []string{"epoch", "step"}}
}

// What a schedule or a callback watches, and whether less or more of it is better.
var (
	monitor = ops.AttrDef{Name: "monitor", Default: "val_loss"}
	mode    = ops.AttrDef{Name: "mode", Default: "auto", Values: []string{"auto", "min", "max"}}
)

// rules say how parameters are treated whose names fit a pattern; package ir, train.go, reads them.
var rules = map[string][]ops.AttrDef{
	"rate":     {{Name: "pattern", Kind: ""}, {Name: "factor", Kind: 0.0}},
	"freeze":   {{Name: "pattern", Kind: ""}},
	"decay":    {{Name: "pattern", Kind: ""}, {Name: "factor", Kind: 0.0}},
	"max_norm": {{Name: "pattern", Kind: ""}, {Name: "limit", Default: 3.0}},
}

// averages are the moving averages of weights; their attributes are those of operator average.
var averages = map[string][]ops.AttrDef{"ema": {{Name: "decay", Default: 0.999}}}

// callbacks are what happens after an epoch; package runtime, callbacks.go, has their code.
var callbacks = map[string][]ops.AttrDef{
	"early_stopping": {monitor, {Name: "patience", Default: 10}, {Name: "min_delta", Default: 0.0}, mode, {Name: "restore", Default: true}},
	"best":           {monitor, mode, {Name: "file", Default: ""}},
	"last":           {{Name: "file", Default: ""}},
	"csv":            {{Name: "file", Default: ""}},
	"jsonl":          {{Name: "file", Default: ""}},
	"tensorboard":    {{Name: "folder", Default: ""}},
}

// penalties are what is added to the loss for the size of weights: attributes of penalties and the operator whose sum each multiplies.
var penalties = map[string][]struct{ attr, op string }{
	"l1":      {{"factor", "abs"}},
	"l2":      {{"factor", "square"}},
	"elastic": {{"l1", "abs"}, {"l2", "square"}},
}

// learning reads the settings that say how the model learns.
func (e *evaluator) learning(s *section, t *ir.Training) {
	t.Optimizer = e.optimizer(s, s.setting("optimizer"))
	if st := s.setting("schedule"); st != nil {
		t.Schedule = e.schedule(st.value)
		cycles := slices.ContainsFunc(t.Schedule, func(c ir.Call) bool { return c.Attrs.Get("cycle_momentum") == true })
		if o := ops.Lookup(t.Optimizer.Name); o != nil && cycles {
			t.Optimizer.Attrs = o.Cycle(t.Optimizer.Attrs)
		}
	}
	list := func(name, what string, table map[string][]ops.AttrDef, most int) (calls []ir.Call) {
		st := s.setting(name)
		if st == nil {
			return nil
		}
		for i, x := range items(st.value) {
			if i >= most {
				e.fail(x, fmt.Sprintf("%s takes one %s", name, what))
				break
			}
			if c, ok := e.oneOf(x, what, table); ok {
				e.checkRule(x, c)
				calls = append(calls, c)
			}
		}
		return calls
	}
	t.Rules = list("parameters", "rule for parameters", rules, 1000)
	t.Average = list("average", "average", averages, 1)
	t.Callbacks = list("callbacks", "callback", callbacks, 100)
}

// items is a list, or one thing.
func items(x expr) []expr {
	if l, ok := x.(*listLit); ok {
		return l.items
	}
	return []expr{x}
}

// checkRule refuses numbers and patterns that mean nothing.
func (e *evaluator) checkRule(x expr, c ir.Call) {
	if p, ok := c.Attrs.Get("pattern").(string); ok {
		if _, err := path.Match(p, ""); err != nil {
			e.fail(x, fmt.Sprintf("%q is no pattern", p), "* stands for any characters, ? for one, [ab] for one of several")
		}
	}
	for _, a := range c.Attrs {
		v, ok := a.Value.(float64)
		switch {
		case !ok:
		case c.Name == "decay" && !(v >= 0 && v < 1):
			e.fail(x, fmt.Sprintf("the decay of weights must be from 0 up to but not 1, not %v", v))
		case (c.Name == "rate" || c.Name == "max_norm") && !(v > 0 && v < 1e30):
			e.fail(x, fmt.Sprintf("the %s of %s must be above 0, not %v", a.Name, c.Name, v), "freeze(pattern) leaves parameters as they are")
		case c.Name == "ema" && !(v >= 0 && float32(v) < 1):
			e.fail(x, fmt.Sprintf("the decay of ema must be from 0 up to but not 1, not %v", v), "0.999 is usual")
		}
	}
}

// optimizer reads the optimizer with its learning rate, which the operator itself does not have.
func (e *evaluator) optimizer(s *section, st *setting) ir.Call {
	table := map[string][]ops.AttrDef{}
	for _, o := range ops.All() {
		if o.Category == "optimizer" {
			table[o.Name] = o.Settings()
		}
	}
	if st == nil {
		full, _ := ops.Complete(table["sgd"], nil)
		return ir.Call{Name: "sgd", Attrs: full, Pos: s.pos}
	}
	call, ok := e.oneOf(st.value, "optimizer", table)
	if !ok {
		return call
	}
	if lr := call.Attrs.Float("lr"); !(lr > 0) {
		e.fail(st.value, "lr must be above 0")
	}
	if _, err := ops.Lookup(call.Name).Infer(nil, call.Attrs); err != nil {
		e.refuse(st.value, err)
	}
	return call
}

// schedule reads schedules that follow one another.
func (e *evaluator) schedule(x expr) []ir.Call {
	var list []ir.Call
	parts := chain(x)
	for i, p := range parts {
		c, ok := e.oneOf(p, "schedule", schedules)
		if !ok {
			return nil
		}
		steps, epochs := c.Attrs.Int("steps"), c.Attrs.Int("epochs")
		switch {
		case steps < 0 || epochs < 0 || steps > 0 && epochs > 0:
			e.fail(p, c.Name+" lasts some steps or some epochs, not both")
		case steps+epochs == 0 && c.Name == "warmup":
			e.fail(p, "warmup must say how long it lasts", "write warmup(500) for steps, or warmup(epochs=2)")
		case steps+epochs == 0 && i < len(parts)-1:
			e.fail(p, c.Name+" must say how long it lasts, since another schedule follows", "write steps=… or epochs=…")
		}
		list = append(list, c)
	}
	if len(list) == 1 && list[0].Name == "constant" {
		return nil
	}
	return list
}

// penalty adds what the penalties say of every trainable weight that the function reads and whose name fits.
func (e *evaluator) penalty(x expr, loss *ir.Value) *ir.Value {
	table := map[string][]ops.AttrDef{}
	for n, terms := range penalties {
		for _, t := range terms {
			table[n] = append(table[n], ops.AttrDef{Name: t.attr, Kind: 0.0})
		}
		table[n] = append(table[n], ops.AttrDef{Name: "pattern", Default: "*weight"})
	}
	for _, p := range items(x) {
		call, ok := e.oneOf(p, "penalty", table)
		if !ok {
			return nil
		}
		e.checkRule(p, call)
		for _, t := range penalties[call.Name] {
			sum, ok := e.sumOver(p, t.op, call.Attrs.Str("pattern"))
			if !ok {
				return nil
			}
			factor := call.Attrs.Float(t.attr)
			if sum == nil || factor == 0 {
				continue
			}
			scaled, ok := e.op(p, "mul", []*ir.Value{sum, e.tensor(p, factor, ir.F32)}).(*ir.Value)
			if !ok {
				return nil
			}
			if loss, ok = e.op(p, "add", []*ir.Value{loss, scaled}).(*ir.Value); !ok {
				return nil
			}
		}
	}
	return loss
}

// sumOver sums an operator's results over all elements of the parameters that fit; nil where none does.
func (e *evaluator) sumOver(x expr, op, pattern string) (sum *ir.Value, ok bool) {
	for _, w := range e.b.Func.Params() {
		if !w.Param.Trainable || e.c.train.Frozen(w.Name) || !ir.Fits(pattern, w.Name) {
			continue
		}
		v, ok := e.op(x, op, []*ir.Value{w}).(*ir.Value)
		if !ok {
			return nil, false
		}
		axes := make([]int, len(w.Type.Shape))
		for i := range axes {
			axes[i] = i
		}
		if v, ok = e.op(x, "reduce_sum", []*ir.Value{v}, ir.Attr{Name: "axes", Value: axes}).(*ir.Value); !ok {
			return nil, false
		}
		if sum == nil {
			sum = v
		} else if sum, ok = e.op(x, "add", []*ir.Value{sum, v}).(*ir.Value); !ok {
			return nil, false
		}
	}
	return sum, true
}

// treat freezes the parameters that the rules name, and reports rules that fit none.
func (c *checker) treat(m *ir.Module) {
	for _, p := range m.Params {
		if p.Trainable && m.Train.Frozen(p.Name) {
			p.Trainable = false
		}
	}
	for _, r := range m.Train.Rules {
		pattern, fits := r.Attrs.Str("pattern"), 0
		var names []string
		for _, p := range m.Params {
			if ir.Fits(pattern, p.Name) {
				fits++
			}
			names = append(names, p.Name)
		}
		if fits == 0 {
			note := "the model has no parameters"
			if len(names) > 0 {
				note = "there are " + strings.Join(names[:min(6, len(names))], ", ")
			}
			c.errs.Add(r.Pos, len(r.Name), fmt.Sprintf("no parameter has a name that fits %q", pattern), note)
		}
	}
}
