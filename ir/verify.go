package ir

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Verify checks the structure of m: names are unique, every operand is defined before its use, parameters belong to the
// module, results exist, Def and Index agree, symbols are declared and every tensor has a legal number of elements. What an
// operator wants of its operands is checked by package ops. An error names the function and, where there is one, the source position.
func Verify(m *Module) error {
	if m == nil {
		return fmt.Errorf("ir: there is no module")
	}
	params := map[string]*Param{}
	for _, p := range m.Params {
		if err := verifyParam(p, params); err != nil {
			return err
		}
		params[p.Name] = p
	}
	names := map[string]bool{}
	for _, f := range m.Funcs {
		if f == nil {
			return fmt.Errorf("ir: module %s has a nil function", m.Name)
		}
		if names[f.Name] {
			return fmt.Errorf("ir: two functions are called %s", f.Name)
		}
		names[f.Name] = true
		v := verifier{f: f, params: params, symbols: map[string]bool{}, names: map[string]bool{}, defined: map[*Value]bool{},
			stands: map[*Param]*Value{}}
		if err := v.fn(); err != nil {
			return fmt.Errorf("ir: function %s: %w", f.Name, err)
		}
	}
	for _, l := range m.Lengths {
		for _, f := range m.Funcs {
			if err := verifyLength(f, l); err != nil {
				return fmt.Errorf("ir: function %s: %w", f.Name, err)
			}
		}
	}
	return verifyTraining(m.Train)
}

// verifyLength checks that an input of lengths is one, and that what it measures has room for the longest.
func verifyLength(f *Func, l Length) error {
	inputs := map[string]*Value{}
	for _, v := range f.Inputs {
		inputs[v.Name] = v
	}
	if v := inputs[l.Name]; v == nil || !v.Type.Equal(T(I32, NS())) {
		return fmt.Errorf("%s: there is no input %%%s of type i32[N] for lengths", l.Pos, l.Name)
	}
	if l.Max < 1 || len(l.Of) == 0 {
		return fmt.Errorf("%s: lengths %%%s up to %d of %d inputs", l.Pos, l.Name, l.Max, len(l.Of))
	}
	for _, name := range l.Of {
		v := inputs[name]
		if v == nil && f.Name == FuncInfer {
			continue // a target
		}
		if v == nil || len(v.Type.Shape) < 2 || v.Type.Shape[1] != D(l.Max) {
			return fmt.Errorf("%s: %%%s is no input with %d steps", l.Pos, name, l.Max)
		}
	}
	return nil
}

func verifyParam(p *Param, params map[string]*Param) error {
	switch {
	case p == nil:
		return fmt.Errorf("ir: there is a nil parameter")
	case params[p.Name] != nil:
		return fmt.Errorf("ir: %s: two parameters are called @%s", p.Pos, p.Name)
	}
	if err := verifyType(p.Type, nil); err != nil {
		return fmt.Errorf("ir: %s: parameter @%s: %w", p.Pos, p.Name, err)
	}
	if !slices.Contains(InitKinds, p.Init.Kind) {
		return fmt.Errorf("ir: %s: parameter @%s starts as %q, which is none of %s", p.Pos, p.Name, p.Init.Kind, strings.Join(InitKinds, ", "))
	}
	if !p.Init.Fits(p.Type.Elem) {
		return fmt.Errorf("ir: %s: parameter @%s is %s and cannot start as %s", p.Pos, p.Name, p.Type, p.Init.Kind)
	}
	for _, x := range []float64{p.Init.Scale, p.Init.Mean} {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("ir: %s: parameter @%s starts from %v", p.Pos, p.Name, x)
		}
	}
	return nil
}

// verifyType checks a tensor's type. symbols are those it may use.
func verifyType(t Type, symbols map[string]bool) error {
	if t.Elem == Invalid || int(t.Elem) >= len(dtypeNames) {
		return fmt.Errorf("element type %s does not exist", t.Elem)
	}
	for _, d := range t.Shape {
		switch {
		case d.Size < 0:
			return fmt.Errorf("%s has a negative extent", t)
		case d.Size == 0 && !d.Static():
			return fmt.Errorf("%s has a symbolic extent of nothing", t)
		case !d.Static() && !symbols[d.Sym]:
			return fmt.Errorf("%s uses symbol %s, which is not declared", t, d.Sym)
		}
	}
	if _, ok := t.Shape.Elems(); !ok {
		return fmt.Errorf("%s has two symbolic extents or more than %d elements", t, MaxElems)
	}
	return nil
}

type verifier struct {
	f       *Func
	params  map[string]*Param
	symbols map[string]bool
	names   map[string]bool
	defined map[*Value]bool
	stands  map[*Param]*Value // the one value that stands for each parameter
}

func (v *verifier) fn() error {
	for _, s := range v.f.Symbols {
		switch {
		case s.Name == "":
			return fmt.Errorf("a symbol has no name")
		case v.symbols[s.Name]:
			return fmt.Errorf("symbol %s is declared twice", s.Name)
		case s.Max < 0:
			return fmt.Errorf("symbol %s is bounded by %d", s.Name, s.Max)
		}
		v.symbols[s.Name] = true
	}
	for _, in := range v.f.Inputs {
		if in == nil {
			return fmt.Errorf("an input is nil")
		}
		if in.Def != nil || in.Param != nil {
			return fmt.Errorf("input %%%s is also something else", in.Name)
		}
		if err := v.define(in); err != nil {
			return err
		}
	}
	for i, op := range v.f.Ops {
		if op == nil {
			return fmt.Errorf("operator %d is nil", i)
		}
		if err := v.op(op); err != nil {
			return fmt.Errorf("%s: %s: %w", op.Pos, op.Kind, err)
		}
	}
	results := map[string]bool{}
	for _, r := range v.f.Results {
		if results[r.Name] {
			return fmt.Errorf("two results are called %s", r.Name)
		}
		results[r.Name] = true
		if err := v.use(r.Value); err != nil {
			return fmt.Errorf("result %s: %w", r.Name, err)
		}
	}
	return nil
}

// define notes a value, whose name must be new.
func (v *verifier) define(x *Value) error {
	if v.names[x.Name] || v.defined[x] {
		return fmt.Errorf("%%%s is defined twice", x.Name)
	}
	v.names[x.Name] = true
	v.defined[x] = true
	if err := verifyType(x.Type, v.symbols); err != nil {
		return fmt.Errorf("%%%s: %w", x.Name, err)
	}
	return nil
}

// use checks an operand or a result.
func (v *verifier) use(x *Value) error {
	switch {
	case x == nil:
		return fmt.Errorf("a value is missing")
	case x.Param != nil:
		if v.params[x.Param.Name] != x.Param {
			return fmt.Errorf("parameter @%s does not belong to the module", x.Param.Name)
		}
		if x.Def != nil || x.Name != x.Param.Name || !x.Type.Equal(x.Param.Type) {
			return fmt.Errorf("the value of parameter @%s disagrees with it", x.Param.Name)
		}
		if first := v.stands[x.Param]; first != nil && first != x {
			return fmt.Errorf("parameter @%s has a second value: use ParamValue", x.Param.Name)
		}
		v.stands[x.Param] = x
	case !v.defined[x]:
		return fmt.Errorf("%%%s is used before it is defined, or belongs to another function", x.Name)
	}
	return nil
}

func (v *verifier) op(op *Op) error {
	if op.Kind == "" {
		return fmt.Errorf("an operator has no kind")
	}
	for _, a := range op.Args {
		if err := v.use(a); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	for _, a := range op.Attrs {
		if seen[a.Name] {
			return fmt.Errorf("attribute %s is given twice", a.Name)
		}
		seen[a.Name] = true
		switch a.Value.(type) {
		case int, float64, bool, string, []int, []float64:
		default:
			return fmt.Errorf("attribute %s has Go type %T", a.Name, a.Value)
		}
	}
	for i, r := range op.Results {
		if r == nil {
			return fmt.Errorf("result %d is nil", i)
		}
		if r.Def != op || r.Index != i || r.Param != nil {
			return fmt.Errorf("result %d, %%%s, does not point back to it", i, r.Name)
		}
		if err := v.define(r); err != nil {
			return err
		}
	}
	return nil
}

func verifyTraining(t *Training) error {
	if t == nil {
		return nil
	}
	switch {
	case t.Optimizer.Name == "":
		return fmt.Errorf("ir: the train block names no optimizer")
	case t.Batch <= 0:
		return fmt.Errorf("ir: %s: a batch of %d", t.Optimizer.Pos, t.Batch)
	case t.Epochs < 0:
		return fmt.Errorf("ir: %s: %d epochs", t.Optimizer.Pos, t.Epochs)
	case t.Accumulate < 0:
		return fmt.Errorf("ir: %s: an update of %d batches", t.Optimizer.Pos, t.Accumulate)
	case len(t.Average) > 1:
		return fmt.Errorf("ir: %s: a second average", t.Average[1].Pos)
	}
	return nil
}
