package ops

import (
	"math"
	"testing"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// TestAccumulated adds up the gradients of two batches of 3 and 1 examples, and wants the step of their mean.
func TestAccumulated(t *testing.T) {
	f := &loop.Func{Name: "sum", Symbols: []ir.Symbol{{Name: "P"}}}
	op := &ir.Op{Kind: "accumulate", Args: []*ir.Value{{Type: ir.T(ir.F32, ir.S(2))}}}
	if err := NewLowering(f, map[*ir.Value]*loop.Buffer{}).Run(op); err != nil {
		t.Fatal(err)
	}
	sizes := map[string]int{"P": 2}
	mem, err := loop.NewMemory(f, sizes)
	if err != nil {
		t.Fatal(err)
	}
	nan := float32(math.NaN())
	mem.SetFloats(f.Buffer("$state.gradients"), sizes, []float32{nan, 7}) // of an update before, which must not count
	for i, c := range []struct{ n, a, b float32 }{{3, 1, -2}, {1, 5, 10}} {
		mem.SetFloats(f.Buffer("$more"), sizes, []float32{float32(i)})
		mem.SetFloats(f.Buffer("$batch"), sizes, []float32{c.n})
		mem.SetFloats(f.Buffer("$grad"), sizes, []float32{c.a, c.b})
		if err := loop.Run(f, sizes, mem); err != nil {
			t.Fatal(err)
		}
	}
	sum := mem.Floats(f.Buffer("$state.gradients"), sizes)
	if sum[0] != 8 || sum[1] != 4 {
		t.Fatalf("the sum is %v, not 8 and 4", sum)
	}
	step := &loop.Func{Name: "update", Symbols: f.Symbols}
	full, _ := Complete(Lookup("gd").Attrs, nil)
	if err := NewLowering(step, map[*ir.Value]*loop.Buffer{}).Run(&ir.Op{Kind: "gd", Attrs: full}); err != nil {
		t.Fatal(err)
	}
	mem, _ = loop.NewMemory(step, sizes)
	mem.SetFloats(step.Buffer("$state.gradients"), sizes, sum)
	mem.SetFloats(step.Buffer("$share"), sizes, []float32{0.25})
	mem.SetFloats(step.Buffer("$lr"), sizes, []float32{1})
	if err := loop.Run(step, sizes, mem); err != nil {
		t.Fatal(err)
	}
	if w := mem.Floats(step.Buffer("$weight"), sizes); w[0] != -2 || w[1] != -1 {
		t.Errorf("the weights are %v, not -2 and -1", w)
	}
}

// TestMaxNorm bounds the columns of a matrix.
func TestMaxNorm(t *testing.T) {
	f := &loop.Func{Name: "bound"}
	v := &ir.Value{Name: "w", Type: ir.T(ir.F32, ir.S(2, 2))}
	w := f.NewBuffer("w", v.Type, loop.Weight, v.Pos)
	full, _ := Complete(Lookup("max_norm").Attrs, []ir.Attr{{Name: "limit", Value: 2.0}})
	if err := NewLowering(f, map[*ir.Value]*loop.Buffer{v: w}).Run(&ir.Op{Kind: "max_norm", Attrs: full, Args: []*ir.Value{v}}); err != nil {
		t.Fatal(err)
	}
	mem, err := loop.NewMemory(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	mem.SetFloats(w, nil, []float32{3, 1, -4, 1})
	if err := loop.Run(f, nil, mem); err != nil {
		t.Fatal(err)
	}
	got := mem.Floats(w, nil)
	for i, want := range []float64{1.2, 1, -1.6, 1} {
		if !near(float64(got[i]), want, 1e-6, 0) {
			t.Errorf("element %d is %g, want %g", i, got[i], want)
		}
	}
}
