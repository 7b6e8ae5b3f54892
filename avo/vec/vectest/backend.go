package vectest

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/dlc-ml/dlc/avo/interp"
	"github.com/dlc-ml/dlc/avo/vec"
)

// Backend is a printer under test: what it prints for Target runs on Host.
type Backend struct {
	Target vec.Target
	Host   Host
	// Files prints functions as the files of package main that hold them.
	Files func(funcs []*vec.Func) (map[string][]byte, error)
}

// Special are the numbers where functions and conversions do what they do nowhere else.
var Special = []float32{0, float32(math.Copysign(0, -1)), 1, -1, 0.5, -2.5, 1e-40, -1e-45, math.MaxFloat32, float32(math.Inf(1)),
	float32(math.Inf(-1)), float32(math.NaN()), 88.7, -103.9, 3, 2147483648, -2147483904, 16777217}

// Memory returns n elements: usual numbers, special ones, and any bits.
func Memory(r *rand.Rand, n int) []float32 {
	d := make([]float32, n)
	for i := range d {
		switch r.IntN(4) {
		case 0:
			d[i] = Special[r.IntN(len(Special))]
		case 1:
			d[i] = math.Float32frombits(r.Uint32())
		default:
			d[i] = float32(r.NormFloat64() * 4)
		}
	}
	return d
}

// Agree runs calls as printed and in the interpreter, and compares all memory bit for bit.
func (b *Backend) Agree(t *testing.T, calls []Call) {
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
	files, err := b.Files(funcs)
	if err != nil {
		t.Fatal(err)
	}
	if err := RunOn(b.Host, t.TempDir(), files, calls); err != nil {
		t.Fatal(err)
	}
	for i, c := range calls {
		for p := range c.Data {
			if at := Differ(c.Data[p], want[i][p]); at >= 0 {
				t.Fatalf("%s: pointer %d, element %d is %v (%#x), want %v (%#x)\n%s\n%s", c.Func.Name, p, at, c.Data[p][at], math.Float32bits(c.Data[p][at]),
					want[i][p][at], math.Float32bits(want[i][p][at]), c.Func, b.text(c.Func))
			}
		}
	}
}

// text is what one function is printed as.
func (b *Backend) text(f *vec.Func) string {
	files, _ := b.Files([]*vec.Func{f})
	var all []byte
	for _, data := range files {
		all = append(all, data...)
	}
	return string(bytes.TrimSpace(all))
}

// RandomPrograms runs n random programs, some with more pointers than there are general registers, some with more values than vector registers.
func (b *Backend) RandomPrograms(t *testing.T, n int) {
	r := rand.New(rand.NewPCG(7, 11))
	var calls []Call
	for i := range n {
		ptrs := 2 + r.IntN(3)
		if i%3 == 0 {
			ptrs = 12 + r.IntN(16)
		}
		f := Program(r, b.Target, fmt.Sprintf("k%d", i), ptrs, 3+r.IntN(6)+i%4*b.Target.Regs/2, 10+r.IntN(80))
		data := make([][]float32, ptrs)
		for p := range data {
			data[p] = Memory(r, Elements)
		}
		calls = append(calls, Call{Func: f, Data: data, Counts: []int{r.IntN(4), r.IntN(4)}})
	}
	b.Agree(t, calls)
}

// MemoryVerbs runs every verb that touches memory, at every size, right before the end and behind the start of memory that may not be touched.
func (b *Backend) MemoryVerbs(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	l := b.Target.Lanes
	var calls []Call
	add := func(elements int, emit func(f *vec.Func)) {
		f := vec.New(fmt.Sprintf("m%d", len(calls)), b.Target, []string{"x", "y"}, nil)
		f.Reach = []vec.Reach{{Fixed: elements}, {Fixed: 64}}
		emit(f)
		calls = append(calls, Call{Func: f, Data: [][]float32{Memory(r, elements), Memory(r, 64)}})
	}
	for _, stride := range []int{-9, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 8, 100, 9000} {
		for k := 1; k <= l; k++ {
			n, first := max(stride, -stride)*(k-1)+1, 0
			if stride < 0 {
				n, first = (n+1023)/1024*1024, -stride*(k-1) // whole pages: the guard lies right before
			}
			add(n, func(f *vec.Func) { f.StorePart(1, 0, f.LoadStride(0, 4*first, stride, k), l) })
			if stride != 0 {
				add(n, func(f *vec.Func) { f.StoreStride(0, 4*first, stride, k, f.Load(1, 0)) })
			}
		}
	}
	add(1, func(f *vec.Func) { f.StorePart(1, 0, f.Splat(0, 0), l) })
	for k := 1; k <= l; k++ {
		for _, index := range []int{0, 1, 1000} {
			n := index + k
			add(n, func(f *vec.Func) { f.StorePart(1, 0, f.LoadAt(0, 0, f.Const(uint32(index)), k), l) })
			add(n, func(f *vec.Func) { f.StoreAt(0, 0, f.Const(uint32(index)), k, f.Load(1, 0)) })
			add(n, func(f *vec.Func) { f.StorePart(1, 0, f.SplatAt(0, 4*k-4, f.Const(uint32(index))), l) })
		}
		for _, far := range []int{1, 63, 64, 65, 1023, 4096, 5000, 1 << 18} { // displacements that instructions hold and that they do not
			add(far+k, func(f *vec.Func) { f.StorePart(1, 0, f.LoadPart(0, 4*far, k), l) })
			add(far+k, func(f *vec.Func) { f.StorePart(0, 4*far, f.Load(1, 0), k) })
			add(far+k, func(f *vec.Func) { f.StorePart(1, 0, f.Splat(0, 4*(far+k)-4), l) })
		}
	}
	add(2*l, func(f *vec.Func) { f.StoreZip(0, 0, f.Load(1, 0), f.Load(1, 4*l)) })
	b.Agree(t, calls)
}

// NoReorder checks that a load stays ahead of a store to the same place.
func (b *Backend) NoReorder(t *testing.T) {
	l := b.Target.Lanes
	f := vec.New("across", b.Target, []string{"x"}, nil)
	f.Reach = []vec.Reach{{Fixed: 2 * l}}
	old, other := f.Load(0, 0), f.Load(0, 4*l)
	f.StorePart(0, 0, other, l)
	f.StorePart(0, 4*l, f.Binary(vec.Sub, other, old), l)
	b.Agree(t, []Call{{Func: f, Data: [][]float32{Memory(rand.New(rand.NewPCG(1, 1)), 2*l)}}})
}
