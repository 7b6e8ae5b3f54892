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
	if !ops.Depends(f, loss, params) {
		return nil, diag.Errorf(loss.Pos, "the loss does not depend on any trainable parameter")
	}
	b := &ops.Builder{Module: m, Func: f, Pos: loss.Pos}
	grads, err := b.Gradients(loss, params, "the loss depends on parameters")
	if err != nil {
		return nil, err
	}
	for i, p := range params {
		if grads[i] == nil {
			if grads[i], err = b.Filled(p, 0); err != nil {
				return nil, diag.Errorf(p.Param.Pos, "no gradient for parameter %s of type %s: only f32 can be trained", p.Name, p.Type)
			}
		}
	}
	return grads, nil
}
