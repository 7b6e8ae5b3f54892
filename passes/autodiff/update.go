package autodiff

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// update appends the optimizer of the train block, which takes the gradients of all trainable parameters, and what follows on it: bounds
// on norms, then the moving average. Where the gradients of several batches make one update, function f adds them up and the rest
// becomes a function of its own, which the run-time calls after the last of them.
//
// The rate is no attribute: it changes from step to step, and the run-time provides it.
func update(m *ir.Module, f *ir.Func, grads []*ir.Value) error {
	opt := m.Train.Optimizer
	o := ops.Lookup(opt.Name)
	if o == nil || o.Category != "optimizer" {
		return fmt.Errorf("%s: no optimizer is called %s", opt.Pos, opt.Name)
	}
	b := &ops.Builder{Module: m, Func: f, Pos: opt.Pos}
	if m.Train.Accumulate > 1 {
		if _, err := b.Ops("accumulate", "accumulate", grads); err != nil {
			return fmt.Errorf("%s: %w", opt.Pos, err)
		}
		b.Func, grads = ir.NewFunc(ir.FuncUpdate), nil
		m.Funcs = append(m.Funcs, b.Func)
	}
	var attrs []ir.Attr
	for _, a := range opt.Attrs {
		if a.Name != "lr" {
			attrs = append(attrs, a)
		}
	}
	if _, err := b.Ops(opt.Name, opt.Name, grads, attrs...); err != nil {
		return fmt.Errorf("%s: %s: %w", opt.Pos, opt.Name, err)
	}
	for _, p := range m.Params {
		c := m.Train.MaxNorm(p.Name)
		if c == nil || !p.Trainable {
			continue
		}
		b.Pos = c.Pos
		limit := ir.Attr{Name: "limit", Value: c.Attrs.Get("limit")}
		if _, err := b.Ops("max_norm", p.Name, []*ir.Value{b.Func.ParamValue(p)}, limit); err != nil {
			return fmt.Errorf("%s: %w", c.Pos, err)
		}
	}
	for _, c := range m.Train.Average {
		b.Pos = c.Pos
		if _, err := b.Ops("average", "average", nil, c.Attrs...); err != nil {
			return fmt.Errorf("%s: %w", c.Pos, err)
		}
	}
	return nil
}
