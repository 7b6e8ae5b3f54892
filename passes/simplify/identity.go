package simplify

import (
	"math"
	"slices"

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
		if v, what := s.same(op); v != nil && v.Type.Equal(y.Type) {
			s.replace(y, v, what)
			continue
		}
		s.shorten(op)
	}
}

// same returns the operand that the only result of op equals bit for bit, and what to call that; nil where there is none. x + 0 is not
// among them: it makes +0 of -0.
func (s *simplifier) same(op *ir.Op) (*ir.Value, string) {
	switch op.Kind {
	case "reshape", "flatten":
		if op.Args[0].Type.Equal(op.Results[0].Type) {
			return op.Args[0], op.Kind + " keeps the shape of " + op.Args[0].Name
		}
	case "expand":
		if op.Args[0].Type.Equal(op.Results[0].Type) && op.Attrs.Get("mean") == false {
			return op.Args[0], "expand keeps the shape of " + op.Args[0].Name
		}
	case "cast":
		return op.Args[0], "cast keeps the type of " + op.Args[0].Name // where it does, which the caller looks at
	case "transpose":
		if inOrder(permOf(op)) {
			return op.Args[0], "transpose keeps the axes of " + op.Args[0].Name
		}
		if d := op.Args[0].Def; d != nil && d.Kind == "transpose" && inOrder(compose(permOf(d), permOf(op))) {
			return d.Args[0], "transpose undoes the one before it"
		}
	case "neg":
		if d := op.Args[0].Def; d != nil && d.Kind == "neg" {
			return d.Args[0], "neg undoes the one before it"
		}
	case "mul":
		if isConst(op.Args[1], 1) {
			return op.Args[0], op.Args[0].Name + " times 1"
		}
		if isConst(op.Args[0], 1) {
			return op.Args[1], "1 times " + op.Args[1].Name
		}
	case "div":
		if isConst(op.Args[1], 1) {
			return op.Args[0], op.Args[0].Name + " divided by 1"
		}
	case "sub":
		if isConst(op.Args[1], 0) {
			return op.Args[0], op.Args[0].Name + " minus 0"
		}
	case "add":
		if isConst(op.Args[1], math.Copysign(0, -1)) {
			return op.Args[0], op.Args[0].Name + " plus -0"
		}
	}
	return nil, ""
}

// shorten takes a reshape of a reshape, or a transpose of a transpose, from the first operand.
func (s *simplifier) shorten(op *ir.Op) {
	if len(op.Args) != 1 || op.Args[0].Def == nil {
		return
	}
	d := op.Args[0].Def
	switch {
	case moves(op.Kind) && moves(d.Kind):
		// Both keep the row-major order, so only the shape at the end matters, where the attributes give it from the first operand too.
		t, err := ops.Lookup(op.Kind).Infer([]ir.Type{d.Args[0].Type}, op.Attrs)
		if err != nil || len(t) != 1 || !t[0].Equal(op.Results[0].Type) || !s.allowed(op, op.Kind+" of a "+d.Kind) {
			return
		}
		op.Args[0] = d.Args[0]
	case op.Kind == "transpose" && d.Kind == "transpose":
		perm := compose(permOf(d), permOf(op))
		if inOrder(perm) || !s.allowed(op, "transpose of a transpose") {
			return
		}
		op.Args[0] = d.Args[0]
		op.Attrs = ir.Attrs{{Name: "perm", Value: perm}}
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

// moves reports whether an operator gives the same elements in the same order another shape.
func moves(kind string) bool { return kind == "reshape" || kind == "flatten" }

// permOf returns where each axis of a transpose's result comes from, as the operator's literal defines it.
func permOf(op *ir.Op) []int {
	rank := len(op.Args[0].Type.Shape)
	perm := slices.Clone(op.Attrs.Ints("perm"))
	if len(perm) == 0 {
		for i := range rank {
			perm = append(perm, rank-i)
		}
		if rank > 0 {
			perm[0] = 0
		}
	}
	for i, p := range perm {
		if p < 0 {
			perm[i] = p + rank
		}
	}
	return perm
}

// compose returns the permutation that transposing by first and then by second makes.
func compose(first, second []int) []int {
	p := make([]int, len(second))
	for i, k := range second {
		p[i] = first[k]
	}
	return p
}

func inOrder(perm []int) bool {
	for i, p := range perm {
		if i != p {
			return false
		}
	}
	return true
}

// isConst reports whether v is a constant tensor filled with x; zeros are told apart by sign.
func isConst(v *ir.Value, x float64) bool {
	c, ok := filled(v)
	return ok && c == float32(x) && math.Signbit(float64(c)) == math.Signbit(x)
}

// filled returns the value that a constant tensor holds everywhere.
func filled(v *ir.Value) (float32, bool) {
	if v.Def == nil || v.Def.Kind != "constant" {
		return 0, false
	}
	return float32(v.Def.Attrs.Float("value")), true
}
