package x86_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"runtime"
	"testing"

	"github.com/dlc-ml/dlc/avo/interp"
	"github.com/dlc-ml/dlc/avo/portable"
	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/avo/vec/vectest"
	"github.com/dlc-ml/dlc/avo/x86"
)

// needAVX2 skips where the assembled code cannot run.
func needAVX2(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("needs amd64")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("needs the go command")
	}
}

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

// agree runs calls in assembly and in the interpreter, and compares all memory bit for bit.
func agree(t *testing.T, calls []vectest.Call) {
	t.Helper()
	var funcs []*vec.Func
	want := make([][][]float32, len(calls))
	for i, c := range calls {
		funcs = append(funcs, c.Func)
		for _, d := range c.Data {
			want[i] = append(want[i], append([]float32(nil), d...))
		}
		if err := interp.Run(c.Func, interp.Slices(want[i]...), c.Counts); err != nil {
			t.Fatalf("%v\n%s", err, c.Func)
		}
	}
	asm, stubs, err := x86.Print(funcs, "main")
	if err != nil {
		t.Fatal(err)
	}
	if err := vectest.Run(t.TempDir(), map[string][]byte{"kernels_amd64.s": asm, "kernels_amd64.go": stubs}, calls); err != nil {
		t.Fatalf("%v\n%s", err, asm)
	}
	for i, c := range calls {
		for p := range c.Data {
			if at := vectest.Differ(c.Data[p], want[i][p]); at >= 0 {
				asm, _, _ := x86.Print([]*vec.Func{c.Func}, "main")
				t.Fatalf("%s: pointer %d, element %d is %v (%#x), want %v (%#x)\n%s\n%s", c.Func.Name, p, at, c.Data[p][at], math.Float32bits(c.Data[p][at]),
					want[i][p][at], math.Float32bits(want[i][p][at]), c.Func, asm)
			}
		}
	}
}

// TestRandomPrograms runs random programs, some with more pointers than there are general registers.
func TestRandomPrograms(t *testing.T) {
	needAVX2(t)
	r := rand.New(rand.NewPCG(7, 11))
	var calls []vectest.Call
	for i := 0; len(calls) < 150; i++ {
		ptrs := 2 + r.IntN(3)
		if i%3 == 0 {
			ptrs = 12 + r.IntN(6)
		}
		f := vectest.Program(r, vec.AVX2, fmt.Sprintf("k%d", i), ptrs, 3+r.IntN(6)+i%4*8, 10+r.IntN(80))
		data := make([][]float32, ptrs)
		for p := range data {
			data[p] = memory(r, vectest.Elements)
		}
		calls = append(calls, vectest.Call{Func: f, Data: data, Counts: []int{r.IntN(4), r.IntN(4)}})
	}
	agree(t, calls)
}

// TestMemoryVerbs runs every verb that touches memory, at every size, right before the end and behind the start of memory that may not be touched.
func TestMemoryVerbs(t *testing.T) {
	needAVX2(t)
	r := rand.New(rand.NewPCG(3, 4))
	l := vec.AVX2.Lanes
	var calls []vectest.Call
	add := func(elements, at int, emit func(f *vec.Func)) {
		f := vec.New(fmt.Sprintf("m%d", len(calls)), vec.AVX2, []string{"x", "y"}, nil)
		f.Reach = []vec.Reach{{Fixed: elements}, {Fixed: 64}}
		emit(f)
		calls = append(calls, vectest.Call{Func: f, Data: [][]float32{memory(r, elements), memory(r, 64)}})
	}
	for _, stride := range []int{-9, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 8, 100} {
		for k := 1; k <= l; k++ {
			n, first := max(stride, -stride)*(k-1)+1, 0
			if stride < 0 {
				n, first = (n+1023)/1024*1024, -stride*(k-1) // whole pages: the guard lies right before
			}
			add(n, first, func(f *vec.Func) { f.StorePart(1, 0, f.LoadStride(0, 4*first, stride, k), l) })
			if stride != 0 {
				add(n, first, func(f *vec.Func) { f.StoreStride(0, 4*first, stride, k, f.Load(1, 0)) })
			}
		}
	}
	add(1, 0, func(f *vec.Func) { f.StorePart(1, 0, f.Splat(0, 0), l) })
	for k := 1; k <= l; k++ {
		for _, index := range []int{0, 1, 1000} {
			n := index + k
			add(n, 0, func(f *vec.Func) { f.StorePart(1, 0, f.LoadAt(0, 0, f.Const(uint32(index)), k), l) })
			add(n, 0, func(f *vec.Func) { f.StoreAt(0, 0, f.Const(uint32(index)), k, f.Load(1, 0)) })
			add(n, 0, func(f *vec.Func) { f.StorePart(1, 0, f.SplatAt(0, 4*k-4, f.Const(uint32(index))), l) })
		}
	}
	add(2*l, 0, func(f *vec.Func) { f.StoreZip(0, 0, f.Load(1, 0), f.Load(1, 32)) })
	agree(t, calls)
}

// TestNoFoldAcrossStore checks that a load stays ahead of a store to the same place.
func TestNoFoldAcrossStore(t *testing.T) {
	needAVX2(t)
	f := vec.New("across", vec.AVX2, []string{"x"}, nil)
	f.Reach = []vec.Reach{{Fixed: 16}}
	old, other := f.Load(0, 0), f.Load(0, 32)
	f.StorePart(0, 0, other, 8)
	f.StorePart(0, 32, f.Binary(vec.Sub, other, old), 8)
	agree(t, []vectest.Call{{Func: f, Data: [][]float32{memory(rand.New(rand.NewPCG(1, 1)), 16)}}})
}

// TestFunctionsAgree compares the assembly of each function with portable Go, bit for bit, over all exponents; a stride through all
// float32 with -short unset.
func TestFunctionsAgree(t *testing.T) {
	needAVX2(t)
	stride := uint32(65521)
	if testing.Short() {
		stride *= 16
	}
	var xs []float32
	for u := uint64(0); u < 1<<32; u += uint64(stride) {
		xs = append(xs, math.Float32frombits(uint32(u)))
	}
	xs = append(xs, special...)
	for len(xs)%8 != 0 {
		xs = append(xs, 0)
	}
	var wide, narrow []*vec.Func
	var calls []vectest.Call
	functions := []func(*vec.Func, vec.Reg) vec.Reg{vec.Exp, vec.Log, vec.Tanh, vec.Sigmoid, vec.Erf, vec.Hash, vec.Neg, vec.Expm1, vec.Log1p,
		vec.Sin, vec.Cos, vec.Atan, vec.AbsI, vec.Abs,
		func(f *vec.Func, a vec.Reg) vec.Reg { return vec.Pow(f, a, f.Const(math.Float32bits(-3))) },
		func(f *vec.Func, a vec.Reg) vec.Reg { return vec.Pow(f, f.Const(math.Float32bits(1.25)), a) },
		func(f *vec.Func, a vec.Reg) vec.Reg { return vec.DivI(f, vec.Hash(f, a), a) },
		func(f *vec.Func, a vec.Reg) vec.Reg { return vec.DivI(f, a, f.Shift(vec.Sar, vec.Hash(f, a), 20)) },
		func(f *vec.Func, a vec.Reg) vec.Reg {
			return vec.MaximumI(f, a, vec.MinimumI(f, vec.Hash(f, a), f.Zero()))
		},
		func(f *vec.Func, a vec.Reg) vec.Reg { return vec.Maximum(f, a, f.Zero()) },
		func(f *vec.Func, a vec.Reg) vec.Reg { return vec.Minimum(f, f.Const(0x80000000), a) }}
	for i, fn := range functions {
		for _, target := range []vec.Target{vec.AVX2, vec.Go} {
			l := target.Lanes
			f := vec.New(fmt.Sprintf("f%d%s", i, target.Name), target, []string{"x", "y"}, []string{"n"})
			f.Reach = []vec.Reach{{Fixed: l, PerCount: []int{l}}, {Fixed: l, PerCount: []int{l}}}
			f.Loop(vec.Param(0), []vec.Bump{{Ptr: 0, Bytes: 4 * l}, {Ptr: 1, Bytes: 4 * l}}, func() {
				f.StorePart(1, 0, fn(f, f.Load(0, 0)), l)
			})
			if l == 1 {
				narrow = append(narrow, f)
			} else {
				wide = append(wide, f)
			}
			calls = append(calls, vectest.Call{Func: f, Data: [][]float32{append([]float32(nil), xs...), make([]float32, len(xs))}, Counts: []int{len(xs) / l}})
		}
	}
	asm, stubs, err := x86.Print(wide, "main")
	if err != nil {
		t.Fatal(err)
	}
	src, err := portable.Print(narrow, "main")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"kernels_amd64.s": asm, "kernels_amd64.go": stubs, "kernels_portable.go": src}
	if err := vectest.Run(t.TempDir(), files, calls); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(calls); i += 2 {
		a, b := calls[i].Data[1], calls[i+1].Data[1]
		if at := vectest.Differ(a, b); at >= 0 {
			t.Errorf("%s(%v) is %v, in portable Go %v", calls[i].Func.Name, xs[at], a[at], b[at])
		}
	}
}
