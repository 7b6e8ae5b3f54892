// Package autodiff is the pass that makes a training step of the function "train": it appends the gradient of the loss by every
// trainable parameter, by reverse accumulation over the operators, and the optimizer's update.
package autodiff

import (
	"fmt"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
	"github.com/dlc-ml/dlc/passes/pass"
	"github.com/dlc-ml/dlc/passes/simplify"
)

// Pass is autodiff as a row of the pipeline.
var Pass = pass.Pass{
	Name: "autodiff",
	Doc: "Autodiff appends to the function train the gradient of the loss by each trainable parameter and the optimizer's update of them. A gradient is " +
		"named after its value with \".grad\" behind it. Functions infer and eval stay as they are.",
	Requires: []pass.Order{
		{Before: "simplify", Reason: "an operator that does nothing would get a gradient that does nothing"},
	},
	Run: run,
}

func run(u *pass.Unit, cfg *pass.Config) error {
	f := u.Module.Func(ir.FuncTrain)
	if f == nil {
		return nil
	}
	if u.Module.Train == nil {
		return fmt.Errorf("function %s has no train block that names its optimizer", f.Name)
	}
	grads, err := Gradients(u.Module, f)
	if err != nil {
		return err
	}
	if err := update(u.Module, f, grads); err != nil {
		return err
	}
	simplify.Func(f, cfg)
	return nil
}

// Gradients appends to f, whose first result is the loss, the gradient of the loss by each trainable parameter of m, and returns them in the
// order of the module. A parameter that the loss does not depend on gets zeros. Errors name the source position of the operator that
// no gradient can pass.
func Gradients(m *ir.Module, f *ir.Func) ([]*ir.Value, error) {
	if len(f.Results) == 0 || !f.Results[0].Value.Type.Equal(ir.T(ir.F32, nil)) {
		return nil, fmt.Errorf("function %s has no loss: its first result must be f32[]", f.Name)
	}
	loss := f.Results[0].Value
	var params []*ir.Value
	for _, p := range m.Params {
		if p.Trainable {
			params = append(params, f.ParamValue(p))
		}
	}
	if len(params) == 0 {
		return nil, diag.Errorf(loss.Pos, "there is nothing to train: the model has no trainable parameters")
	}
	d := &differentiation{
		b: &ops.Builder{Module: m, Func: f, Pos: loss.Pos}, forward: map[*ir.Op]bool{},
		active: dependents(f, params), grads: map[*ir.Value]*ir.Value{},
	}
	for _, op := range f.Ops {
		d.forward[op] = true
	}
	if !d.active[loss] {
		return nil, diag.Errorf(loss.Pos, "the loss does not depend on any trainable parameter")
	}
	if err := d.reverse(loss); err != nil {
		return nil, err
	}
	list := make([]*ir.Value, len(params))
	for i, p := range params {
		g := d.grads[p]
		if g == nil {
			if g, _ = d.constant(p, 0); g == nil {
				return nil, diag.Errorf(p.Param.Pos, "no gradient for parameter %s of type %s: only f32 can be trained", p.Name, p.Type)
			}
		}
		list[i] = g
	}
	return list, nil
}

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
	b       *ops.Builder
	forward map[*ir.Op]bool         // the operators that were there before
	active  map[*ir.Value]bool      // what depends on a trainable parameter: gradients of anything else are not kept
	grads   map[*ir.Value]*ir.Value // the sum of the gradients that reached each value so far
}

// reverse walks the operators from the last to the first. When it reaches one, all uses of its results lie behind it, so that their
// gradients are complete.
func (d *differentiation) reverse(loss *ir.Value) error {
	seed, err := d.constant(loss, 1)
	if err != nil {
		return err
	}
	d.grads[loss] = seed
	forward := d.b.Func.Ops[:len(d.b.Func.Ops)-1]
	for i := len(forward) - 1; i >= 0; i-- {
		if err := d.op(forward[i]); err != nil {
			return err
		}
	}
	return nil
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
	o := ops.Lookup(op.Kind)
	if o == nil {
		return fmt.Errorf("%s: no operator is called %s", op.Pos, op.Kind)
	}
	if o.Grad == nil {
		why := o.NoGrad
		if why == "" {
			why = "it has no derivative"
		}
		return diag.Errorf(op.Pos, "the loss depends on parameters through %s, which no gradient can pass: %s", op.Kind, why)
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

// constant makes a tensor like v filled with x.
func (d *differentiation) constant(v *ir.Value, x float64) (*ir.Value, error) {
	d.b.Pos = v.Pos
	dims := []int{}
	for _, e := range v.Type.Shape {
		dims = append(dims, e.Size)
	}
	c, err := d.b.Op("constant", v.Name+".grad", nil, ir.Attr{Name: "value", Value: x}, ir.Attr{Name: "shape", Value: dims})
	if err != nil {
		return nil, fmt.Errorf("%s: the gradient of %s: %w", v.Pos, v.Name, err)
	}
	if !c.Type.Equal(v.Type) {
		return nil, fmt.Errorf("%s: the gradient of %s would be %s, not %s", v.Pos, v.Name, c.Type, v.Type)
	}
	return c, nil
}
