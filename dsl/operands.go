package dsl

import (
	"fmt"
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// ownWeights reports whether a call of a layer gives the operands that it would make parameters for, so that it is one of the plain operator: one of
// them by its name, more tensors than the layer takes, or by its place a tensor without a batch.
func ownWeights(o *ops.Operator, pos []value, named []namedArg) bool {
	takes := o.Layer.Takes()
	has := func(name string) bool {
		return slices.ContainsFunc(o.Args, func(a ops.Arg) bool { return a.Name == name }) &&
			!slices.ContainsFunc(takes, func(a ops.Arg) bool { return a.Name == name })
	}
	for _, n := range named {
		_, tensor := n.value.(*ir.Value)
		_, number := n.value.(float64)
		attr := slices.ContainsFunc(o.Layer.Attrs, func(d ops.AttrDef) bool { return d.Name == n.name.text })
		if has(n.name.text) && (tensor || number && !attr) {
			return true
		}
	}
	for i, v := range pos {
		t, tensor := v.(*ir.Value)
		if !tensor || i >= len(o.Args) {
			return false
		}
		static := len(t.Type.Shape) == 0 || t.Type.Shape[0].Static()
		if i >= len(takes) || static && has(o.Args[i].Name) {
			return true
		}
	}
	return false
}

// operands takes a call's operands from its arguments: tensors by place, each element of a list where any number is wanted, then tensors by
// name. Numbers stand for scalars where an operand must be. A missing optional operand is nil, and those behind the last one given are left
// out. It returns the arguments that are left.
func (e *evaluator) operands(x *callExpr, what string, args []ops.Arg, pos []value, named []namedArg) (xs []*ir.Value, _ []value, _ []namedArg, ok bool) {
	least, most := 0, len(args)
	for _, a := range args {
		if !a.Optional && !a.Variadic {
			least++
		}
		if a.Variadic {
			most = math.MaxInt
			if o := ops.Lookup(what); o != nil && len(o.Attrs) == 0 {
				least = max(least, len(pos)) // max(a, b, 0): no attribute that a number could be
			}
		}
	}
	// The weights of a layer are tensors, and a number by place one of its attributes.
	o := ops.Lookup(what)
	own := o != nil && o.Layer != nil
	beside := slices.Clone(pos)
	for _, n := range named {
		beside = append(beside, n.value)
	}
	elem := elemBeside(beside...)
	for len(pos) > 0 && len(xs) < most {
		if list, isList := pos[0].([]value); isList && most == math.MaxInt && len(xs) >= len(args)-1 && tensors(list) {
			pos = append(slices.Clone(list), pos[1:]...)
			continue
		}
		_, number := pos[0].(float64)
		if _, isTensor := pos[0].(*ir.Value); !isTensor && !(number && !own && len(xs) < least && !givenByName(args, len(xs), named)) {
			break
		}
		t := e.tensor(x, pos[0], elem)
		if t == nil {
			return nil, nil, nil, false
		}
		xs, pos = append(xs, t), pos[1:]
	}
	var rest []namedArg
	for _, n := range named {
		i := slices.IndexFunc(args, func(a ops.Arg) bool { return a.Name == n.name.text })
		_, isTensor := n.value.(*ir.Value)
		if _, number := n.value.(float64); i < 0 || !isTensor && !number {
			rest = append(rest, n)
			continue
		}
		t := e.tensor(n.at, n.value, elem)
		if t == nil {
			return nil, nil, nil, false
		}
		for len(xs) <= i {
			xs = append(xs, nil)
		}
		if xs[i] != nil {
			e.c.errs.Addf(n.name.pos, len(n.name.text), "%s is given twice", n.name.text)
			return nil, nil, nil, false
		}
		xs[i] = t
	}
	given := 0
	for i, a := range args {
		if i < len(xs) && xs[i] != nil {
			given++
		} else if !a.Optional && !a.Variadic {
			switch {
			case len(xs) == 0:
				e.fail(x, what+" needs a tensor to work on", "write x |> "+what+"(…)")
			case own && len(args) == len(o.Args):
				e.fail(x, what+" is given operands of its own and makes no parameters, but it lacks "+a.Name, a.Name+": "+a.Doc+"; "+o.Describe().Signature+" makes them")
			default:
				e.fail(x, fmt.Sprintf("%s needs %d operands, and has %d", what, least, given), "it lacks "+a.Name+": "+a.Doc)
			}
			return nil, nil, nil, false
		}
	}
	return xs, pos, rest, true
}

// givenByName reports whether operand i has its name in front of it, so that a number by place is not meant for it.
func givenByName(args []ops.Arg, i int, named []namedArg) bool {
	return i < len(args) && slices.ContainsFunc(named, func(n namedArg) bool { return n.name.text == args[i].Name })
}

// tensors reports whether a list holds tensors.
func tensors(list []value) bool {
	return len(list) > 0 && !slices.ContainsFunc(list, func(v value) bool { _, ok := v.(*ir.Value); return !ok })
}

// plain applies an operator to its operands.
func (e *evaluator) plain(x *callExpr, o *ops.Operator, pos []value, named []namedArg) value {
	xs, pos, named, ok := e.operands(x, o.Name, o.Args, pos, named)
	if !ok {
		return nil
	}
	attrs, ok := e.attributes(x, o.Name, o.Attrs, pos, named)
	if !ok {
		return nil
	}
	if slices.ContainsFunc(o.Attrs, func(d ops.AttrDef) bool { return d.Name == "id" }) {
		// Each place of the source draws random numbers of its own.
		e.ids++
		attrs = slices.DeleteFunc(attrs, func(a ir.Attr) bool { return a.Name == "id" })
		attrs = append(attrs, ir.Attr{Name: "id", Value: e.ids})
	}
	if o.Layer == nil {
		return e.op(x, o.Name, xs, attrs...)
	}
	if !e.count(x) {
		return nil
	}
	e.b.Pos = exprPos(x)
	results, err := e.b.Ops(o.Name, o.Name, xs, attrs...)
	if err != nil {
		return e.refuse(x, err, operandNotes(o, xs)...)
	}
	return oneOrMore(o.Name, results)
}

// operandNotes sets what each operand of a layer should be beside what it is: where the layer consists of several operators, the error is that of one
// of them, which knows its operands by other names.
func operandNotes(o *ops.Operator, xs []*ir.Value) []string {
	var list []string
	for i, v := range xs {
		if v != nil {
			list = append(list, fmt.Sprintf("%s is %s; it takes %s", o.Args[i].Name, v.Type, o.Args[i].Doc))
		}
	}
	return list
}
