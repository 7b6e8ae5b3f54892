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
	n := max(2, bytes/(4*f.Plan.PerExample))
	switch { // kernels whose rows are examples take four or eight at a time
	case n >= 8:
		return n &^ 7
	case n >= 4:
		return 4
	}
	return n
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
	f.Each(func(n *loop.Nest, steps []loop.Axis) {
		scalar := func(a loop.Access) bool { return a.Buf.Space == loop.Scalar } // it may be the size of the batch
		ok = ok && n.ByExample(steps) && !slices.ContainsFunc(n.Accesses(), scalar)
	})
	return ok
}
