package ops

import (
	"math"
	"testing"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// dropOnes runs dropout on ones and returns what is left.
func dropOnes(t *testing.T, rate float64, id int, seed, step uint32, batch, width int) []float32 {
	t.Helper()
	f := ir.NewFunc("train", ir.Symbol{Name: "N"})
	b := &Builder{Module: &ir.Module{Name: "m"}, Func: f}
	x := f.Input("x", ir.T(ir.F32, ir.NS(width)), b.Pos)
	y, err := b.Op("dropout", "y", []*ir.Value{x}, ir.Attr{Name: "rate", Value: rate}, ir.Attr{Name: "id", Value: id})
	if err != nil {
		t.Fatal(err)
	}
	lf := &loop.Func{Name: "train", Symbols: f.Symbols}
	in, out := lf.NewBuffer("x", x.Type, loop.Input, b.Pos), lf.NewBuffer("y", y.Type, loop.Output, b.Pos)
	if err := NewLowering(lf, map[*ir.Value]*loop.Buffer{x: in, y: out}).Run(y.Def); err != nil {
		t.Fatal(err)
	}
	sizes := map[string]int{"N": batch}
	mem, err := loop.NewMemory(lf, sizes)
	if err != nil {
		t.Fatal(err)
	}
	ones := make([]float32, batch*width)
	for i := range ones {
		ones[i] = 1
	}
	mem.SetFloats(in, sizes, ones)
	mem.SetWords(lf.Buffer("$seed"), sizes, []uint32{seed})
	mem.SetWords(lf.Buffer("$step"), sizes, []uint32{step})
	if err := loop.Run(lf, sizes, mem); err != nil {
		t.Fatal(err)
	}
	return mem.Floats(out, sizes)
}

// TestDropoutMask checks that the nest follows the seed, the step, the id and the element as the formula does, whatever the batch.
func TestDropoutMask(t *testing.T) {
	for _, c := range []struct {
		rate       float64
		id         int
		seed, step uint32
	}{{0.5, 1, 42, 7}, {0.1, 2, 0xffffffff, 0x80000000}, {0.75, 9, 0, 1}} {
		y := dropOnes(t, c.rate, c.id, c.seed, c.step, 5, 33)
		for i, v := range y {
			want := float32(1 / (1 - c.rate))
			if dropoutUniform(c.seed, c.step, c.id, i) < math.Round(c.rate*(1<<24)) {
				want = 0
			}
			if v != want {
				t.Errorf("%+v element %d: %g, want %g", c, i, v, want)
			}
		}
	}
}

// TestDropoutRandom checks that the share of dropped elements is the rate, in all and from one element to the next, and that the masks of other
// seeds, steps and operators are independent: of two masks at 1/2, half of the elements agree. Limits are five standard deviations.
func TestDropoutRandom(t *testing.T) {
	const n = 1 << 15
	limit := 5 * math.Sqrt(n*0.25)
	base := dropOnes(t, 0.5, 1, 3, 10, 32, n/32)
	count := func(what string, share float64, hit func(i int) bool) {
		t.Helper()
		k := 0
		for i := range n {
			if hit(i) {
				k++
			}
		}
		if math.Abs(float64(k)-share*n) > limit {
			t.Errorf("%s: %d of %d, want about %g", what, k, n, share*n)
		}
	}
	count("dropped", 0.5, func(i int) bool { return base[i] == 0 })
	for _, lag := range []int{1, 2, 8, 64, 1024} {
		count("equal to the next", 0.5, func(i int) bool { return base[i] == base[(i+lag)%n] })
	}
	tenth := dropOnes(t, 0.1, 1, 3, 10, 32, n/32)
	count("dropped at 0.1", 0.1, func(i int) bool { return tenth[i] == 0 })
	for _, c := range []struct {
		what       string
		id         int
		seed, step uint32
	}{{"other step", 1, 3, 11}, {"other seed", 1, 4, 10}, {"other operator", 2, 3, 10}, {"seed and step exchanged", 1, 10, 3}} {
		other := dropOnes(t, 0.5, c.id, c.seed, c.step, 32, n/32)
		for _, lag := range []int{0, 1, 2, 3} {
			count(c.what, 0.5, func(i int) bool { return base[i] == other[i^lag] })
		}
	}
}

// TestDropoutLayer checks that the compiler gives each dropout an id of its own.
func TestDropoutLayer(t *testing.T) {
	f := ir.NewFunc("train", ir.Symbol{Name: "N"})
	b := &Builder{Module: &ir.Module{Name: "m"}, Func: f}
	v := f.Input("x", ir.T(ir.F32, ir.NS(4)), b.Pos)
	for i := range 3 {
		full, err := Complete(Dropout.Layer.Attrs, []ir.Attr{{Name: "rate", Value: 0.5}})
		if err != nil {
			t.Fatal(err)
		}
		results, err := Dropout.Layer.Build(b, []*ir.Value{v}, full)
		if err != nil {
			t.Fatal(err)
		}
		v = results[0]
		if got := v.Def.Attrs.Int("id"); got != i+1 {
			t.Errorf("dropout number %d has id %d", i+1, got)
		}
	}
}
