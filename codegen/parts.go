package codegen

import (
	"slices"

	"github.com/dlc-ml/dlc/ir/loop"
)

// How much memory the examples that a session runs at a time may take on each thread. Layer after layer over a large batch would fetch every activation from
// memory. A scan multiplies the same matrix step after step, and needs many examples to make up for reading it.
const (
	partBytes = 2 << 20  // about the second level of the cache
	scanBytes = 12 << 20 // a share of the last
)

// partOf returns how many examples of a program should run at a time; 0 where an example may meet another.
func partOf(f *loop.Func) int {
	if f.Plan.PerExample == 0 || !separable(f) {
		return 0
	}
	bytes := partBytes
	if slices.ContainsFunc(f.Nests, recurs) {
		bytes = scanBytes
	}
	return max(2, bytes/(4*f.Plan.PerExample))
}

// recurs reports whether a nest is a scan that reads parameters, such as the matrix of a recurrent layer.
func recurs(n *loop.Nest) bool {
	return n.Form == loop.Scan && slices.ContainsFunc(n.Body, func(b *loop.Nest) bool {
		return slices.ContainsFunc(b.Accesses(), func(a loop.Access) bool { return a.Buf.Space == loop.Weight || a.Buf.Space == loop.Prepared })
	})
}

// separable reports whether no example of a program meets another and none knows its number, so that a batch may be run in parts.
func separable(f *loop.Func) bool {
	ok := true
	f.Each(func(n *loop.Nest, steps []loop.Axis) { ok = ok && apart(n, steps) })
	return ok
}

// apart reports whether a nest runs over the examples as over rows, each by itself, or touches nothing that is one for each example.
func apart(n *loop.Nest, steps []loop.Axis) bool {
	row := -1
	for i := range len(steps) + len(n.Axes) + len(n.Red) {
		a := loop.Axis{}
		if i < len(steps) {
			a = steps[i]
		} else {
			a = n.AxisAt(i - len(steps))
		}
		if a.Extent.Static() {
			continue
		}
		if row >= 0 || i < len(steps) || i >= len(steps)+len(n.Axes) || a.Extent.Size != 1 {
			return false
		}
		row = i
	}
	ok := true
	n.Exprs(func(e *loop.Expr) {
		ok = ok && (e.Code != loop.Index || row < 0 || e.Idx.Coef(row) == 0)
	})
	for _, a := range n.Accesses() {
		if a.Buf.Space == loop.Scalar {
			return false // it may be the size of the batch
		}
		for d, ext := range a.Buf.Shape {
			ix := a.Index[d]
			switch {
			case !ext.Static():
				if d != 0 || ext.Size != 1 || len(a.Dyn) > 0 && a.Dyn[0] != nil || ix.Const != 0 || len(ix.Terms) != 1 || ix.Terms[0] != (loop.Term{Axis: row, Coef: 1}) {
					return false
				}
			case row >= 0 && ix.Coef(row) != 0:
				return false
			}
		}
	}
	return ok
}
