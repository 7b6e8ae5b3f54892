package vec_test

import (
	"math/rand/v2"
	"testing"

	"github.com/dlc-ml/dlc/avo/interp"
	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/avo/vec/vectest"
	"pgregory.net/rapid"
)

func clone(data [][]float32) [][]float32 {
	c := make([][]float32, len(data))
	for i := range data {
		c[i] = append([]float32(nil), data[i]...)
	}
	return c
}

type source struct{ t *rapid.T }

func (s source) IntN(n int) int { return rapid.IntRange(0, n-1).Draw(s.t, "") }

// TestAllocate checks that allocation keeps what random programs compute, and that its result keeps to the target's registers.
func TestAllocate(t *testing.T) {
	fit, all, narrow := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		target := []vec.Target{vec.AVX2, vec.NEON, {Name: "narrow", Lanes: 8, Regs: 10}, vec.AVX512}[rapid.IntRange(0, 3).Draw(t, "target")]
		f := vectest.Program(source{t}, target, "k", 3, rapid.IntRange(3, 40).Draw(t, "live"), rapid.IntRange(0, 60).Draw(t, "budget"))
		if err := f.Verify(); err != nil {
			t.Fatal(err)
		}
		before := f.String()
		g := f
		if target.Opmasks {
			g = vec.Narrow(f)
		}
		g, err := vec.Allocate(g)
		if f.String() != before {
			t.Fatal("Allocate changed its argument")
		}
		all++
		if err != nil {
			t.Fatalf("%v\n%s", err, f)
		}
		if g.Slots == 0 {
			fit++
		}
		for _, o := range g.Ops {
			if o.Need > 0 {
				narrow++
				break
			}
		}
		if g.NumRegs() != target.Regs {
			t.Fatalf("%d registers", g.NumRegs())
		}
		r := rand.New(rand.NewPCG(1, 2))
		data := make([][]float32, 3)
		for i := range data {
			data[i] = vectest.Memory(r, vectest.Elements)
		}
		want, got := clone(data), clone(data)
		counts := []int{rapid.IntRange(0, 3).Draw(t, "m"), rapid.IntRange(0, 3).Draw(t, "n")}
		if err := interp.Run(f, interp.Slices(want...), counts); err != nil {
			t.Fatal(err)
		}
		if err := interp.Run(g, interp.Slices(got...), counts); err != nil {
			t.Fatalf("%v\nbefore:\n%s\nafter:\n%s", err, f, g)
		}
		for i := range want {
			if at := vectest.Differ(want[i], got[i]); at >= 0 {
				t.Fatalf("pointer %d, element %d: %v, want %v\nbefore:\n%s\nafter:\n%s", i, at, got[i][at], want[i][at], f, g)
			}
		}
	})
	t.Logf("%d of %d programs have a register for each value", fit, all)
	if narrow*20 < all {
		t.Errorf("only %d of %d programs leave lanes unread: the test shows too little", narrow, all)
	}
	if fit*3 < all {
		t.Errorf("only %d of %d programs fit: the test shows too little", fit, all)
	}
}

// TestManyValues checks that a hundred values that are all live at once find room, as a transform of large squares has them.
func TestManyValues(t *testing.T) {
	const n = 100
	f := vec.New("k", vec.AVX2, []string{"x", "y"}, nil)
	values := make([]vec.Reg, n)
	for i := range values {
		values[i] = f.Load(0, 32*i)
	}
	for i := range values {
		f.StorePart(1, 32*i, f.Binary(vec.Add, values[i], values[n-1-i]), 8)
	}
	g, err := vec.Allocate(f)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 8*n)
	for i := range x {
		x[i] = float32(i)
	}
	y := make([]float32, 8*n)
	if err := interp.Run(g, interp.Slices(x, y), nil); err != nil {
		t.Fatal(err)
	}
	for i := range y {
		if want := x[i] + x[8*(n-1-i/8)+i%8]; y[i] != want {
			t.Fatalf("element %d is %v, want %v", i, y[i], want)
		}
	}
}
