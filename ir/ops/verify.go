package ops

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// Verify checks m as [ir.Verify] does and then every operator: its literal exists, the number of its operands fits, its attributes
// are complete, in order and of their types, and its results have exactly the types that Infer gives. An error names the function,
// the operator and its position.
func Verify(m *ir.Module) error {
	if err := ir.Verify(m); err != nil {
		return err
	}
	for _, f := range m.Funcs {
		for i, op := range f.Ops {
			if err := verifyOp(op); err != nil {
				return fmt.Errorf("%s: %s: operator %d, %s: %w", op.Pos, f.Name, i, op.Kind, err)
			}
		}
	}
	return nil
}

// verifyOp checks one operator against its literal.
func verifyOp(op *ir.Op) error {
	o := Lookup(op.Kind)
	if o == nil {
		return fmt.Errorf("no operator is called %s", op.Kind)
	}
	if o.Infer == nil {
		return fmt.Errorf("it stands for other operators and never appears itself")
	}
	if err := o.checkArity(len(op.Args)); err != nil {
		return err
	}
	if err := verifyAttrs(o.Attrs, op.Attrs); err != nil {
		return err
	}
	args, results := make([]ir.Type, len(op.Args)), make([]ir.Type, len(op.Results))
	for i, v := range op.Args {
		args[i] = v.Type
	}
	for i, v := range op.Results {
		results[i] = v.Type
	}
	want, err := o.Infer(args, op.Attrs)
	if err != nil {
		return err
	}
	if !slices.EqualFunc(want, results, ir.Type.Equal) {
		return fmt.Errorf("its results are %v, but should be %v", results, want)
	}
	return nil
}

// verifyAttrs checks that attrs are those of defs, complete, in order and of the declared types.
func verifyAttrs(defs []AttrDef, attrs ir.Attrs) error {
	if len(attrs) != len(defs) {
		return fmt.Errorf("it has %d attributes, not %d", len(attrs), len(defs))
	}
	for i, d := range defs {
		a := attrs[i]
		if a.Name != d.Name {
			return fmt.Errorf("attribute %d is %s, not %s", i, a.Name, d.Name)
		}
		if got, want := reflect.TypeOf(a.Value), reflect.TypeOf(d.Zero()); got != want {
			return fmt.Errorf("attribute %s is %v, not %v", a.Name, got, want)
		}
		if w, ok := a.Value.(string); ok && len(d.Values) > 0 && !slices.Contains(d.Values, w) {
			return fmt.Errorf("attribute %s is %q, none of %v", a.Name, w, d.Values)
		}
	}
	return nil
}
