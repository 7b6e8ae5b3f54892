package onnx

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// ExportOpset is the opset of exported models: the first in which all reductions take their axes as an operand.
const ExportOpset = 18

// Export makes a model of function infer of m. values are the elements of each parameter, row-major, by its name. The inputs and outputs are
// those of the function, with its names and order of axes, so images have their channels last; the batch is the dimension N. The
// error is *Untranslated where operators have no form in ONNX.
func Export(m *ir.Module, values map[string][]float64) (*Model, error) {
	f := m.Func(ir.FuncInfer)
	x := &exporter{graph: &Graph{Name: m.Name}, params: values, values: map[*ir.Value]*exported{}, known: map[string]string{}, names: map[string]bool{}, used: usedValues(f)}
	for _, r := range f.Results {
		x.names[r.Name] = true
	}
	for _, v := range f.Inputs {
		name := x.unique(v.Name)
		x.values[v] = &exported{plain: name}
		x.graph.Inputs = append(x.graph.Inputs, infoOf(name, v.Type))
	}
	for _, op := range f.Ops {
		x.operator(op)
	}
	if len(x.problems) > 0 {
		return nil, &Untranslated{x.problems}
	}
	x.outputs(f)
	x.prune()
	return &Model{IRVersion: 8, Producer: "dlc", Opsets: []Opset{{Version: ExportOpset}}, Graph: x.graph}, nil
}

// Untranslated lists all operators of a program that ONNX has no form for.
type Untranslated struct{ Items []diag.Diagnostic }

// Error has a line for each.
func (u *Untranslated) Error() string {
	lines := make([]string, len(u.Items))
	for i, d := range u.Items {
		lines[i] = fmt.Sprintf("%s: error: %s", d.Pos, d.Msg)
	}
	return strings.Join(lines, "\n")
}

// exporter holds a graph on its way.
type exporter struct {
	graph    *Graph
	params   map[string][]float64
	values   map[*ir.Value]*exported
	known    map[string]string // initializers by what they are
	names    map[string]bool
	used     map[*ir.Value]bool
	problems []diag.Diagnostic
}

// exported is a value in the graph: its name in the order of its axes, and with the last axis second, as ONNX has its channels. Each is made when it is
// wanted, so that no two transposes stand behind each other.
type exported struct{ plain, first string }

// exporting is an operator on its way to the graph.
type exporting struct {
	*exporter
	op    *ir.Op
	float bool // it computes in f32 what is shorter
}

// exportRow writes an operator of package ops as nodes. A refusal is thrown, as by the rows of the import.
type exportRow func(w *exporting)

// exportRows are the operators with rows of their own, by name. Others that work element by element follow from the ONNX field of their literals.
var exportRows = map[string]exportRow{}

func registerExport(rows map[string]exportRow) bool {
	for name, r := range rows {
		exportRows[name] = r
	}
	return true
}

// usedValues are the values that results depend on.
func usedValues(f *ir.Func) map[*ir.Value]bool {
	used := map[*ir.Value]bool{}
	for _, r := range f.Results {
		used[r.Value] = true
	}
	for _, op := range slices.Backward(f.Ops) {
		if slices.ContainsFunc(op.Results, func(v *ir.Value) bool { return used[v] }) {
			for _, v := range op.Args {
				used[v] = true
			}
		}
	}
	return used
}

// operator writes one operator, or notes why that cannot be.
func (x *exporter) operator(op *ir.Op) {
	if !slices.ContainsFunc(op.Results, func(v *ir.Value) bool { return x.used[v] }) {
		return
	}
	if err := x.write(op); err != nil {
		msg := fmt.Sprintf("%s cannot be exported: %v", op.Kind, err)
		if !slices.ContainsFunc(x.problems, func(d diag.Diagnostic) bool { return d.Pos == op.Pos && d.Msg == msg }) {
			x.problems = append(x.problems, diag.Diagnostic{Pos: op.Pos, Msg: msg})
		}
	}
	for _, v := range op.Results { // so that what reads it is looked at, too
		if x.values[v] == nil {
			x.values[v] = &exported{plain: v.Name}
		}
	}
}

func (x *exporter) write(op *ir.Op) (err error) {
	defer caught(&err)
	w, o := &exporting{exporter: x, op: op}, ops.Lookup(op.Kind)
	row := exportRows[op.Kind]
	switch {
	case o == nil:
		return errors.New("dlc does not know the operator")
	case row != nil:
		row(w)
	case len(op.Args) == 0 && o.Eval != nil:
		t := o.Eval(nil, op.Attrs)[0]
		w.done(w.constant(op.Results[0].Type.Elem, t.Shape, t.Data))
	case (o.Category == "elementwise" || o.Category == "activation") && o.ONNX.Name != "" && o.ONNX.Min <= ExportOpset:
		element(func(w *exporting, x []string) string { return w.node(o.ONNX.Name, x, w.mapped(o)...) })(w)
	default:
		return errors.New("ONNX has no such operator, and dlc no composition of others for it")
	}
	return nil
}

// outputs names the results of the function as they are called there.
func (x *exporter) outputs(f *ir.Func) {
	rename := map[string]string{}
	for _, r := range f.Results {
		name := x.plain(r.Value)
		if made := slices.ContainsFunc(x.graph.Nodes, func(n *Node) bool { return slices.Contains(n.Outputs, name) }); made && rename[name] == "" {
			rename[name] = r.Name
		} else {
			x.graph.Nodes = append(x.graph.Nodes, &Node{Name: r.Name, Op: "Identity", Inputs: []string{name}, Outputs: []string{r.Name}})
		}
		x.graph.Outputs = append(x.graph.Outputs, infoOf(r.Name, r.Value.Type))
	}
	for _, n := range x.graph.Nodes {
		for _, list := range [][]string{n.Inputs, n.Outputs} {
			for i, s := range list {
				if to := rename[s]; to != "" {
					list[i] = to
				}
			}
		}
	}
}

// prune drops nodes and initializers that no output depends on.
func (x *exporter) prune() {
	g, needed := x.graph, map[string]bool{}
	for _, o := range g.Outputs {
		needed[o.Name] = true
	}
	var nodes []*Node
	for _, n := range slices.Backward(g.Nodes) {
		if slices.ContainsFunc(n.Outputs, func(s string) bool { return needed[s] }) {
			nodes = append(nodes, n)
			for _, s := range n.Inputs {
				needed[s] = true
			}
		}
	}
	slices.Reverse(nodes)
	g.Nodes = nodes
	g.Initializers = slices.DeleteFunc(g.Initializers, func(t *Tensor) bool { return !needed[t.Name] })
}

func infoOf(name string, t ir.Type) *ValueInfo {
	var dims []Dim
	for _, d := range t.Shape {
		if d.Static() {
			dims = append(dims, Dim{Value: int64(d.Size), known: true})
		} else {
			dims = append(dims, Dim{Param: d.String()})
		}
	}
	return &ValueInfo{Name: name, Type: &Type{Tensor: &TensorType{Elem: typeOfElem[t.Elem], Ranked: true, Dims: dims}}}
}

// unique is a name that no value of the graph has yet.
func (x *exporter) unique(base string) string {
	name := base
	for i := 2; x.names[name]; i++ {
		name = base + "_" + itoa(i)
	}
	x.names[name] = true
	return name
}

// plain is the name of a value in the order of its axes.
func (x *exporter) plain(v *ir.Value) string {
	e := x.values[v]
	switch {
	case e == nil && v.Param != nil:
		e = &exported{plain: x.arranged(v, "", v.Type.Shape, nil)}
		x.values[v] = e
	case e.plain == "":
		e.plain = x.emit(v.Name, "Transpose", []string{e.first}, 1, intsAttr("perm", toLast(len(v.Type.Shape))...))[0]
	}
	return e.plain
}

// first is the name of a value with its last axis second; of one without axes between, as it is.
func (x *exporter) first(v *ir.Value) string {
	rank := len(v.Type.Shape)
	if rank <= 2 {
		return x.plain(v)
	}
	if v.Param != nil {
		return x.permuted(v, toFirst(rank))
	}
	e := x.values[v]
	if e.first == "" {
		e.first = x.emit(v.Name, "Transpose", []string{e.plain}, 1, intsAttr("perm", toFirst(rank)...))[0]
	}
	return e.first
}

// permuted is a value with its axes in another order: a parameter is stored so.
func (x *exporter) permuted(v *ir.Value, perm []int) string {
	if slices.IsSorted(perm) {
		return x.plain(v)
	}
	if v.Param == nil {
		return x.emit(v.Name, "Transpose", []string{x.plain(v)}, 1, intsAttr("perm", perm...))[0]
	}
	shape := make(ir.Shape, len(perm))
	for i, p := range perm {
		shape[i] = v.Type.Shape[p]
	}
	return x.arranged(v, fmt.Sprint(perm), shape, func(c *constant) *constant { return c.permuted(perm) })
}

// elements are the numbers of a parameter.
func (x *exporter) elements(v *ir.Value) *constant {
	return &constant{t: typeOfElem[v.Type.Elem], shape: ops.Extents(v.Type.Shape, 1), data: x.params[v.Param.Name]}
}

// arranged is an initializer with the elements of a parameter, in another order, which key tells from others.
func (x *exporter) arranged(v *ir.Value, key string, shape ir.Shape, change func(c *constant) *constant) string {
	key = v.Param.Name + " " + key + " " + fmt.Sprint(shape)
	if name := x.known[key]; name != "" {
		return name
	}
	c := x.elements(v)
	if change != nil {
		c = change(c)
	}
	name := x.store(v.Param.Name, v.Type.Elem, ops.Extents(shape, 1), c.data)
	x.known[key] = name
	return name
}

// constant is an initializer of the given numbers, the same one for the same numbers.
func (x *exporter) constant(elem ir.DType, shape []int, data []float64) string {
	key := ""
	if len(data) <= literalMax {
		key = fmt.Sprint(elem, shape, data)
		if name := x.known[key]; name != "" {
			return name
		}
	}
	name := x.store("constant", elem, shape, data)
	if key != "" {
		x.known[key] = name
	}
	return name
}

// store makes an initializer. Short floats are stored in full and cast.
func (x *exporter) store(name string, elem ir.DType, shape []int, data []float64) string {
	t, short := typeOfElem[elem], elem.Float() && elem != ir.F32
	if short {
		t = Float
	}
	name = x.unique(name)
	x.graph.Initializers = append(x.graph.Initializers, newTensor(name, t, shape, data))
	if short {
		return x.emit(name, "Cast", []string{name}, 1, intAttr("to", int(typeOfElem[elem])))[0]
	}
	return name
}

// ints is an initializer with one axis of whole numbers, as ONNX takes axes, extents and places.
func (x *exporter) ints(list ...int) string {
	return x.constant(ir.I64, []int{len(list)}, floats(list))
}

func floats(list []int) []float64 {
	r := make([]float64, len(list))
	for i, n := range list {
		r[i] = float64(n)
	}
	return r
}

// emit appends a node and returns the names of its outputs.
func (x *exporter) emit(name, op string, in []string, outs int, attrs ...*Attribute) []string {
	n := &Node{Op: op, Inputs: in, Attrs: attrs}
	for range outs {
		n.Outputs = append(n.Outputs, x.unique(strings.ReplaceAll(name, "/", "_")))
	}
	n.Name = n.Outputs[0]
	x.graph.Nodes = append(x.graph.Nodes, n)
	return slices.Clone(n.Outputs)
}

func intAttr(name string, x int) *Attribute {
	return &Attribute{Name: name, Type: attrInt, I: int64(x)}
}

func boolAttr(name string, x bool) *Attribute {
	if x {
		return intAttr(name, 1)
	}
	return intAttr(name, 0)
}

func floatAttr(name string, x float64) *Attribute {
	return &Attribute{Name: name, Type: attrFloat, F: float32(x)}
}

func textAttr(name, s string) *Attribute { return &Attribute{Name: name, Type: attrString, S: s} }

func intsAttr(name string, list ...int) *Attribute {
	a := &Attribute{Name: name, Type: attrInts}
	for _, n := range list {
		a.Ints = append(a.Ints, int64(n))
	}
	return a
}
