package onnx

import (
	"errors"
	"fmt"
	"slices"

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
	// Rows is what a first extent of an input is that the file does not say; 0 refuses it.
	Rows int
	// Keep makes an operator of each node, so that a source has a line for it: nothing is left out or computed beforehand but what says shapes.
	Keep bool
	// Memory bounds what an import takes beside the files, in bytes; 0 is as much as these hold and 40 MB. Weights that follow from few bytes of a file, as
	// numbers that fill a shape do, take none; there may be 2 GB of them and sixteen times what the files hold, or as much as Memory says.
	Memory int64
}

// Import is a model as a module of the tensor IR, which has one function, infer.
type Import struct {
	Module *ir.Module
	// Weights are the elements of each parameter, by its name.
	Weights map[string]Weight
	Inputs  []Port // those that are not known, in the order of the function
	Outputs []Port
	// Extents are the results of the function behind the outputs: each says how much there is of outputs that name it as their Count.
	Extents []string
	Counts  map[string]int       // how many nodes of each operator became part of the program
	Folded  int                  // how many nodes were computed
	steps   []step               // the operators as the rows applied them
	names   map[*ir.Value]string // what the file calls results of nodes
	keep    bool
}

// Port is an input or output: the name and element type of the file, and the name and type of the function.
type Port struct {
	Name string
	Type DataType
	Port string // "" for an output without elements, which the function does not give
	IR   ir.Type
	// Shape is that of the file, with 1 for the batch, which there may be another axis than the first.
	Shape []int
	// Count, where it is not "", is the result of the function that says how many places there are along the axis Along; the others hold anything.
	Count string
	Along int
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

// importer holds what stays the same through a model.
type importer struct {
	opt       Options
	file      string
	opsets    map[string]int64
	functions map[string]*Function
	sink      *sink
	weights   map[string]Weight
	room      int64 // bytes that constants may still take
	work      int64 // elements that may still be computed
	// weightRoom is the same for weights, of weightMost at the beginning.
	weightRoom, weightMost int64
	result                 *Import
	problems               []Problem
	needs                  []string
	depth                  int
	steps                  int // nodes imported, unrolled loops among them
	turned                 map[permutation]*constant
	partial                map[int]*extent // of outputs
	names                  map[string]bool // of inputs, outputs and parameters, folded
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
const NewestOpset = 26

// Import makes a module of the model. The error is *Unsupported where nodes or inputs are; any other is a damaged file.
func (m *Model) Import(opt Options) (*Import, error) {
	files := int64(len(m.Source)) + m.external
	weights := max(2<<30+16*files, opt.Memory)
	if opt.Memory == 0 {
		opt.Memory = m.room + m.external
	}
	im := &importer{opt: opt, file: m.File, opsets: map[string]int64{}, functions: map[string]*Function{}, weights: map[string]Weight{}, room: opt.Memory, work: max(8<<20+2*files, opt.Memory/8), weightRoom: weights, weightMost: weights, turned: map[permutation]*constant{}, partial: map[int]*extent{}, names: map[string]bool{}}
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
	if opt.Batch {
		f = ir.NewFunc(ir.FuncInfer, ir.Symbol{Name: ir.Batch.Sym})
	}
	im.result = &Import{Module: &ir.Module{Name: name, Funcs: []*ir.Func{f}}, Weights: im.weights, Counts: map[string]int{}, names: map[*ir.Value]string{}, keep: opt.Keep}
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
	for i := range im.result.Outputs {
		if some := im.partial[i]; some != nil {
			p := &im.result.Outputs[i]
			p.Count = im.countOf(p.Port, some)
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
	t, at, err := im.inputType(in)
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
	if at > 0 {
		*x = value{t: x.t, behind: v, perm: slices.Insert(seq(1, len(t.Shape)), at, 0)}
	}
	im.result.Inputs = append(im.result.Inputs, Port{Name: in.Name, Type: x.t, Port: v.Name, IR: t, Shape: ops.Extents(x.shape(), 1)})
	return nil
}

// inputType is the type of an input in the program, and the axis of the file that is the batch there.
func (im *importer) inputType(in *ValueInfo) (t ir.Type, at int, err error) {
	elem, shape, err := im.inputShape(in)
	if err != nil || !im.opt.Batch {
		return ir.T(elem, ir.S(shape...)), 0, err
	}
	if at = slices.Index(shape, 1); at < 0 {
		return t, 0, fmt.Errorf("no axis of the input, which is %v, is a batch; the first of extent 1, or with a name in front, is", shape)
	}
	return ir.T(elem, ir.NS(slices.Delete(slices.Clone(shape), at, at+1)...)), at, nil
}

// inputShape are the element type and the extents of an input, with 1 for those in front that the file leaves open where that is asked for.
func (im *importer) inputShape(in *ValueInfo) (elem ir.DType, shape []int, err error) {
	switch {
	case in.Type == nil:
		return 0, nil, errors.New("the input has no type")
	case in.Type.Sequence != nil || in.Type.Optional != nil || in.Type.Other != "":
		return 0, nil, errors.New("the input is no tensor; sequences, optionals and maps are not supported as inputs")
	case in.Type.Tensor == nil:
		return 0, nil, errors.New("the input has no type")
	}
	t := in.Type.Tensor
	elem, ok := elemOfType[t.Elem]
	if !ok {
		return 0, nil, fmt.Errorf("the elements are %v, which is not supported", t.Elem)
	}
	var dims []int64
	if given, ok := im.opt.Shapes[in.Name]; ok {
		for _, d := range given {
			dims = append(dims, int64(d))
		}
	} else {
		if !t.Ranked {
			return 0, nil, errors.New("the input has no shape; say it with --shape")
		}
		for i, d := range t.Dims {
			switch {
			case d.known && d.Value >= 0:
				dims = append(dims, d.Value)
			case i == 0 && (im.opt.Batch || im.opt.Rows > 0):
				dims = append(dims, int64(max(1, im.opt.Rows)))
			default:
				return 0, nil, fmt.Errorf("extent %d of the input is not known (%s); say it with --shape", i, d.Param)
			}
		}
	}
	shape, _, err = extents(dims)
	return elem, shape, err
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
		im.result.Outputs = append(im.result.Outputs, Port{Name: name, Type: x.t, IR: x.c.typ(), Shape: x.c.shape})
		return nil
	}
	shape := ops.Extents(x.shape(), 1)
	if x.behind != nil {
		x = &value{t: x.t, v: im.lined(x)}
	}
	v := im.plain(x)
	if im.opt.Batch {
		v = im.rows(v)
	}
	port := im.unique(clean(name, "output"))
	im.sink.b.Func.Return(port, v)
	p := Port{Name: name, Type: x.t, Port: port, IR: v.Type, Shape: shape}
	if x.some != nil {
		p.Along = x.some.axis
		im.partial[len(im.result.Outputs)] = x.some
	}
	im.result.Outputs = append(im.result.Outputs, p)
	return nil
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
	maxSteps  = 1 << 16 // how many nodes are imported, those of unrolled loops among them
)

// The bounds of what is computed when a model is imported, in elements: of their operands where their work grows faster than these, and of
// others; and of all that is computed on the way.
const (
	foldMost  = 1 << 26
	foldGrown = 1 << 20 // beyond what the operands hold
	foldHeavy = 1 << 12
)
