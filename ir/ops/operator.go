// Package ops holds the operators: one literal in one file each. An [Operator] says everything about itself: its types, its
// meaning (a naive float64 evaluation that is the specification), its gradient, the loop nests that it lowers to, its ONNX
// name, and samples that the one generic test walks. Adding an operator touches one file.
package ops

import (
	"sort"

	"github.com/dlc-ml/dlc/ir"
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

	// Moves says that the only result has the elements of the first operand in the same row-major order: a chain of such operators is one.
	Moves bool
	// Spreads, where set, says of which attributes the only result is filled with a number where the first operand is. Operators that
	// move do so always.
	Spreads func(a ir.Attrs) bool
	// Same returns the operand that the only result equals bit for bit, where it also has its type, and why; nil where there is none.
	Same func(op *ir.Op) (*ir.Value, string)
	// After returns the attributes with which op does, to the operand of the operator of its kind before it, what both do; nil where
	// it cannot.
	After func(before, op *ir.Op) ir.Attrs

	// Category groups the reference: "elementwise", "activation", "layer", "pooling", "tensor", "reduction", "loss", "metric",
	// "optimizer", "gradient".
	Category string
	// TrainOnly marks an operator that is the identity on its first operand outside training (dropout): functions "infer" and
	// "eval" are built without it.
	TrainOnly bool
	// Rate is the default learning rate of an optimizer.
	Rate float64
	// Momentum names the attribute of an optimizer that a schedule may move: with the attribute cycled it is the scalar "momentum" of the update.
	Momentum string
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
