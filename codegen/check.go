package codegen

import (
	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/runtime"
)

// Check asks the support code what it thinks of a model's train block, which is better known when the model is compiled than at run time. The error is a
// *diag.List.
func Check(m *ir.Module) error {
	eval := m.Func(ir.FuncEval)
	if m.Train == nil || eval == nil {
		return nil
	}
	var results []string
	for _, r := range eval.Results {
		results = append(results, r.Name)
	}
	errs := &diag.List{}
	for _, c := range []struct {
		calls []ir.Call
		check func([]runtime.Call, []string) error
	}{{m.Train.Schedule, runtime.CheckSchedule}, {m.Train.Callbacks, runtime.CheckCallbacks}} {
		for i, x := range c.calls {
			if err := c.check(plainCalls(c.calls[i:i+1]), results); err != nil {
				errs.Add(x.Pos, len(x.Name), err.Error())
			}
		}
	}
	return errs.Err()
}

// plainCalls are calls as the run-time reads them.
func plainCalls(calls []ir.Call) []runtime.Call {
	var list []runtime.Call
	for _, c := range calls {
		r := runtime.Call{Name: c.Name, Args: map[string]any{}}
		for _, a := range c.Attrs {
			r.Args[a.Name] = plain(a.Value)
		}
		list = append(list, r)
	}
	return list
}
