package ops

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir"
)

// Gradients appends to the function the gradient of y, of whose elements the sum is taken, by other values, by reverse accumulation, and returns them in
// their order: nil for those that y does not depend on. Errors name the source position of the operator that no gradient can pass, behind what, which says
// what depends on what.
func (b *Builder) Gradients(y *ir.Value, by []*ir.Value, what string) ([]*ir.Value, error) {
	d := &differentiation{b: b, what: what, forward: map[*ir.Op]bool{}, active: dependents(b.Func, by), grads: map[*ir.Value]*ir.Value{}}
	list := make([]*ir.Value, len(by))
	if !d.active[y] {
		return list, nil
	}
	forward := slices.Clone(b.Func.Ops)
	for _, op := range forward {
		d.forward[op] = true
	}
	seed, err := b.Filled(y, 1)
	if err != nil {
		return nil, err
	}
	d.grads[y] = seed
	// When the walk reaches an operator, all uses of its results lie behind it, so that their gradients are complete.
	for _, op := range slices.Backward(forward) {
		if err := d.op(op); err != nil {
			return nil, err
		}
	}
	for i, v := range by {
		list[i] = d.grads[v]
	}
	return list, nil
}

// Depends reports whether y depends on any of some values.
func Depends(f *ir.Func, y *ir.Value, on []*ir.Value) bool { return dependents(f, on)[y] }

// dependents returns the values of f that depend on any of some others, these included.
func dependents(f *ir.Func, on []*ir.Value) map[*ir.Value]bool {
	dep := map[*ir.Value]bool{}
	for _, v := range on {
		dep[v] = true
	}
	for _, op := range f.Ops {
		for _, a := range op.Args {
			if dep[a] {
				for _, r := range op.Results {
					dep[r] = true
				}
				break
			}
		}
	}
	return dep
}

// differentiation is one run of reverse accumulation.
type differentiation struct {
	b       *Builder
	what    string                  // what depends on what, for errors
	forward map[*ir.Op]bool         // the operators that were there before
	active  map[*ir.Value]bool      // what depends on the values that gradients are wanted by: those of anything else are not kept
	grads   map[*ir.Value]*ir.Value // the sum of the gradients that reached each value so far
}

// op sends the gradients of an operator's results on to its operands.
func (d *differentiation) op(op *ir.Op) error {
	grads := make([]*ir.Value, len(op.Results))
	reached := false
	for i, r := range op.Results {
		grads[i] = d.grads[r]
		reached = reached || grads[i] != nil
	}
	wanted := false
	for _, a := range op.Args {
		wanted = wanted || d.active[a]
	}
	if !reached || !wanted {
		return nil
	}
	o := Lookup(op.Kind)
	if o == nil {
		return fmt.Errorf("%s: no operator is called %s", op.Pos, op.Kind)
	}
	if o.Grad == nil {
		why := o.NoGrad
		if why == "" {
			why = "it has no derivative"
		}
		return diag.Errorf(op.Pos, "%s through %s, which no gradient can pass: %s", d.what, op.Kind, why)
	}
	d.b.Pos = op.Pos
	list := o.Grad(d.b, op, grads)
	if len(list) != len(op.Args) {
		return fmt.Errorf("%s: the gradient of %s has %d parts for %d operands", op.Pos, op.Kind, len(list), len(op.Args))
	}
	for i, g := range list {
		if g == nil || !d.active[op.Args[i]] {
			continue
		}
		if err := d.add(op.Args[i], g); err != nil {
			return err
		}
	}
	return nil
}

// add adds g to the gradient of v.
func (d *differentiation) add(v, g *ir.Value) error {
	if !g.Type.Equal(v.Type) {
		return fmt.Errorf("%s: the gradient of %s is %s, not %s", d.b.Pos, v.Name, g.Type, v.Type)
	}
	name := v.Name + ".grad"
	if old := d.grads[v]; old != nil {
		s, err := d.b.Op("add", name, []*ir.Value{old, g})
		if err != nil {
			return fmt.Errorf("%s: the gradient of %s: %w", d.b.Pos, v.Name, err)
		}
		d.grads[v] = s
		return nil
	}
	// A gradient that an operator has just made for v alone is called after it; one that is passed on keeps its name.
	if g.Def != nil && !d.forward[g.Def] && !d.named(g) {
		d.b.Func.Rename(g, name)
	}
	d.grads[v] = g
	return nil
}

// named reports whether g is the gradient of something already.
func (d *differentiation) named(g *ir.Value) bool {
	for _, x := range d.grads {
		if x == g {
			return true
		}
	}
	return false
}

// Filled makes a tensor like v filled with x, as the gradient of v.
func (b *Builder) Filled(v *ir.Value, x float64) (*ir.Value, error) {
	b.Pos = v.Pos
	dims := []int{}
	for _, e := range v.Type.Shape {
		dims = append(dims, e.Size)
	}
	c, err := b.Op("constant", v.Name+".grad", nil, ir.Attr{Name: "value", Value: x}, ir.Attr{Name: "shape", Value: dims})
	if err != nil {
		return nil, fmt.Errorf("%s: the gradient of %s: %w", v.Pos, v.Name, err)
	}
	if !c.Type.Equal(v.Type) {
		return nil, fmt.Errorf("%s: the gradient of %s would be %s, not %s", v.Pos, v.Name, c.Type, v.Type)
	}
	return c, nil
}
