package codegen

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/ir/ops"
	"github.com/dlc-ml/dlc/passes/pass"
)

// port is an input, target or output of the model.
type port struct {
	Name    string // of the source
	Go      string // of the accessor
	Elem    ir.DType
	Shape   []int // of one example
	Elems   int
	Classes int   // of an i32 target
	Ignored []int // labels beside the classes, which losses and metrics leave out
	Bound   int   // of an input of lengths: the greatest
	Lengths int   // of what one measures: its number among the inputs, from 1
	Measure *port // that input
	buffers map[string]int
}

// GoElem is the Go type of one element.
func (p port) GoElem() string {
	if p.Elem.Cell() == ir.I32 {
		return "int32"
	}
	return "float32"
}

// Below bounds the whole numbers of samples, which go from 0 up; 0 for floats.
func (p port) Below() int {
	switch {
	case p.Elem.Float():
		return 0
	case p.Elem == ir.Bool:
		return 2
	}
	return 3
}

// Held says how a narrow type lies in the slices of the API; "" for those that are what their Go type is.
func (p port) Held() string {
	switch p.Elem {
	case ir.F16, ir.BF16:
		return "numbers that are rounded to " + p.Elem.String()
	case ir.Bool:
		return "0 and 1"
	case ir.I8, ir.U8:
		low, high := p.Elem.Range()
		return fmt.Sprintf("%v to %v", low, high)
	case ir.I64:
		return "what fits 32 bits"
	}
	return ""
}

// Scalar reports whether an example has one element.
func (p port) Scalar() bool { return len(p.Shape) == 0 }

// Type is the type of one example as text: "f32[28,28,1]".
func (p port) Type() string {
	t := ir.T(p.Elem, ir.S(p.Shape...)).String()
	if p.Measure != nil {
		return strings.Replace(t, "[", "["+p.Measure.Name+"<=", 1)
	}
	return t
}

// Row is how many elements one step has.
func (p port) Row() int { return p.Elems / max(1, p.Shape[0]) }

// newPort describes a value whose first dimension is the batch, where it has one.
func newPort(name string, t ir.Type) port {
	p := port{Name: name, Go: portName(name), Elem: t.Elem, Elems: 1, buffers: map[string]int{"infer": -1, "eval": -1, "train": -1}}
	for i, d := range t.Shape {
		if i == 0 && !d.Static() {
			if d.Size == 1 {
				continue
			}
		}
		p.Shape = append(p.Shape, d.Size)
		p.Elems *= d.Size
	}
	return p
}

// Single reports whether the model has no batch: it takes one example a call.
func (g *generator) Single() bool {
	infer := g.unit.Module.Func(ir.FuncInfer)
	fixed := func(v *ir.Value) bool { return len(v.Type.Shape) == 0 || v.Type.Shape[0].Static() }
	return !slices.ContainsFunc(infer.Inputs, func(v *ir.Value) bool { return !fixed(v) }) &&
		!slices.ContainsFunc(infer.Results, func(r ir.Result) bool { return !fixed(r.Value) })
}

// ports collects what the model reads and gives, from its functions and their programs.
func (g *generator) ports() {
	infer := g.unit.Module.Func(ir.FuncInfer)
	for _, v := range infer.Inputs {
		g.Inputs = append(g.Inputs, newPort(v.Name, v.Type))
	}
	for _, r := range infer.Results {
		g.Outputs = append(g.Outputs, newPort(r.Name, r.Value.Type))
	}
	if eval := g.unit.Module.Func(ir.FuncEval); eval != nil {
		for _, v := range eval.Inputs {
			if find(g.Inputs, v.Name) == nil {
				t := newPort(v.Name, v.Type)
				t.Classes, t.Ignored = classes(eval, v)
				g.Targets = append(g.Targets, t)
			}
		}
		for _, r := range eval.Results {
			g.Results = append(g.Results, r.Name)
		}
		g.Metrics = metrics(eval)
	}
	g.lengths()
	for _, p := range g.programs {
		for _, b := range p.fn.Buffers {
			if b.Space != loop.Input {
				continue
			}
			if q := find(g.Inputs, b.Name); q != nil {
				q.buffers[p.name] = p.base(b)
			} else if q := find(g.Targets, b.Name); q != nil {
				q.buffers[p.name] = p.base(b)
			}
		}
		if p.name == ir.FuncInfer {
			for i, b := range p.results() {
				g.Outputs[i].buffers[p.name] = p.base(b)
			}
		}
	}
}

// lengths marks the inputs of lengths, and what they measure.
func (g *generator) lengths() {
	for _, l := range g.unit.Module.Lengths {
		at := slices.IndexFunc(g.Inputs, func(p port) bool { return p.Name == l.Name })
		if at < 0 {
			continue
		}
		g.Inputs[at].Bound = l.Max
		for _, name := range l.Of {
			p := find(g.Inputs, name)
			if p == nil {
				p = find(g.Targets, name)
			}
			if p != nil {
				p.Lengths, p.Measure = at+1, &g.Inputs[at]
			}
		}
	}
}

// Fed lists the inputs that a caller gives, without those of lengths, which follow.
func (g *generator) Fed() []port {
	return slices.DeleteFunc(slices.Clone(g.Inputs), func(p port) bool { return p.Bound > 0 })
}

// Whole reports whether any input takes a whole example only, so that Predict checks its length.
func (g *generator) Whole() bool {
	return slices.ContainsFunc(g.Inputs, func(p port) bool { return p.Bound == 0 && p.Measure == nil })
}

func find(list []port, name string) *port {
	for i := range list {
		if list[i].Name == name {
			return &list[i]
		}
	}
	return nil
}

// table returns the declaration of the model's description.
func (g *generator) table() string {
	m := g.unit.Module
	dict := jen.Dict{
		jen.Id("name"):    jen.Lit(m.Name),
		jen.Id("source"):  jen.Lit(g.opt.Source),
		jen.Id("arena"):   jen.Lit(g.unit.ArenaLen),
		jen.Id("trained"): jen.Lit(g.unit.Trainable),
		jen.Id("params"):  jen.Index().Id("paramInfo").ValuesFunc(g.paramRows),
		jen.Id("inputs"):  portRows(g.Inputs),
		jen.Id("targets"): portRows(g.Targets),
		jen.Id("outputs"): portRows(g.Outputs),
		jen.Id("infer"):   jen.Op("&").Id("inferProgram"),
	}
	if g.Single() {
		dict[jen.Id("single")] = jen.Lit(true)
	}
	if g.Trains() {
		dict[jen.Id("eval")] = jen.Op("&").Id("evalProgram")
		dict[jen.Id("train")] = jen.Op("&").Id("trainProgram")
		if g.Source[ir.FuncUpdate] != "" {
			dict[jen.Id("update")] = jen.Op("&").Id("updateProgram")
		}
		dict[jen.Id("states")] = words(g.states)
		dict[jen.Id("results")] = words(g.Results)
		if g.Metrics != nil {
			dict[jen.Id("metrics")] = metricRows(g.Metrics)
		}
		dict[jen.Id("recipe")] = recipe(m.Train)
	}
	return jen.Comment("model describes the model to the support code in the dlc_ files.").Line().
		Var().Id("model").Op("=").Id("modelInfo").Values(dict).GoString()
}

// running are the parameters that operators keep up in place.
func running(m *ir.Module) map[*ir.Param]bool {
	set := map[*ir.Param]bool{}
	for _, f := range m.Funcs {
		for _, op := range f.Ops {
			if o := ops.Lookup(op.Kind); o != nil {
				for _, i := range o.Updates {
					set[op.Args[i].Param] = true
				}
			}
		}
	}
	return set
}

func (g *generator) paramRows(rows *jen.Group) {
	running := running(g.unit.Module)
	for _, pl := range g.unit.Places {
		p := pl.Param
		row := jen.Dict{
			jen.Id("name"):      jen.Lit(p.Name),
			jen.Id("shape"):     numbers(sizes(p.Type.Shape)),
			jen.Id("strides"):   numbers(g.strides(pl)),
			jen.Id("offset"):    jen.Lit(pl.Offset),
			jen.Id("init"):      jen.Lit(p.Init.Kind),
			jen.Id("scale"):     jen.Lit(p.Init.Scale),
			jen.Id("mean"):      jen.Lit(p.Init.Mean),
			jen.Id("trainable"): jen.Lit(p.Trainable),
		}
		if p.Type.Elem != ir.F32 {
			row[jen.Id("elem")] = jen.Lit(p.Type.Elem.String())
		}
		if pl.Panel > 0 {
			row[jen.Id("panel")] = jen.Lit(pl.Panel)
		}
		if running[p] {
			row[jen.Id("running")] = jen.Lit(true)
		}
		rows.Line().Values(row)
	}
	rows.Line()
}

// strides returns how a parameter lies in the arena.
func (g *generator) strides(pl pass.Place) []int {
	for _, p := range g.programs {
		if b := p.fn.Buffer(pl.Param.Name); b != nil && b.Space == loop.Weight {
			return b.Strides
		}
	}
	return loop.RowMajor(pl.Param.Type.Shape)
}

func portRows(ports []port) *jen.Statement {
	return jen.Index().Id("portInfo").ValuesFunc(func(rows *jen.Group) {
		for _, p := range ports {
			row := jen.Dict{
				jen.Id("name"):    jen.Lit(p.Name),
				jen.Id("elem"):    jen.Lit(p.Elem.String()),
				jen.Id("shape"):   numbers(p.Shape),
				jen.Id("classes"): jen.Lit(p.Classes),
				jen.Id("bound"):   jen.Lit(p.Bound),
				jen.Id("lengths"): jen.Lit(p.Lengths),
				jen.Id("infer"):   jen.Lit(p.buffers["infer"]),
				jen.Id("eval"):    jen.Lit(p.buffers["eval"]),
				jen.Id("train"):   jen.Lit(p.buffers["train"]),
			}
			if len(p.Ignored) > 0 {
				row[jen.Id("ignored")] = ignored(p.Ignored)
			}
			rows.Values(row)
		}
	})
}

// recipe is the train block.
func recipe(t *ir.Training) *jen.Statement {
	list := func(calls []ir.Call) *jen.Statement {
		return jen.Index().Id("call").ValuesFunc(func(rows *jen.Group) {
			for _, c := range calls {
				rows.Line().Add(callRow(c))
			}
			if len(calls) > 0 {
				rows.Line()
			}
		})
	}
	return jen.Id("recipe").Values(jen.Dict{
		jen.Id("batch"):      jen.Lit(t.Batch),
		jen.Id("epochs"):     jen.Lit(t.Epochs),
		jen.Id("seed"):       jen.Lit(t.Seed),
		jen.Id("accumulate"): jen.Lit(t.Accumulate),
		jen.Id("optimizer"):  jen.Id("call").Add(callRow(t.Optimizer)),
		jen.Id("schedule"):   list(t.Schedule),
		jen.Id("data"):       list(t.Data),
		jen.Id("rules"):      list(t.Rules),
		jen.Id("average"):    list(t.Average),
		jen.Id("callbacks"):  list(t.Callbacks),
	})
}

func callRow(c ir.Call) *jen.Statement {
	return jen.Values(jen.Dict{
		jen.Id("name"): jen.Lit(c.Name),
		jen.Id("args"): arguments(c.Attrs),
	})
}

// arguments are attributes by name, sorted.
func arguments(list ir.Attrs) *jen.Statement {
	attrs := append(ir.Attrs(nil), list...)
	sort.SliceStable(attrs, func(i, j int) bool { return attrs[i].Name < attrs[j].Name })
	args := jen.Dict{}
	for _, a := range attrs {
		args[jen.Lit(a.Name)] = value(a.Value)
	}
	return jen.Map(jen.String()).Any().Values(args)
}

// plain is an argument as the run-time reads it: whole numbers are float64 too.
func plain(v any) any {
	switch v := v.(type) {
	case int:
		return float64(v)
	case []int:
		f := make([]float64, len(v))
		for i := range v {
			f[i] = float64(v[i])
		}
		return f
	}
	return v
}

// value is an argument as Go.
func value(v any) *jen.Statement {
	if list, ok := plain(v).([]float64); ok {
		return jen.Index().Float64().ValuesFunc(func(g *jen.Group) {
			for _, x := range list {
				g.Lit(x)
			}
		})
	}
	return jen.Lit(plain(v))
}

func numbers(list []int) *jen.Statement {
	return jen.Index().Int().ValuesFunc(func(g *jen.Group) {
		for _, n := range list {
			g.Lit(n)
		}
	})
}

func words(list []string) *jen.Statement {
	return jen.Index().String().ValuesFunc(func(g *jen.Group) {
		for _, s := range list {
			g.Lit(s)
		}
	})
}

// sizes are the extents of a fixed shape.
func sizes(s ir.Shape) []int {
	list := []int{}
	for _, d := range s {
		list = append(list, d.Size)
	}
	return list
}
