package simplify

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// identities replaces results that are an operand, and shortens chains of reshapes and transposes.
func (s *simplifier) identities() {
	for _, op := range s.f.Ops {
		if len(op.Results) != 1 {
			continue
		}
		y := op.Results[0]
		if o := ops.Lookup(op.Kind); o != nil && o.Same != nil {
			if v, what := o.Same(op); v != nil && v.Type.Equal(y.Type) {
				s.replace(y, v, what)
				continue
			}
		}
		s.shorten(op)
	}
}

// shorten takes a reshape of a reshape, or a transpose of a transpose, from the first operand.
func (s *simplifier) shorten(op *ir.Op) {
	if len(op.Args) != 1 || op.Args[0].Def == nil {
		return
	}
	d := op.Args[0].Def
	o, before := ops.Lookup(op.Kind), ops.Lookup(d.Kind)
	switch {
	case o == nil || before == nil:
	case o.Moves && before.Moves:
		// Both keep the row-major order, so only the shape at the end matters, where the attributes give it from the first operand too.
		t, err := o.Infer([]ir.Type{d.Args[0].Type}, op.Attrs)
		if err != nil || len(t) != 1 || !t[0].Equal(op.Results[0].Type) || !s.allowed(op, op.Kind+" of a "+d.Kind) {
			return
		}
		op.Args[0] = d.Args[0]
	case o.After != nil && d.Kind == op.Kind:
		attrs := o.After(d, op)
		if attrs == nil || !s.allowed(op, op.Kind+" of a "+d.Kind) {
			return
		}
		op.Args[0], op.Attrs = d.Args[0], attrs
	}
}

func (s *simplifier) allowed(op *ir.Op, what string) bool {
	if !s.cfg.Rewrite(what) {
		return false
	}
	s.cfg.Explain(op.Pos, "simplify: "+s.f.Name+": "+what)
	s.changed = true
	return true
}
