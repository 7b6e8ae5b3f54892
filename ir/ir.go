// Package ir is the tensor IR: typed SSA over tensors. A [Module] holds parameters and functions; a [Func] is a straight
// list of operators in the order in which they run. What an operator means stands in package ops.
package ir

import (
	"math"

	"github.com/dlc-ml/dlc/diag"
)

// Module is one model: its parameters and the functions over them.
type Module struct {
	Name   string
	Params []*Param
	Funcs  []*Func
	Train  *Training // nil where the source has no train block
	// Lengths are the inputs that say how much of other inputs counts.
	Lengths []Length
}

// Length is an input i32[N] of every function that says how many steps of each example count, from 1 to Max: of the extent behind the
// batch, which is Max, of the inputs and targets named in Of.
type Length struct {
	Name string
	Max  int
	Of   []string
	Pos  diag.Pos
}

// The functions of a module: Infer maps inputs to outputs. Eval maps inputs and targets to the loss and the metrics, without
// changing anything. Train does the same in training form (dropout active); pass autodiff appends the backward part and the
// optimizer's update to it, or where gradients of several batches are added up first makes function Update of it. The first result of Eval and Train is the loss, an f32 scalar: the mean over the batch. So are metrics.
const (
	FuncInfer  = "infer"
	FuncEval   = "eval"
	FuncTrain  = "train"
	FuncUpdate = "update"
)

// Func returns the function of that name, or nil.
func (m *Module) Func(name string) *Func {
	for _, f := range m.Funcs {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// Param returns the parameter of that name, or nil.
func (m *Module) Param(name string) *Param {
	for _, p := range m.Params {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Param is a tensor that outlives a call: a weight, or a running statistic. Its name is dotted and comes from the source
// ("hidden.dense.weight"); in text it is written with a leading @.
type Param struct {
	Name string
	Type Type // never symbolic
	Init Init
	// Trainable parameters receive gradients and updates; the others (running statistics, frozen weights) do not.
	Trainable bool
	Pos       diag.Pos
}

// Init says how a parameter starts: Kind is "zeros", "ones", "constant" (Scale is the value), "uniform" (in Mean ± Scale), "normal" (of
// deviation Scale around Mean), "truncated_normal" (likewise, within two deviations), "orthogonal" (times Scale) or "identity" (likewise).
type Init struct {
	Kind        string
	Scale, Mean float64
}

// Fits reports whether elements of type d can start so: those of floating-point types as anything, whole numbers and truth values as one number that
// the type has.
func (i Init) Fits(d DType) bool {
	if d.Float() {
		return true
	}
	switch i.Kind {
	case "zeros", "ones":
		return true
	case "constant":
		low, high := d.Range()
		return i.Scale == math.Trunc(i.Scale) && i.Scale >= low && i.Scale <= high
	}
	return false
}

// InitKinds are the values of Init.Kind.
var InitKinds = []string{"zeros", "ones", "constant", "uniform", "normal", "truncated_normal", "orthogonal", "identity"}

// Symbol is a named extent known only at run time, such as the batch N. Max bounds it; 0 leaves the bound to the session.
type Symbol struct {
	Name string
	Max  int
}

// Func is one program over tensors.
type Func struct {
	Name    string
	Symbols []Symbol
	Inputs  []*Value // in order; each has Def == nil and Param == nil
	Ops     []*Op    // every operand is defined before its use
	Results []Result

	params map[string]*Value
	names  map[string]int // see uniqueName
}

// Result names a value that a function returns.
type Result struct {
	Name  string
	Value *Value
}

// Value is one tensor: an input, a parameter, or the result of an operator.
type Value struct {
	Name  string // unique in its function, without the leading % or @
	Type  Type
	Def   *Op    // the operator that makes it; nil for inputs and parameters
	Index int    // which result of Def
	Param *Param // set for parameters only
	Pos   diag.Pos
}

// Op is one operator applied to values. Kind names a literal of package ops.
type Op struct {
	Kind    string
	Args    []*Value
	Attrs   Attrs
	Results []*Value
	Pos     diag.Pos
}

// NewFunc returns an empty function.
func NewFunc(name string, symbols ...Symbol) *Func {
	return &Func{Name: name, Symbols: symbols, params: map[string]*Value{}, names: map[string]int{}}
}

// Input appends an input.
func (f *Func) Input(name string, t Type, pos diag.Pos) *Value {
	v := &Value{Name: f.unique(name), Type: t, Pos: pos}
	f.Inputs = append(f.Inputs, v)
	return v
}

// ParamValue returns the value that stands for p in f, the same one each time.
func (f *Func) ParamValue(p *Param) *Value {
	if f.params == nil {
		f.params = map[string]*Value{}
	}
	if v := f.params[p.Name]; v != nil {
		return v
	}
	v := &Value{Name: p.Name, Type: p.Type, Param: p, Pos: p.Pos}
	f.params[p.Name] = v
	return v
}

// Append adds an operator with results of the given types at the end of f and returns it. name is a hint for its results' names.
// It infers nothing: use ops.Builder to have types inferred and checked.
func (f *Func) Append(kind, name string, args []*Value, attrs Attrs, types []Type, pos diag.Pos) *Op {
	op := f.NewOp(kind, name, args, attrs, types, pos)
	f.Ops = append(f.Ops, op)
	return op
}

// NewOp makes an operator that belongs to f without placing it in f.Ops.
func (f *Func) NewOp(kind, name string, args []*Value, attrs Attrs, types []Type, pos diag.Pos) *Op {
	op := &Op{Kind: kind, Args: args, Attrs: attrs, Pos: pos}
	for i, t := range types {
		op.Results = append(op.Results, &Value{Name: f.unique(name), Type: t, Def: op, Index: i, Pos: pos})
	}
	return op
}

// Extend gives op, which belongs to f, further results of the given types, and returns them.
func (f *Func) Extend(op *Op, name string, types ...Type) []*Value {
	first := len(op.Results)
	for _, t := range types {
		op.Results = append(op.Results, &Value{Name: f.unique(name), Type: t, Def: op, Index: len(op.Results), Pos: op.Pos})
	}
	return op.Results[first:]
}

// Return appends a result.
func (f *Func) Return(name string, v *Value) { f.Results = append(f.Results, Result{name, v}) }

// Rename calls v, which belongs to f and is no parameter, name, or name with the first free numeric suffix.
func (f *Func) Rename(v *Value, name string) {
	if v.Name != name {
		v.Name = f.unique(name)
	}
}

// ReplaceUses makes every use of old, in operators and results, a use of new.
func (f *Func) ReplaceUses(old, new *Value) {
	for _, op := range f.Ops {
		for i, a := range op.Args {
			if a == old {
				op.Args[i] = new
			}
		}
	}
	for i := range f.Results {
		if f.Results[i].Value == old {
			f.Results[i].Value = new
		}
	}
}

// Uses counts the operands and results that read each value.
func (f *Func) Uses() map[*Value]int {
	n := map[*Value]int{}
	for _, op := range f.Ops {
		for _, a := range op.Args {
			n[a]++
		}
	}
	for _, r := range f.Results {
		n[r.Value]++
	}
	return n
}

// Params returns the parameters that f reads, in the order of their first use.
func (f *Func) Params() []*Value {
	var list []*Value
	seen := map[*Value]bool{}
	add := func(v *Value) {
		if v.Param != nil && !seen[v] {
			seen[v] = true
			list = append(list, v)
		}
	}
	for _, op := range f.Ops {
		for _, a := range op.Args {
			add(a)
		}
	}
	for _, r := range f.Results {
		add(r.Value)
	}
	return list
}

// unique returns name, or name with the first free numeric suffix.
func (f *Func) unique(name string) string {
	if f.names == nil {
		f.names = map[string]int{}
		for _, v := range f.Inputs {
			f.names[v.Name] = 2
		}
		for _, op := range f.Ops {
			for _, r := range op.Results {
				f.names[r.Name] = 2
			}
		}
	}
	return uniqueName(f.names, name)
}
