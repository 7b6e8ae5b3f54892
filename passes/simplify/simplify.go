// Package simplify is the pass that makes the tensor program smaller without changing a bit of what it computes: it folds
// operators that do nothing, computes small constants, merges equal operators and drops those that nothing reads.
package simplify

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
	"github.com/dlc-ml/dlc/passes/pass"
)

// Pass is simplify as a row of the pipeline.
var Pass = pass.Pass{
	Name: "simplify",
	Doc: "Simplify drops operators that do nothing (x*1, a reshape to the same shape, a transpose that is undone), computes constants, " +
		"merges equal operators and removes those that nothing reads. No result changes a bit.",
	Run: run,
}

func run(u *pass.Unit, cfg *pass.Config) error {
	for _, f := range u.Module.Funcs {
		Func(f, cfg)
	}
	return nil
}

// Func simplifies one function until nothing changes.
func Func(f *ir.Func, cfg *pass.Config) {
	s := &simplifier{f: f, cfg: cfg}
	for s.changed = true; s.changed; {
		s.changed = false
		s.identities()
		s.constants()
		s.merge()
		s.dead()
	}
}

type simplifier struct {
	f       *ir.Func
	cfg     *pass.Config
	changed bool
}

// replace makes v stand for old everywhere, where the configuration lets it. A value that a user named keeps its name where the one
// that replaces it has none of its own: results are named apart from values, so nothing a caller sees is lost.
func (s *simplifier) replace(old, v *ir.Value, what string) bool {
	if !s.cfg.Rewrite(what) {
		return false
	}
	s.cfg.Explain(old.Pos, "simplify: "+s.f.Name+": "+what)
	s.f.ReplaceUses(old, v)
	s.changed = true
	return true
}

// DropDead removes operators of f whose results nothing reads, keeping effects. It returns how many went.
func DropDead(f *ir.Func) int {
	live := map[*ir.Value]bool{}
	for _, r := range f.Results {
		live[r.Value] = true
	}
	keep := make([]bool, len(f.Ops))
	for i := len(f.Ops) - 1; i >= 0; i-- {
		op := f.Ops[i]
		o := ops.Lookup(op.Kind)
		keep[i] = o == nil || o.Effect
		for _, r := range op.Results {
			keep[i] = keep[i] || live[r]
		}
		if keep[i] {
			for _, a := range op.Args {
				live[a] = true
			}
		}
	}
	left := f.Ops[:0]
	for i, op := range f.Ops {
		if keep[i] {
			left = append(left, op)
		}
	}
	n := len(f.Ops) - len(left)
	clear(f.Ops[len(left):])
	f.Ops = left
	return n
}

// dead removes what nothing reads. It is not counted as a rewrite of its own: it follows from the others.
func (s *simplifier) dead() {
	if DropDead(s.f) > 0 {
		s.changed = true
	}
}
