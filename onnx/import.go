package onnx

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// Options say how a model is imported.
type Options struct {
	Name string
	// Shapes replace the extents that the file gives its inputs.
	Shapes map[string][]int
	// Values are inputs that are known when the model is compiled.
	Values map[string]*Tensor
	// Batch makes the first axis of every input and output the batch N, where the file has an extent of 1 there, or a name.
	Batch bool
	// Memory bounds the elements of constants, in bytes; 0 is 8 GB.
	Memory int64
}

// Import is a model as a module of the tensor IR, which has one function, infer.
type Import struct {
	Module *ir.Module
	// Weights are the elements of each parameter, by its name.
	Weights map[string][]float32
	Inputs  []Port // those that are not known, in the order of the function
	Outputs []Port
	Counts  map[string]int // how many nodes of each operator became part of the program
	Folded  int            // how many nodes were computed
}

// Port is an input or output: the name and element type of the file, and the name and type of the function.
type Port struct {
	Name string
	Type DataType
	Port string // "" for an output without elements, which the function does not give
	IR   ir.Type
}

// Problem is a node that cannot be imported.
type Problem struct {
	Node, Op, Reason string
}

// Unsupported lists all nodes of a model that cannot be imported.
type Unsupported struct {
	File     string
	Problems []Problem
	// Needs are inputs that would have to be known when the model is compiled.
	Needs []string
}

// Error lists the problems, one a line.
func (u *Unsupported) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d nodes cannot be imported:", u.File, len(u.Problems))
	if len(u.Problems) == 1 {
		b.Reset()
		fmt.Fprintf(&b, "%s: a node cannot be imported:", u.File)
	}
	for _, p := range u.Problems {
		fmt.Fprintf(&b, "\n    %s (%s): %s", p.Op, p.Node, p.Reason)
	}
	return b.String()
}

// importer holds what stays the same through a model.
type importer struct {
	opt       Options
	file      string
	opsets    map[string]int64
	functions map[string]*Function
	sink      *sink
	weights   map[string][]float32
	budget    *int64
	result    *Import
	problems  []Problem
	needs     []string
	depth     int
	steps     int // nodes imported, unrolled loops among them
	turned    map[permutation]*constant
	names     map[string]bool // of inputs and parameters
}

// scope is the values of a graph by name, those of the graphs around it behind them.
type scope struct {
	values map[string]*value
	makers map[string]*Node
	outer  *scope
}

func (s *scope) find(name string) *value {
	for ; s != nil; s = s.outer {
		if v := s.values[name]; v != nil {
			return v
		}
	}
	return nil
}

func newScope(outer *scope) *scope {
	return &scope{values: map[string]*value{}, makers: map[string]*Node{}, outer: outer}
}

// NewestOpset is the last opset whose operators are known.
const NewestOpset = 25

// Import makes a module of the model. The error is *Unsupported where nodes or inputs are; any other is a damaged file.
func (m *Model) Import(opt Options) (*Import, error) {
	if opt.Memory == 0 {
		opt.Memory = 8 << 30
	}
	budget := opt.Memory / 8
	im := &importer{opt: opt, file: m.File, opsets: map[string]int64{}, functions: map[string]*Function{}, weights: map[string][]float32{}, budget: &budget, turned: map[permutation]*constant{}, names: map[string]bool{}}
	for _, o := range m.Opsets {
		im.opsets[domainOf(o.Domain)] = o.Version
	}
	if v, ok := im.opsets[""]; !ok {
		im.opsets[""] = 1 // as before there were opsets
	} else if v < 1 || v > NewestOpset {
		return nil, inFile(m.File, at("opset_import", fmt.Errorf("the model uses opset %d; 1 to %d are known", v, NewestOpset)))
	}
	for _, f := range m.Functions {
		im.functions[domainOf(f.Domain)+":"+f.Name] = f
	}
	name := opt.Name
	if name == "" {
		name = clean(m.Graph.Name, "model")
	}
	f := ir.NewFunc(ir.FuncInfer)
	im.result = &Import{Module: &ir.Module{Name: name, Funcs: []*ir.Func{f}}, Weights: im.weights, Counts: map[string]int{}}
	im.sink = &sink{b: &ops.Builder{Module: im.result.Module, Func: f}, known: map[*constant]*ir.Value{}}
	if err := im.model(m.Graph); err != nil {
		return nil, inFile(m.File, err)
	}
	if len(im.problems) > 0 {
		return nil, &Unsupported{m.File, im.problems, im.needs}
	}
	return im.result, nil
}

func domainOf(d string) string {
	if d == "ai.onnx" {
		return ""
	}
	return d
}

// model imports the main graph: its initializers, inputs, nodes and outputs.
func (im *importer) model(g *Graph) error {
	sc := newScope(nil)
	if err := im.initializers(sc, g); err != nil {
		return at("graph", err)
	}
	for i, in := range g.Inputs {
		if sc.values[in.Name] != nil {
			continue // an initializer that older files list as an input too
		}
		if err := im.input(sc, in); err != nil {
			return at("graph", at(fmt.Sprintf("input[%d]", i), err))
		}
	}
	if err := im.nodes(sc, g.Nodes); err != nil {
		return at("graph", err)
	}
	for i, out := range g.Outputs {
		x := sc.find(out.Name)
		if x == nil {
			return at("graph", at(fmt.Sprintf("output[%d]", i), fmt.Errorf("nothing makes %q", out.Name)))
		}
		if err := im.output(out.Name, x); err != nil {
			im.problems = append(im.problems, Problem{out.Name, "output", err.Error()})
		}
	}
	return nil
}

func (im *importer) initializers(sc *scope, g *Graph) error {
	add := func(name string, c *constant) error {
		if sc.values[name] != nil {
			return fmt.Errorf("two values are called %q", name)
		}
		c.weight = true
		sc.values[name] = &value{t: c.t, c: c}
		return nil
	}
	for i, t := range g.Initializers {
		c, err := im.constant(t)
		if err == nil {
			err = add(t.Name, c)
		}
		if err != nil {
			return at(fmt.Sprintf("initializer[%d]", i), err)
		}
	}
	for i, s := range g.Sparse {
		c, err := im.dense(s)
		if err == nil {
			err = add(c.name, c)
		}
		if err != nil {
			return at(fmt.Sprintf("sparse_initializer[%d]", i), err)
		}
	}
	return nil
}

// input makes an input of the function, or a constant where it is known.
func (im *importer) input(sc *scope, in *ValueInfo) error {
	if in.Name == "" || sc.values[in.Name] != nil {
		return fmt.Errorf("two inputs are called %q", in.Name)
	}
	if t := im.opt.Values[in.Name]; t != nil {
		c, err := im.constant(t)
		if err != nil {
			return err
		}
		sc.values[in.Name] = &value{t: c.t, c: c}
		return nil
	}
	x := &value{broken: true}
	sc.values[in.Name] = x
	t, err := im.inputType(in)
	if err != nil {
		im.problems = append(im.problems, Problem{in.Name, "input", err.Error()})
		return nil
	}
	if n, _ := t.Shape.Elems(); n.Size == 0 { // without elements there is nothing to give
		*x = value{t: in.Type.Tensor.Elem, c: &constant{t: in.Type.Tensor.Elem, shape: ops.Extents(t.Shape, 1)}}
		return nil
	}
	v := im.sink.b.Func.Input(im.unique(clean(in.Name, "input")), t, im.sink.b.Pos)
	*x = value{t: in.Type.Tensor.Elem, v: v}
	im.result.Inputs = append(im.result.Inputs, Port{in.Name, x.t, v.Name, t})
	return nil
}

// inputType is the type of an input in the program.
func (im *importer) inputType(in *ValueInfo) (ir.Type, error) {
	switch {
	case in.Type == nil:
		return ir.Type{}, errors.New("the input has no type")
	case in.Type.Sequence != nil || in.Type.Optional != nil || in.Type.Other != "":
		return ir.Type{}, errors.New("the input is no tensor; sequences, optionals and maps are not supported as inputs")
	case in.Type.Tensor == nil:
		return ir.Type{}, errors.New("the input has no type")
	}
	t := in.Type.Tensor
	elem, ok := elemOfType[t.Elem]
	if !ok {
		return ir.Type{}, fmt.Errorf("the elements are %v, which is not supported", t.Elem)
	}
	var dims []int64
	if given, ok := im.opt.Shapes[in.Name]; ok {
		for _, d := range given {
			dims = append(dims, int64(d))
		}
	} else {
		if !t.Ranked {
			return ir.Type{}, errors.New("the input has no shape; say it with --shape")
		}
		for i, d := range t.Dims {
			if i == 0 && im.opt.Batch && (!d.known || d.Value < 0) {
				dims = append(dims, 1)
				continue
			}
			if !d.known || d.Value < 0 {
				return ir.Type{}, fmt.Errorf("extent %d of the input is not known (%s); say it with --shape", i, d.Param)
			}
			dims = append(dims, d.Value)
		}
	}
	shape, _, err := extents(dims)
	if err != nil {
		return ir.Type{}, err
	}
	if im.opt.Batch {
		if len(shape) == 0 || shape[0] != 1 {
			return ir.Type{}, fmt.Errorf("the first axis of the input, which is %v, is no batch; an extent of 1 or a name is", shape)
		}
		return ir.T(elem, ir.NS(shape[1:]...)), nil
	}
	return ir.T(elem, ir.S(shape...)), nil
}

// output returns a value from the function.
func (im *importer) output(name string, x *value) (err error) {
	defer caught(&err)
	switch {
	case x.broken:
		return nil // said already
	case x.isSeq || x.none:
		return errors.New("the output is a sequence or optional; only tensors are supported as outputs")
	}
	if x.c != nil && x.c.elems() == 0 {
		im.result.Outputs = append(im.result.Outputs, Port{name, x.t, "", x.c.typ()})
		return nil
	}
	v := im.plain(x)
	if im.opt.Batch {
		v = im.rows(v)
	}
	port := clean(name, "output")
	for im.hasResult(port) {
		port += "_"
	}
	im.sink.b.Func.Return(port, v)
	im.result.Outputs = append(im.result.Outputs, Port{name, x.t, port, v.Type})
	return nil
}

func (im *importer) hasResult(name string) bool {
	return slices.ContainsFunc(im.sink.b.Func.Results, func(r ir.Result) bool { return r.Name == name })
}

// caught turns a refusal that is thrown into an error.
func caught(err *error) {
	switch r := recover().(type) {
	case nil:
	case refusal:
		*err = r.err
	default:
		// What an operator does not expect of a damaged file must not end the program.
		*err = fmt.Errorf("internal error: %v", r)
	}
}

const (
	maxGraphs = 32      // how deep graphs and functions lie in each other
	maxSteps  = 1 << 18 // how many nodes are imported, those of unrolled loops among them
)

// nodes imports the nodes of a graph in their order, which ONNX demands to be one in which values are made before they are read.
func (im *importer) nodes(sc *scope, list []*Node) error {
	if im.depth++; im.depth > maxGraphs {
		return errors.New("graphs and functions are nested too deeply, or a function calls itself")
	}
	defer func() { im.depth-- }()
	for i, n := range list {
		if im.steps++; im.steps > maxSteps {
			return fmt.Errorf("more than %d nodes, with loops unrolled", maxSteps)
		}
		if err := im.node(sc, n); err != nil {
			return at(fmt.Sprintf("node[%d]", i), err)
		}
	}
	return nil
}

// node imports one node. The error is a damaged file; what is not supported is noted.
func (im *importer) node(sc *scope, n *Node) error {
	c := &call{im: im, node: n, scope: sc, opset: im.opsets[domainOf(n.Domain)], attrs: map[string]*Attribute{}, used: map[string]bool{}}
	broken := false
	for i, name := range n.Inputs {
		if name == "" {
			c.in = append(c.in, nil)
			continue
		}
		x := sc.find(name)
		if x == nil {
			return at(fmt.Sprintf("input[%d]", i), fmt.Errorf("%q is read by %s, but nothing before it makes it", name, n.title()))
		}
		broken = broken || x.broken
		c.in = append(c.in, x)
	}
	for i, a := range n.Attrs {
		if c.attrs[a.Name] != nil {
			return at(fmt.Sprintf("attribute[%d]", i), fmt.Errorf("two attributes are called %q", a.Name))
		}
		c.attrs[a.Name] = a
	}
	results, err := c.run(broken)
	if err != nil {
		if d := (*damage)(nil); errors.As(err, &d) {
			return d.err
		}
		if !errors.Is(err, errBroken) {
			im.refused(sc, n, err)
		}
		results = nil
	}
	for i, name := range n.Outputs {
		if name == "" {
			continue
		}
		if sc.values[name] != nil {
			return at(fmt.Sprintf("output[%d]", i), fmt.Errorf("two values are called %q", name))
		}
		sc.makers[name] = n
		switch {
		case err != nil || broken || results == nil:
			sc.values[name] = &value{broken: true}
		case i >= len(results) || results[i] == nil:
			im.refused(sc, n, fmt.Errorf("its result %d is not supported", i))
			sc.values[name] = &value{broken: true}
		default:
			sc.values[name] = results[i]
		}
	}
	return nil
}

// damage is an error inside a graph of a node that is not the node's own: the file is damaged.
type damage struct{ err error }

func (d *damage) Error() string { return d.err.Error() }

// title names a node for the user.
func (n *Node) title() string {
	if n.Name != "" {
		return n.Op + " (" + n.Name + ")"
	}
	return n.Op
}

// refused notes a node that cannot be imported.
func (im *importer) refused(sc *scope, n *Node, err error) {
	name := n.Name
	if name == "" && len(n.Outputs) > 0 {
		name = "makes " + n.Outputs[0]
	}
	op := n.Op
	if d := domainOf(n.Domain); d != "" {
		op = d + "." + op
	}
	reason := err.Error()
	if note := (*ops.Note)(nil); errors.As(err, &note) {
		reason += " (" + note.Note + ")"
	}
	p := Problem{name, op, reason}
	if !slices.Contains(im.problems, p) {
		im.problems = append(im.problems, p)
	}
	if d := (*demand)(nil); errors.As(err, &d) {
		for _, in := range im.sources(sc, d.value) {
			if !slices.Contains(im.needs, in) {
				im.needs = append(im.needs, in)
			}
		}
	}
}

// sources are the inputs of the model from which a value is computed.
func (im *importer) sources(sc *scope, name string) []string {
	seen := map[string]bool{}
	var list []string
	var walk func(name string)
	walk = func(name string) {
		if name == "" || seen[name] || len(seen) > maxSteps {
			return
		}
		seen[name] = true
		for s := sc; s != nil; s = s.outer {
			if n := s.makers[name]; n != nil {
				for _, in := range n.Inputs {
					walk(in)
				}
				return
			}
		}
		if slices.ContainsFunc(im.result.Inputs, func(p Port) bool { return p.Name == name }) {
			list = append(list, name)
		}
	}
	walk(name)
	return list
}

// run finds what imports the node, and does so, or only looks whether it is there where an operand is broken.
func (c *call) run(broken bool) (list []*value, err error) {
	defer caught(&err)
	n := c.node
	if f := c.im.functions[domainOf(n.Domain)+":"+n.Op]; f != nil {
		if broken {
			return nil, nil
		}
		return c.inline(f)
	}
	r, err := lookup(domainOf(n.Domain), n.Op, c.opset)
	if err != nil || broken {
		return nil, err
	}
	if list := c.empty(); list != nil {
		return list, nil
	}
	if !r.raw && c.foldable(r) {
		return c.fold(r)
	}
	list = r.run(c)
	if !r.raw {
		c.im.result.Counts[n.Op]++
	}
	return list, c.unusedAttrs()
}

// unusedAttrs refuses attributes that no row has asked for.
func (c *call) unusedAttrs() error {
	for _, name := range slices.Sorted(maps.Keys(c.attrs)) {
		if !c.used[name] && name != "consumed_inputs" {
			return fmt.Errorf("its attribute %q is not supported", name)
		}
	}
	return nil
}

// The bounds of what is computed when a model is imported, in elements: of operators whose work grows with their elements, and of the others.
const (
	foldMost  = 1 << 24
	foldHeavy = 1 << 12
)

// foldable reports whether all operands are known and few enough to compute the node.
func (c *call) foldable(r *opRow) bool {
	n := 0
	for _, x := range c.in {
		if x == nil {
			continue
		}
		if x.c == nil {
			return false
		}
		n += x.c.elems()
	}
	if r.heavy {
		return n <= foldHeavy
	}
	return n <= foldMost
}

// fold computes a node whose operands are known by the operators' own float64 evaluation.
func (c *call) fold(r *opRow) ([]*value, error) {
	im, n := c.im, c.node
	leave := im.enterFold()
	defer leave()
	list := r.run(c)
	if err := c.unusedAttrs(); err != nil {
		return nil, err
	}
	weight := slices.ContainsFunc(c.in, func(x *value) bool { return x != nil && x.c.weight })
	var open []int
	var values []*ir.Value
	for i, x := range list {
		if x != nil && x.c == nil && !x.isSeq && !x.none {
			open, values = append(open, i), append(values, im.plain(x))
		}
	}
	got, err := im.evaluate(values)
	if err != nil {
		return nil, err
	}
	for j, i := range open {
		k := &constant{t: list[i].t, shape: got[j].Shape, data: got[j].Data, weight: weight}
		if i < len(n.Outputs) {
			k.name = n.Outputs[i]
		}
		list[i] = &value{t: k.t, c: k}
	}
	im.result.Folded++
	return list, nil
}

// enterFold makes the function being built one that is only there to be evaluated, until the result is called.
func (im *importer) enterFold() (leave func()) {
	before := im.sink
	f := ir.NewFunc("fold")
	im.sink = &sink{b: &ops.Builder{Module: &ir.Module{Name: "fold", Funcs: []*ir.Func{f}}, Func: f}, known: map[*constant]*ir.Value{}, given: map[*ir.Value]*ops.Tensor{}}
	return func() { im.sink = before }
}

// evaluate computes values of the function that is only there for that.
func (im *importer) evaluate(values []*ir.Value) ([]*ops.Tensor, error) {
	f, size := im.sink.b.Func, 0
	for i, v := range values {
		f.Return(itoa(i), v)
	}
	for _, op := range f.Ops {
		for _, v := range op.Results {
			n, ok := v.Type.Shape.Elems()
			if size += n.Size; !ok || size > 4*foldMost {
				return nil, errors.New("its constant result would be too large")
			}
		}
	}
	if err := im.take(size); err != nil {
		return nil, err
	}
	return ops.EvalFunc(f, im.sink.given, 1)
}

// computed is what build makes of a constant.
func (im *importer) computed(c *constant, build func(v *ir.Value) *ir.Value) *constant {
	leave := im.enterFold()
	defer leave()
	got, err := im.evaluate([]*ir.Value{build(im.materialize(c))})
	if err != nil {
		panic(refusal{err})
	}
	return &constant{t: typeOfElem[got[0].Elem], shape: got[0].Shape, data: got[0].Data, weight: c.weight, name: c.name}
}
