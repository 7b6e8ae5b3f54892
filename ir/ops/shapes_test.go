package ops

import (
	"testing"

	"github.com/dlc-ml/dlc/ir"
	"pgregory.net/rapid"
)

// drawShape draws up to four extents, behind the batch or not, with few elements in all.
func drawShape(r *rapid.T) ir.Shape {
	s := ir.Shape{}
	if rapid.Bool().Draw(r, "batch") {
		s = ir.NS()
	}
	for range rapid.IntRange(0, 4).Draw(r, "rank") {
		s = append(s, ir.D(rapid.SampledFrom([]int{1, 2, 3, 4, 6}).Draw(r, "extent")))
	}
	return s
}

// compare checks shapes, loop nests and evaluation of one operator on random values.
func compare(t reporter, kind string, args []ir.Type, attrs ir.Attrs) {
	c := newCase(t, Lookup(kind), &Sample{Args: args, Attrs: attrs, Batch: 2})
	if err := Verify(c.module); err != nil {
		t.Fatal(err)
	}
	c.compareLowered(t, c.given())
}

// TestReshapeAny reshapes random shapes to random orders of their prime factors.
func TestReshapeAny(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := drawShape(r)
		keep, n := 0, 1
		if len(s) > 0 && !s[0].Static() {
			keep = 1
		}
		for _, d := range s[keep:] {
			n *= d.Size
		}
		dims := []int{}
		for n > 1 || rapid.Bool().Draw(r, "one more") && len(dims) < 8 {
			f := 1
			for _, p := range []int{2, 3} {
				if n%(f*p) == 0 && rapid.Bool().Draw(r, "factor") {
					f *= p
				}
			}
			dims, n = append(dims, f), n/f
		}
		compare(r, "reshape", f32Types(s), ir.Attrs{{Name: "shape", Value: dims}, {Name: "keep", Value: keep}})
	})
}

// TestTransposeAny permutes random shapes.
func TestTransposeAny(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := drawShape(r)
		axes := make([]int, len(s))
		for i := range axes {
			axes[i] = i
		}
		keep := 0
		if len(s) > 0 && !s[0].Static() {
			keep = 1
		}
		perm := append(append([]int{}, axes[:keep]...), rapid.Permutation(axes[keep:]).Draw(r, "perm")...)
		compare(r, "transpose", f32Types(s), ir.Attrs{{Name: "perm", Value: perm}})
	})
}

// TestReduceAny folds random axes of random shapes.
func TestReduceAny(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := drawShape(r)
		axes := []int{}
		for i := range s {
			if rapid.Bool().Draw(r, "fold") {
				axes = append(axes, i-len(s)*rapid.IntRange(0, 1).Draw(r, "from the end"))
			}
		}
		kind := rapid.SampledFrom([]string{"reduce_sum", "reduce_mean", "reduce_max", "reduce_min"}).Draw(r, "kind")
		compare(r, kind, f32Types(s), ir.Attrs{{Name: "axes", Value: axes}, {Name: "keep_dims", Value: rapid.Bool().Draw(r, "keep")}})
	})
}

// TestBroadcastAny adds tensors whose axes are stretched or missing at random.
func TestBroadcastAny(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		whole := drawShape(r)
		part := func() ir.Shape {
			s := append(ir.Shape{}, whole...)
			for i := range s {
				if rapid.Bool().Draw(r, "stretch") {
					s[i] = ir.D(1)
				}
			}
			return s[rapid.IntRange(0, len(s)).Draw(r, "missing"):]
		}
		compare(r, "sub", f32Types(part(), part()), nil)
	})
}
