package vec_test

import (
	"slices"
	"testing"

	"github.com/dlc-ml/dlc/avo/vec"
)

// TestReaders checks who reads a value: nobody counts beyond the straight run of verbs that it is made in.
func TestReaders(t *testing.T) {
	f := vec.New("k", vec.AVX2, []string{"x"}, []string{"n"})
	a := f.Load(0, 0)                  // 0: read twice by 1, once by 3
	b := f.Binary(vec.Mul, a, a)       // 1: read by the loop
	c := f.Load(0, 32)                 // 2: read by 3, accumulated into
	f.Fma(c, a, f.Load(0, 64))         // 3 is the load, 4 the sum
	f.Loop(vec.Param(0), nil, func() { // 5
		f.StorePart(0, 0, b, 8) // 6
	})
	f.StorePart(0, 32, c, 8)
	readers, sole := vec.Readers(f.Ops, f.NumRegs()), vec.SoleReads(f.Ops, f.NumRegs())
	for i, want := range [][]int{{1, 1, 4}, nil, {4}, {4}, nil} {
		if !slices.Equal(readers[i], want) {
			t.Errorf("verb %d is read by %v, want %v", i, readers[i], want)
		}
	}
	if want := []int{-1, -1, -1, 4, -1}; !slices.Equal(sole[:5], want) {
		t.Errorf("sole readers %v, want %v", sole[:5], want)
	}
}

// TestClaims checks that what the code meets most often comes first, and that pointers nobody uses are left out.
func TestClaims(t *testing.T) {
	f := vec.New("k", vec.AVX2, []string{"once", "never", "often"}, []string{"n"})
	x := f.Load(0, 0)
	f.Loop(vec.Fixed(100), nil, func() { f.StorePart(2, 0, f.Binary(vec.Add, x, f.Load(2, 0)), 8) })
	var got []vec.Claim
	for _, c := range vec.Claims(f, f.Ops) {
		got = append(got, vec.Claim{Ptr: c.Ptr, Depth: c.Depth})
	}
	if want := []vec.Claim{{Ptr: 2, Depth: -1}, {Ptr: -1, Depth: 0}, {Ptr: 0, Depth: -1}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
