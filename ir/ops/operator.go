// Package ops holds the operators: one literal in one file each. An [Operator] says everything about itself: its types, its
// meaning (a naive float64 evaluation that is the specification), its gradient, the loop nests that it lowers to, its ONNX
// name, and samples that the one generic test walks. Adding an operator touches one file.
package ops

import (
	"fmt"
	"slices"
	"sort"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Operator is one operator of the tensor IR. Infer, Eval and Lower may assume attributes that are complete (defaults filled in)
// and of the declared types; Eval, Grad and Lower may assume operands that Infer accepted.
type Operator struct {
	Name    string // as in text: "max_pool"
	Doc     string // a sentence, then what a user must know; shapes in the form [N,H,W,C]
	Formula string // "y = max(x, 0)"
	Example string // one line of the language
	Args    []Arg
	Attrs   []AttrDef

	// Infer returns the types of the results, or an error: a sentence that a user understands, and with WithNote a way out.
	Infer func(args []ir.Type, a ir.Attrs) ([]ir.Type, error)

	// Eval computes the results naively in float64. It shares no code with Lower.
	Eval func(args []*Tensor, a ir.Attrs) []*Tensor

	// Grad returns the gradient of each operand, given that of each result (nil where nothing depends on it); nil where an operand
	// has none. A nil Grad means that no gradient can flow, and NoGrad says why.
	Grad   func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value
	NoGrad string

	// Lower appends the loop nests that compute op to l.
	Lower func(l *Lowering, op *ir.Op)

	// Expand, where set, says what the operator means in terms of others, which Builder puts in its place: it then never appears in a
	// function, and Infer, Grad and Lower stay nil, since they follow. Errors are for the user, as Infer's.
	//
	// An operator that is a composition for some of its uses only has Infer, Grad and Lower for the others: Expand returns no results for those.
	Expand func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error)

	// Layer, where set, is what the name means in the language when it makes parameters of its own (dense, conv2d …).
	// Where nil, the language calls the operator on its operands as they are.
	Layer *Layer

	// Category groups the reference: "elementwise", "activation", "layer", "pooling", "tensor", "reduction", "loss", "metric",
	// "optimizer", "gradient".
	Category string
	// TrainOnly marks an operator that is the identity on its first operand outside training (dropout): functions "infer" and
	// "eval" are built without it.
	TrainOnly bool
	// Rate is the default learning rate of an optimizer.
	Rate float64
	// Rule is the meaning of an optimizer, as Eval is that of other operators: naively and in float64, what it makes in update t, from 1, of
	// one element of a parameter w with the gradient g, and of what it keeps of the element, which starts as zeros. The norm of all
	// gradients is clipped before. With ByNorm the result is a direction u in place of the new value, which is
	// w - lr*|w|/|u|*u with the norms over the whole parameter, or w - lr*u where one of them is 0.
	Rule   func(a ir.Attrs, t, lr, w, g float64, kept []float64) float64
	ByNorm bool
	// Gradients says that the operands are the gradients of the trainable parameters, in order. They lie in the gradient arena.
	Gradients bool
	// States names what the operator keeps from step to step, each as large as the trainable part of the parameter arena.
	States func(a ir.Attrs) []string
	// Metric says how a metric's results, one for each batch, become a number for a whole data set; nil for a mean over the examples.
	Metric *Metric
	// Scalars are the numbers that change from update to update, which the run-time computes and Lower reads by Lowering.Scalar.
	Scalars func(a ir.Attrs) []StepScalar
	// Effect marks an operator that must stay although nothing reads its results (an optimizer's update).
	Effect bool
	// Updates are the operands that an operator with an effect changes in place: parameters that are not trained. Eval does the same to its
	// tensors. The update takes place behind all that reads the parameter in its function.
	Updates []int
	// Together says that no result is the main one, so that the language wants all of them named (split); else a call is worth its first
	// result where only one is wanted.
	Together bool
	// Exact says that the evaluation, rounded to f32, is what the program computes, bit for bit: the operator only moves elements, or is a
	// single operation of IEEE 754. It can then be computed when the model is compiled.
	Exact bool
	// NoTiny says that Doc promises nothing for subnormal operands.
	NoTiny bool
	// Internal operators exist in the IR only and cannot be called from the language.
	Internal bool

	ONNX    ONNX
	Samples []Sample
}

// Arg is one operand. A Variadic last operand takes any number, at least one.
type Arg struct {
	Name, Doc string
	Optional  bool
	Variadic  bool
}

// AttrDef is one attribute. Default nil makes it required; its Go type must be int, float64, bool, string, []int or []float64, and
// Kind gives that type where Default is nil (a zero value of it).
type AttrDef struct {
	Name, Doc string
	Default   any
	Kind      any
	// Values lists the words a string attribute may take.
	Values []string
}

// Zero returns a value of the attribute's Go type.
func (d AttrDef) Zero() any {
	if d.Default != nil {
		return d.Default
	}
	return d.Kind
}

// ONNX names the operator in ONNX, with the opset versions that the literal follows; Attrs maps our attribute names to ONNX's.
type ONNX struct {
	Name  string            `json:"name"`
	Min   int               `json:"min"`
	Max   int               `json:"max"`
	Attrs map[string]string `json:"attributes,omitempty"`
	Note  string            `json:"note,omitempty"`
}

// Sample is one input of the generic test. Values are made from the seed, in Range of the operand (default -2..2);
// labels and indices are given as Data.
type Sample struct {
	Args  []ir.Type
	Attrs ir.Attrs
	Data  map[int][]float64  // operand number → its values, for a batch of Batch
	Range map[int][2]float64 // operand number → the interval its values come from
	Batch int                // N; 0 means 3
	// Kinks says that the function has points without a derivative near which finite differences lie; the test then keeps the
	// values that far apart from each other and from 0.
	Kinks float64
	// NoGrad leaves the gradient out, for samples at which none exists.
	NoGrad bool
}

// Metric says how results of eval and train, one for each batch, become one number for all examples of a data set. Such results are not
// what the number says, so no operator may work on them.
type Metric struct {
	// Reduce says what a result is: "mean", f32[] that is averaged over the examples; "sum", counts that are added up; "rows", f32[N, …] of
	// which each row is folded into sums; "collect", f32[N, …] of which all rows are kept to the end.
	Reduce string
	// Finish names the function of package runtime, in a file finish*.go, that makes the number: that of "f1" is finishF1.
	Finish string
	// Falls says that less is better.
	Falls bool
}

// Layer is the language's view of an operator that owns parameters.
type Layer struct {
	Doc string
	// Operands are the tensors that a call gives, by place or by name; nil is one, x. Build has nil for an optional one that is missing,
	// and none behind the last that is given.
	Operands []Arg
	Attrs    []AttrDef // in the order in which positional arguments bind; the operator's own where not listed
	// Build applies the layer to x, making parameters through b, and returns its results. Attributes are complete and typed.
	Build func(b *Builder, x []*ir.Value, a ir.Attrs) ([]*ir.Value, error)
}

// Takes lists the operands of a call.
func (l *Layer) Takes() []Arg {
	if l.Operands == nil {
		return []Arg{{Name: "x", Doc: "what the layer works on"}}
	}
	return l.Operands
}

var registry = map[string]*Operator{}

// Register adds an operator; a second one of the same name is a bug and panics. It is called while package variables are
// initialized.
func Register(o *Operator) *Operator {
	if registry[o.Name] != nil {
		panic("ops: " + o.Name + " is registered twice")
	}
	registry[o.Name] = o
	return o
}

// Lookup returns the operator of that name, or nil.
func Lookup(name string) *Operator { return registry[name] }

// All returns every operator, by name.
func All() []*Operator {
	list := make([]*Operator, 0, len(registry))
	for _, o := range registry {
		list = append(list, o)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// Tensor is a value of the float64 evaluation: dense and row-major, with N replaced by its number. Integers and truth values
// (0 and 1) are held as float64 too.
type Tensor struct {
	Elem  ir.DType
	Shape []int
	Data  []float64
}

// NewTensor returns a tensor of zeros.
func NewTensor(e ir.DType, shape ...int) *Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return &Tensor{Elem: e, Shape: append([]int{}, shape...), Data: make([]float64, n)}
}

// Note is an error with a way out, which the language prints below the message.
type Note struct {
	Err  string
	Note string
}

// Error returns the message without the note.
func (n *Note) Error() string { return n.Err }

// WithNote makes an error with a way out.
func WithNote(note, format string, args ...any) error {
	return &Note{fmt.Sprintf(format, args...), note}
}

// Builder appends operators to a function, with their types inferred and checked and defaults filled in. It is used by layers,
// by gradients and by the language.
type Builder struct {
	Module *ir.Module
	Func   *ir.Func
	Pos    diag.Pos
	// Scope is the dotted name of the definition being built ("hidden.dense"), from which parameters are named.
	Scope string
	// Reuse lets Param return a parameter that the module has already, where type and start are the same: the functions of a
	// module share their parameters.
	Reuse bool
	// Init and BiasInit, where set, are how the weights and the biases of the layer being built start in place of what the layer says,
	// and DefaultInit where these are not set. InitUsed and BiasInitUsed report whether any parameter started so.
	Init, BiasInit, DefaultInit *Start
	InitUsed, BiasInitUsed      bool
	// Training says that the function being built is the one that is trained: batch normalization then uses the batch's own statistics.
	Training bool
}

// Op appends an operator with one result. The error is Infer's.
func (b *Builder) Op(kind, name string, args []*ir.Value, attrs ...ir.Attr) (*ir.Value, error) {
	results, err := b.Ops(kind, name, args, attrs...)
	if err != nil {
		return nil, err
	}
	return results[0], nil
}

// Ops appends an operator, or what it expands to, and returns its results. name is a hint for their names.
func (b *Builder) Ops(kind, name string, args []*ir.Value, attrs ...ir.Attr) ([]*ir.Value, error) {
	o := Lookup(kind)
	if o == nil {
		return nil, fmt.Errorf("no operator is called %s", kind)
	}
	full, err := Complete(o.Attrs, attrs)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	if err := o.checkArity(len(args)); err != nil {
		return nil, err
	}
	if o.Expand != nil {
		if !o.Exact { // a composition is rounded once, not at each of its operators
			if results := b.widened(o, name, args, full); results != nil {
				return results, nil
			}
		}
		if results, err := b.expand(o, args, full); results != nil || err != nil {
			return results, err
		}
	}
	if i := slices.Index(args, nil); i >= 0 {
		if full.Get("given") == nil {
			return nil, WithNote("operands by place may only be missing at the end", "%s needs its operand %s where one behind it is given", kind, o.Args[i].Name)
		}
		var given ir.Attr
		args, given = compact(args)
		full = append(slices.DeleteFunc(slices.Clone(full), func(a ir.Attr) bool { return a.Name == "given" }), given)
		if full, err = Complete(o.Attrs, full); err != nil {
			return nil, err
		}
	}
	types := make([]ir.Type, len(args))
	for i, a := range args {
		types[i] = a.Type
		if m := metricOf(a); m != nil {
			return nil, WithNote("write it as it is: metric = "+m.Name+"(…)",
				"%s cannot work on %s, which is a number only when all examples have been seen", kind, m.Name)
		}
	}
	res, err := o.Infer(types, full)
	if err != nil {
		if results := b.widened(o, name, args, full); results != nil {
			return results, nil
		}
		return nil, err
	}
	return b.Func.Append(kind, name, args, full, res, b.Pos).Results, nil
}

// expand appends what an operator stands for. Where that fails half-way, the function is left as it was.
func (b *Builder) expand(o *Operator, args []*ir.Value, full ir.Attrs) ([]*ir.Value, error) {
	before := len(b.Func.Ops)
	results, err := o.Expand(b, args, full)
	if err != nil {
		b.Func.Ops = b.Func.Ops[:before]
		return nil, err
	}
	return results, nil
}

// metricOf returns the operator whose result v is, where that becomes a number only over a whole data set.
func metricOf(v *ir.Value) *Operator {
	if v.Def == nil {
		return nil
	}
	if o := Lookup(v.Def.Kind); o != nil && o.Metric != nil {
		return o
	}
	return nil
}

// Must is Op for gradients, whose types are known to fit; it panics on an error, which is a bug in the literal.
func (b *Builder) Must(kind, name string, args []*ir.Value, attrs ...ir.Attr) *ir.Value {
	v, err := b.Op(kind, name, args, attrs...)
	if err != nil {
		panic("ops: " + kind + " in a gradient: " + err.Error())
	}
	return v
}

// Param makes a parameter named Scope.name and returns its value.
func (b *Builder) Param(name string, t ir.Type, init ir.Init) (*ir.Value, error) {
	return b.param(name, t, init, true)
}

// Statistic is Param for a parameter that is not trained, but kept up by an operator with Updates.
func (b *Builder) Statistic(name string, t ir.Type, init ir.Init) (*ir.Value, error) {
	return b.param(name, t, init, false)
}

func (b *Builder) param(name string, t ir.Type, init ir.Init, trainable bool) (*ir.Value, error) {
	full := name
	if b.Scope != "" {
		full = b.Scope + "." + name
	}
	if trainable {
		var err error
		if init, err = b.start(name, t.Shape, init); err != nil {
			return nil, err
		}
	}
	return b.place(full, t, init, trainable)
}

// Declare makes a parameter that stands in the source by itself and is called name. start is how it starts; where nil, a matrix that is trained
// starts as Builder.DefaultInit or glorot_uniform say, and everything else as zeros. Errors: what is trained is f32, and whole numbers and truth
// values start as one number that their type has.
func (b *Builder) Declare(name string, t ir.Type, start *Start, trainable bool) (*ir.Value, error) {
	if trainable && t.Elem != ir.F32 {
		return nil, WithNote("buffer "+name+": … is saved with the weights and not trained", "param %s is %s, but only f32 can be trained", name, t)
	}
	if start == nil && trainable && len(t.Shape) > 1 {
		if start = b.DefaultInit; start == nil {
			start = &Start{Initializers[0], ir.Attrs{{Name: "gain", Value: 1.0}}}
		}
	}
	init := ir.Init{Kind: "zeros"}
	if start != nil {
		var err error
		if init, err = start.of(name, t.Shape); err != nil {
			return nil, err
		}
	}
	if !init.Fits(t.Elem) {
		return nil, WithNote("zeros, ones and constant(…) can start it, with a number that "+t.Elem.String()+" has", "%s cannot start as %s: its elements are %s", name, start.Name, t.Elem)
	}
	return b.place(name, t, init, trainable)
}

// place makes a parameter, or returns the one of that name where the functions of a module share it.
func (b *Builder) place(full string, t ir.Type, init ir.Init, trainable bool) (*ir.Value, error) {
	if p := b.Module.Param(full); p != nil {
		if b.Reuse && p.Type.Equal(t) && p.Init == init && p.Trainable == trainable {
			return b.Func.ParamValue(p), nil
		}
		return nil, fmt.Errorf("two parameters would be called %s", full)
	}
	p := &ir.Param{Name: full, Type: t, Init: init, Trainable: trainable, Pos: b.Pos}
	b.Module.Params = append(b.Module.Params, p)
	return b.Func.ParamValue(p), nil
}

func (o *Operator) checkArity(n int) error {
	least, most := 0, len(o.Args)
	for _, a := range o.Args {
		if !a.Optional {
			least++
		}
		if a.Variadic {
			most = n
		}
	}
	if n < least || n > most {
		return fmt.Errorf("%s takes %d operands, not %d", o.Name, least, n)
	}
	return nil
}

// Complete returns given in the order of defs, with defaults filled in. An int is accepted for a float64 and, as a list of
// one, for a list; an unknown, missing or ill-typed attribute is an error.
func Complete(defs []AttrDef, given []ir.Attr) (ir.Attrs, error) {
	used := make([]bool, len(given))
	var full ir.Attrs
	for _, d := range defs {
		v := d.Default
		for i, g := range given {
			if g.Name == d.Name {
				if used[i] {
					continue
				}
				used[i] = true
				c, err := convert(d, g.Value)
				if err != nil {
					return nil, err
				}
				v = c
			}
		}
		if v == nil {
			return nil, fmt.Errorf("%s is missing", d.Name)
		}
		full = append(full, ir.Attr{Name: d.Name, Value: v})
	}
	for i, g := range given {
		if !used[i] {
			return nil, fmt.Errorf("no attribute is called %s, or it is given twice", g.Name)
		}
	}
	return full, nil
}

func convert(d AttrDef, v any) (any, error) {
	switch want := d.Zero().(type) {
	case int:
		if x, ok := v.(int); ok {
			return x, nil
		}
		if x, ok := v.(float64); ok && x == float64(int(x)) {
			return int(x), nil
		}
		return nil, fmt.Errorf("%s wants a whole number, not %v", d.Name, v)
	case float64:
		switch x := v.(type) {
		case float64:
			return x, nil
		case int:
			return float64(x), nil
		}
		return nil, fmt.Errorf("%s wants a number, not %v", d.Name, v)
	case bool:
		if x, ok := v.(bool); ok {
			return x, nil
		}
		return nil, fmt.Errorf("%s wants true or false, not %v", d.Name, v)
	case string:
		x, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("%s wants a word in quotes, not %v", d.Name, v)
		}
		if len(d.Values) > 0 {
			for _, w := range d.Values {
				if w == x {
					return x, nil
				}
			}
			return nil, fmt.Errorf("%s is one of %v, not %q", d.Name, d.Values, x)
		}
		return x, nil
	case []int:
		switch x := v.(type) {
		case []int:
			return x, nil
		case int:
			return []int{x}, nil
		}
		return nil, fmt.Errorf("%s wants whole numbers in brackets, not %v", d.Name, v)
	case []float64:
		switch x := v.(type) {
		case []float64:
			return x, nil
		case []int:
			f := make([]float64, len(x))
			for i := range x {
				f[i] = float64(x[i])
			}
			return f, nil
		case float64:
			return []float64{x}, nil
		case int:
			return []float64{float64(x)}, nil
		}
		return nil, fmt.Errorf("%s wants numbers in brackets, not %v", d.Name, v)
	default:
		return nil, fmt.Errorf("ops: attribute %s is declared as %T, which no attribute may be", d.Name, want)
	}
}

// Lowering turns one tensor function into one loop function.
type Lowering struct {
	Func *loop.Func
	// Groups are the parts of the trainable part of the parameter arena that optimizers treat otherwise than others. Where nil,
	// there is one that holds the operands of the optimizer, one after the other.
	Groups []ir.Group
	bufs   map[*ir.Value]*loop.Buffer
	op     *ir.Op
	arena  ir.Dim // the extent of arenas; zero for the symbol P
}

// NewLowering returns a lowering into f in which the given values already have buffers.
func NewLowering(f *loop.Func, bufs map[*ir.Value]*loop.Buffer) *Lowering {
	return &Lowering{Func: f, bufs: bufs}
}

// Run lowers one operator.
func (l *Lowering) Run(op *ir.Op) error {
	o := Lookup(op.Kind)
	if o == nil || o.Lower == nil {
		return fmt.Errorf("%s: operator %s has no lowering", op.Pos, op.Kind)
	}
	l.op = op
	o.Lower(l, op)
	return nil
}

// Buf returns the buffer of a value, making a Temp for the results of the operator being lowered.
func (l *Lowering) Buf(v *ir.Value) *loop.Buffer {
	if b := l.bufs[v]; b != nil {
		return b
	}
	b := l.Func.NewBuffer(v.Name, v.Type, loop.Temp, v.Pos)
	l.bufs[v] = b
	return b
}

// Temp makes a scratch buffer named after the operator's first result.
func (l *Lowering) Temp(suffix string, t ir.Type) *loop.Buffer {
	return l.Func.NewBuffer(l.op.Results[0].Name+"."+suffix, t, loop.Temp, l.op.Pos)
}

// Scalar returns the run-time scalar of that name: "batch" (N as f32), "lr", "seed", "step" (i32) …
func (l *Lowering) Scalar(name string, e ir.DType) *loop.Buffer {
	if b := l.Func.Buffer("$" + name); b != nil {
		return b
	}
	return l.Func.NewBuffer("$"+name, ir.T(e, nil), loop.Scalar, diag.Pos{})
}

// Arena returns the whole of the parameter arena (space Weight), of the gradients (Grad) or of one optimizer state (State, by
// name) as a flat f32[P] buffer, where the symbol P is the length of the arena's trainable part. Where an optimizer needs the length
// itself, it stands in place of P.
func (l *Lowering) Arena(space loop.Space, name string) *loop.Buffer {
	full := "$" + space.String()
	if space == loop.State {
		full += "." + name
	}
	if b := l.Func.Buffer(full); b != nil {
		return b
	}
	return l.Func.NewBuffer(full, ir.T(ir.F32, ir.Shape{l.arenaDim()}), space, diag.Pos{})
}

// arenaDim is the extent of the arenas of this function.
func (l *Lowering) arenaDim() ir.Dim {
	if l.arena == (ir.Dim{}) {
		l.arena = ir.Dim{Size: 1, Sym: "P"}
	}
	return l.arena
}

// Emit appends a nest, named and placed after the operator.
func (l *Lowering) Emit(n *loop.Nest) {
	if n.Name == "" {
		n.Name = l.op.Kind
		if len(l.op.Results) > 0 {
			n.Name = l.op.Results[0].Name
		}
	}
	if !n.Pos.Valid() {
		n.Pos = l.op.Pos
	}
	if n.Lanes == 0 {
		n.Lanes = 1
	}
	n.Ops = append(n.Ops, l.op.Kind)
	l.Func.Nests = append(l.Func.Nests, n)
}
