package ops

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// EvalFunc runs a whole function in float64 by the evaluation of each operator, which is the specification that everything
// faster is checked against. given holds every input and every parameter that f reads, for a batch of n examples. It returns the
// results in order. An error names what is missing or does not fit its type; tensors in given are not changed.
func EvalFunc(f *ir.Func, given map[*ir.Value]*Tensor, n int) ([]*Tensor, error) {
	env := make(map[*ir.Value]*Tensor, len(given)+len(f.Ops))
	for _, v := range append(slices.Clone(f.Inputs), f.Params()...) {
		t := given[v]
		if t == nil {
			return nil, fmt.Errorf("%s: no value is given for %s", f.Name, v.Name)
		}
		if err := fits(t, v.Type, n); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", f.Name, v.Name, err)
		}
		env[v] = t
	}
	for _, op := range f.Ops {
		o := Lookup(op.Kind)
		if o == nil || o.Eval == nil {
			return nil, fmt.Errorf("%s: %s: operator %s has no evaluation", op.Pos, f.Name, op.Kind)
		}
		args := make([]*Tensor, len(op.Args))
		for i, v := range op.Args {
			if args[i] = env[v]; args[i] == nil {
				return nil, fmt.Errorf("%s: %s: %s reads %s before it is defined", op.Pos, f.Name, op.Kind, v.Name)
			}
		}
		for _, i := range o.Updates {
			// Parameters keep their values for all that reads them.
			args[i] = &Tensor{Elem: args[i].Elem, Shape: args[i].Shape, Data: slices.Clone(args[i].Data)}
		}
		results := o.Eval(args, op.Attrs)
		if len(results) != len(op.Results) {
			return nil, fmt.Errorf("%s: %s: %s evaluates to %d results, not %d", op.Pos, f.Name, op.Kind, len(results), len(op.Results))
		}
		for i, v := range op.Results {
			if err := fits(results[i], v.Type, n); err != nil {
				return nil, fmt.Errorf("%s: %s: the evaluation of %s: %w", op.Pos, f.Name, op.Kind, err)
			}
			env[v] = results[i]
		}
	}
	list := make([]*Tensor, len(f.Results))
	for i, r := range f.Results {
		if list[i] = env[r.Value]; list[i] == nil {
			return nil, fmt.Errorf("%s: result %s is not defined", f.Name, r.Name)
		}
	}
	return list, nil
}

// fits checks a tensor against a type for a batch of n.
func fits(t *Tensor, want ir.Type, n int) error {
	shape, total := Extents(want.Shape, n), 1
	for _, d := range shape {
		total *= d
	}
	if t.Elem != want.Elem || !slices.Equal(t.Shape, shape) || len(t.Data) != total {
		return fmt.Errorf("%s%v with %d elements is not a %s for a batch of %d", t.Elem, t.Shape, len(t.Data), want, n)
	}
	return nil
}

// Extents is s with n in place of the batch.
func Extents(s ir.Shape, n int) []int {
	list := make([]int, len(s))
	for i, d := range s {
		if list[i] = d.Size; !d.Static() {
			list[i] *= n
		}
	}
	return list
}
