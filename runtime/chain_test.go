package runtime

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

// TestChain runs a chain of a step over three rows an example, one in two cuts, and a sum over the batch, by one thread and more: each row is done once, an example's
// steps follow each other in one part, the sum takes the examples in order, and threads keep temporaries apart.
func TestChain(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 4, 5} {
		for _, n := range []int{0, 1, 3, 4, 7, 8, 29, 30} {
			t.Run(fmt.Sprintf("%d threads, %d examples", threads, n), func(t *testing.T) {
				x := &exec{n: n, max: 30, alone: threads == 1}
				if threads > 1 {
					x.pool = newPool(threads)
					defer x.pool.close()
				}
				for range 3 {
					testChain(t, x)
				}
			})
		}
	}
}

func testChain(t *testing.T, x *exec) {
	var mu sync.Mutex
	rows, cuts := make([]int, 3*x.n), make([]int, 2*x.n)
	scratch := make([]int, x.max) // where each example's temporary is
	var summed []int
	note := func(list []int, lo, hi int) {
		mu.Lock()
		defer mu.Unlock()
		for i := lo; i < hi; i++ {
			list[i]++
		}
	}
	first := func(x *exec, lo, hi int) {
		note(rows, lo, hi)
		for i := lo; i < hi; i++ {
			scratch[i/3-x.shift] = i / 3 // no lock: threads have places of their own
		}
	}
	second := func(x *exec, lo, hi int) {
		note(cuts, lo, hi)
		_, lo, hi = cutOf(x.n, lo, hi)
		for i := lo; i < hi; i++ {
			if got := scratch[i-x.shift]; got != i {
				t.Errorf("example %d finds the temporary of %d", i, got)
			}
		}
	}
	total := func(x *exec, lo, hi int) {
		if hi-lo != 1 || lo != 0 {
			t.Errorf("the sum is asked for rows %d to %d", lo, hi)
		}
		for i := range x.block(2) {
			summed = append(summed, x.from+i) // no lock: one thread at a time
		}
	}
	x.chain(4, 1, func(x *exec) {
		x.each(3*x.n, 3, 6, first)
		x.eachCut(2, x.n, 3, false, second)
		x.sum(0, 2, 1, 1, 1, total)
	})
	for _, list := range [][]int{rows, cuts} {
		if slices.ContainsFunc(list, func(times int) bool { return times != 1 }) {
			t.Errorf("rows were done %v times", list)
		}
	}
	for i, example := range summed {
		if i != example {
			t.Fatalf("the sum takes %v", summed)
		}
	}
	if len(summed) != x.n || x.hi != 0 {
		t.Errorf("%d examples were summed, the window ends at %d", len(summed), x.hi)
	}
}
