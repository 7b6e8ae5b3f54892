package codegen

import (
	"slices"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// metric is how one result of eval and train is taken over a data set.
type metric struct {
	def   *ops.Metric // nil for a mean
	op    *ir.Op      // that gives the result, where there is a def
	elems int         // of the result, or of its row for one example
	falls bool
}

// metrics describes the results of a function; nil where all are means, of which only the loss should fall.
func metrics(f *ir.Func) []metric {
	list := make([]metric, len(f.Results))
	plain := true
	for i, r := range f.Results {
		if r.Value.Def == nil {
			continue
		}
		o := ops.Lookup(r.Value.Def.Kind)
		if o == nil {
			continue
		}
		m := &list[i]
		m.falls = o.Category == "loss" && i > 0
		if m.def = o.Metric; m.def != nil {
			m.op, m.elems, m.falls = r.Value.Def, newPort(r.Name, r.Value.Type).Elems, o.Metric.Falls
		}
		plain = plain && m.def == nil && !m.falls
	}
	if plain {
		return nil
	}
	return list
}

// metricRows is the table of metrics.
func metricRows(list []metric) *jen.Statement {
	return jen.Index().Id("metricInfo").ValuesFunc(func(rows *jen.Group) {
		for _, m := range list {
			rows.Line().Values(m.row())
		}
		rows.Line()
	})
}

func (m metric) row() jen.Dict {
	row := jen.Dict{}
	if m.falls {
		row[jen.Id("falls")] = jen.True()
	}
	if m.def == nil {
		return row
	}
	row[jen.Id("finisher")] = jen.Op("&").Id("finish" + camel(m.def.Finish))
	if m.def.Reduce == "mean" {
		return row
	}
	row[jen.Id("reduce")] = jen.Lit(m.def.Reduce)
	row[jen.Id("elems")] = jen.Lit(m.elems)
	row[jen.Id("args")] = arguments(m.op.Attrs)
	row[jen.Id("shapes")] = jen.Index().Index().Int().ValuesFunc(func(g *jen.Group) {
		for _, a := range m.op.Args {
			g.Add(jen.ValuesFunc(func(dims *jen.Group) {
				for _, d := range newPort(a.Name, a.Type).Shape {
					dims.Lit(d)
				}
			}))
		}
	})
	return row
}

// camel is the Go form of a name such as mean_iou: MeanIou.
func camel(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(name, "_") {
		if part != "" {
			b.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return b.String()
}

// classes returns how many classes a label ranges over, and which other labels may stand in for none: what the operators that read it
// say. Such an operator has scores as its first operand, with one axis more than its operand label, for the classes.
func classes(f *ir.Func, v *ir.Value) (n int, ignored []int) {
	for _, op := range f.Ops {
		o := ops.Lookup(op.Kind)
		for i, a := range op.Args {
			if a != v || o == nil || i >= len(o.Args) || o.Args[i].Name != "label" {
				continue
			}
			s := op.Args[0].Type.Shape
			if a.Type.Elem != ir.I32 || len(s) != len(a.Type.Shape)+1 {
				continue
			}
			n = s[len(s)-1].Size
			if list, ok := op.Attrs.Get("ignore").([]int); ok {
				ignored = append(ignored, list...)
			}
		}
	}
	slices.Sort(ignored)
	return n, slices.Compact(ignored)
}

// ignored is the list of labels that are left out.
func ignored(list []int) *jen.Statement {
	return jen.Index().Int32().ValuesFunc(func(g *jen.Group) {
		for _, n := range list {
			g.Lit(n)
		}
	})
}
