package ops

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir"
)

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
