package loop

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// Chain is a run of nests that the caller runs one after another on a part of the batch before it goes on to the next part, so that what they
// hand on stays in the cache: nests From to To-1 of the function, Part examples at a time. Pass chain makes chains.
type Chain struct{ From, To, Part int }

// ByExample reports whether a nest runs over the examples as over rows, each by itself, or touches nothing that is one for each example, inside scans whose steps are
// the given axes.
func (n *Nest) ByExample(steps []Axis) bool {
	row := -1
	for i, a := range n.AllAxes(steps...) {
		if a.Extent.Static() {
			continue
		}
		if row >= 0 || i < len(steps) || i >= len(steps)+len(n.Axes) || a.Extent != ir.Batch {
			return false
		}
		row = i
	}
	ok := true
	n.Exprs(func(e *Expr) {
		ok = ok && (e.Code != Index || row < 0 || e.Idx.Coef(row) == 0)
	})
	for _, a := range n.Accesses() {
		ok = ok && a.ofRow(row)
	}
	return ok
}

// ofRow reports whether an access to what is one for each example is to that of the axis row, and one to anything else does not depend on it.
func (a Access) ofRow(row int) bool {
	for d, ext := range a.Buf.Shape {
		ix := a.Index[d]
		switch {
		case !ext.Static():
			if d != 0 || ext != ir.Batch || a.computed(d) || ix.Const != 0 || len(ix.Terms) != 1 || ix.Terms[0] != (Term{Axis: row, Coef: 1}) {
				return false
			}
		case row >= 0 && ix.Coef(row) != 0:
			return false
		}
	}
	return true
}

// Chainable reports whether a nest may stand in a chain: it runs over the examples, each by itself, and writes nothing that is there for all of them.
func (n *Nest) Chainable() bool {
	shared := func(s Store) bool { return !s.To.Buf.Scaled() }
	rows := func(a Axis) bool { return !a.Extent.Static() }
	return n.Form != Scan && slices.ContainsFunc(n.Axes, rows) && !slices.ContainsFunc(n.Stores, shared) && n.ByExample(nil)
}

// SumsExamples reports whether a nest sums over the batch, example after example, so that the sum may go on where it stopped at an earlier example.
func (n *Nest) SumsExamples() bool {
	row := len(n.Axes)
	if n.Form == Scan || n.Lanes > 1 || len(n.Red) == 0 || n.Red[0].Extent != ir.Batch {
		return false
	}
	for i, a := range n.AllAxes() {
		if i != row && !a.Extent.Static() {
			return false
		}
	}
	for _, s := range n.Stores {
		if s.Expr.Code != Acc || s.Add || s.To.Buf.Scaled() || !s.To.ofRow(row) {
			return false
		}
	}
	ok := true
	n.Exprs(func(e *Expr) { ok = ok && (e.Code != Index || e.Idx.Coef(row) == 0) })
	for _, a := range n.Loads() {
		ok = ok && a.ofRow(row)
	}
	return ok
}

// chains checks that chains follow each other and hold what may stand in them.
func (v *verifier) chains() error {
	end := 0
	for _, c := range v.f.Chains {
		if c.From < end || c.To <= c.From || c.To > len(v.f.Nests) || c.Part < 1 {
			return fmt.Errorf("a chain from nest %d to %d, %d examples at a time", c.From, c.To, c.Part)
		}
		for _, n := range v.f.Nests[c.From:c.To] {
			if !n.Chainable() && !n.SumsExamples() {
				return fmt.Errorf("%s: nest %s stands in a chain, but examples meet in it", n.Pos, n.Name)
			}
		}
		end = c.To
	}
	return nil
}
