package portable_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"

	"github.com/dlc-ml/dlc/avo/interp"
	"github.com/dlc-ml/dlc/avo/portable"
	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/avo/vec/vectest"
)

var special = []float32{0, float32(math.Copysign(0, -1)), 1, -1, 0.5, -2.5, 1e-40, -1e-45, math.MaxFloat32, float32(math.Inf(1)),
	float32(math.Inf(-1)), float32(math.NaN()), 88.7, -103.9, 3, 2147483648, -2147483904, 16777217}

func memory(r *rand.Rand, n int) []float32 {
	d := make([]float32, n)
	for i := range d {
		switch r.IntN(4) {
		case 0:
			d[i] = special[r.IntN(len(special))]
		case 1:
			d[i] = math.Float32frombits(r.Uint32())
		default:
			d[i] = float32(r.NormFloat64() * 4)
		}
	}
	return d
}

// TestRandomPrograms compares random programs with the interpreter, bit for bit; it vets them too.
func TestRandomPrograms(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("needs the go command")
	}
	r := rand.New(rand.NewPCG(5, 6))
	var calls []vectest.Call
	var funcs []*vec.Func
	var want [][][]float32
	for i := range 200 {
		ptrs := 2 + r.IntN(3)
		f := vectest.Program(r, vec.Go, fmt.Sprintf("k%d", i), ptrs, 3+r.IntN(6), 10+r.IntN(80))
		c := vectest.Call{Func: f, Counts: []int{r.IntN(4), r.IntN(4)}}
		var w [][]float32
		for range ptrs {
			d := memory(r, vectest.Elements)
			c.Data = append(c.Data, d)
			w = append(w, append([]float32(nil), d...))
		}
		if err := interp.Run(f, interp.Slices(w...), c.Counts); err != nil {
			t.Fatalf("%v\n%s", err, f)
		}
		calls, funcs, want = append(calls, c), append(funcs, f), append(want, w)
	}
	src, err := portable.Print(funcs, "main")
	if err != nil {
		t.Fatal(err)
	}
	if d := os.Getenv("DUMP"); d != "" {
		os.WriteFile(d, src, 0o666)
	}
	if err := vectest.Run(t.TempDir(), map[string][]byte{"kernels_portable.go": src}, calls); err != nil {
		t.Fatal(err)
	}
	for i, c := range calls {
		for p := range c.Data {
			if at := vectest.Differ(c.Data[p], want[i][p]); at >= 0 {
				src, _ := portable.Print([]*vec.Func{c.Func}, "main")
				t.Fatalf("%s: pointer %d, element %d is %v (%#x), want %v (%#x)\n%s\n%s", c.Func.Name, p, at, c.Data[p][at], math.Float32bits(c.Data[p][at]),
					want[i][p][at], math.Float32bits(want[i][p][at]), c.Func, src)
			}
		}
	}
}
