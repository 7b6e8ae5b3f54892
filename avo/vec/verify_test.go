package vec_test

import (
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/avo/interp"
	"github.com/dlc-ml/dlc/avo/vec"
)

func newFunc() *vec.Func { return vec.New("k", vec.AVX2, []string{"x", "y"}, []string{"n"}) }

func TestVerify(t *testing.T) {
	for _, c := range []struct {
		want string
		emit func(f *vec.Func)
	}{
		{"v1 is read before it is written", func(f *vec.Func) { r := f.NewReg(); f.StorePart(0, 0, r, 8) }},
		{"v1 is read before it is written", func(f *vec.Func) {
			r := f.NewReg()
			f.Loop(vec.Param(0), nil, func() { f.Set(r, f.Zero()) })
			f.StorePart(0, 0, r, 8)
		}},
		{"no pointer 2", func(f *vec.Func) { f.StorePart(2, 0, f.Zero(), 8) }},
		{"2 bytes is not a whole number", func(f *vec.Func) { f.Load(0, 2) }},
		{"within 2 GB", func(f *vec.Func) { f.Load(0, 1<<33) }},
		{"n is 9", func(f *vec.Func) { f.LoadPart(0, 0, 9) }},
		{"n is 0", func(f *vec.Func) { f.StoreAt(0, 0, f.Zero(), 0, f.Zero()) }},
		{"v1 is read before it is written", func(f *vec.Func) { f.LoadAt(0, 0, f.NewReg(), 8) }},
		{"n is 3, not a power of two", func(f *vec.Func) { f.Fold(f.Zero(), 3) }},
		{"n is 32", func(f *vec.Func) { f.Shift(vec.Shl, f.Zero(), 32) }},
		{"no count 1", func(f *vec.Func) { f.Loop(vec.Param(1), nil, func() { f.Zero() }) }},
		{"no pointer 5", func(f *vec.Func) { f.Loop(vec.Fixed(3), []vec.Bump{{Ptr: 5, Bytes: 4}}, func() { f.Zero() }) }},
		{"loop 1 is not closed", func(f *vec.Func) {
			f.Loop(vec.Fixed(3), nil, func() { f.Zero() })
			f.Ops = f.Ops[:len(f.Ops)-1]
		}},
		{"not the innermost open one", func(f *vec.Func) {
			f.Loop(vec.Fixed(3), nil, func() { f.Zero() })
			f.Ops = f.Ops[1:]
		}},
		{"1 reaches for 2 pointers", func(f *vec.Func) { f.Reach = make([]vec.Reach, 1) }},
		{"no such verb", func(f *vec.Func) { f.Ops = append(f.Ops, vec.Op{Code: 200}) }},
	} {
		f := newFunc()
		c.emit(f)
		if err := f.Verify(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want an error with %q", err, c.want)
		}
	}
	f := newFunc()
	r := f.NewReg()
	f.Loop(vec.Fixed(3), nil, func() { f.Set(r, f.Zero()) })
	f.StorePart(0, 0, r, 8)
	if err := f.Verify(); err != nil {
		t.Errorf("a loop that runs for sure: %v", err)
	}
}

// TestDoesNotFit holds more values than the target has registers.
func TestDoesNotFit(t *testing.T) {
	hold := func(n int) *vec.Func {
		f := newFunc()
		var list []vec.Reg
		for i := range n {
			list = append(list, f.Load(0, 32*i))
		}
		for i, r := range list {
			f.StorePart(1, 32*i, r, 8)
		}
		return f
	}
	if err := vec.Fits(hold(16)); err != nil {
		t.Error(err)
	}
	err := vec.Fits(hold(17))
	if err == nil || !strings.Contains(err.Error(), "more than 16 values are live") {
		t.Errorf("got %v", err)
	}
}

// TestConstantsMakeRoom uses more constants than there are registers, inside and outside of a loop that needs them all.
func TestConstantsMakeRoom(t *testing.T) {
	f := newFunc()
	var acc []vec.Reg
	for range 12 {
		acc = append(acc, f.Zero())
	}
	f.Loop(vec.Param(0), []vec.Bump{{Ptr: 0, Bytes: 32}}, func() {
		a, b := f.Load(0, 0), f.Load(0, 32)
		for _, r := range acc {
			f.Fma(r, a, b)
		}
	})
	for i, r := range acc {
		x := r
		for k := range 8 {
			x = f.Binary(vec.Add, x, f.Const(uint32(0x3f800000+k)))
		}
		f.StorePart(1, 32*i, x, 8)
	}
	g, err := vec.Allocate(f)
	if err != nil {
		t.Fatal(err)
	}
	depth := 0
	for i := range g.Ops {
		switch g.Ops[i].Code {
		case vec.LoopBegin:
			depth++
		case vec.LoopEnd:
			depth--
		case vec.Const, vec.Move:
			if depth > 0 {
				t.Errorf("%s inside the loop that has no use for it", g.Ops[i].Code)
			}
		}
	}
}

func TestText(t *testing.T) {
	f := newFunc()
	f.Reach = []vec.Reach{{Fixed: 8, PerCount: []int{8}}, {Fixed: 8}}
	acc := f.Zero()
	f.Loop(vec.Param(0), []vec.Bump{{Ptr: 0, Bytes: 32}}, func() {
		f.Fma(acc, f.Load(0, 0), f.Const(0x3f000000))
	})
	f.StoreStride(1, 4, 2, 3, acc)
	want := `func k(x *float32, y *float32, n int) avx2 {
	reach x 8 + 8*(n-1)
	reach y 8
	v1 = zero
	loop n x+32 {
		v2 = load x[0]
		v3 = const 0x3f000000 (0.5)
		v1 = fma v2 v3
	}
	store_stride y[4] v1 n=2 k=3
}
`
	if got := f.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	other := *f
	other.Name, other.Ptrs, other.Counts, other.Doc = "l", []string{"a", "b"}, []string{"rows"}, "text"
	if other.Key() != f.Key() {
		t.Error("names change the key")
	}
	other.Reach = []vec.Reach{{Fixed: 8, PerCount: []int{4}}, {Fixed: 8}}
	if other.Key() == f.Key() {
		t.Error("the reach does not change the key")
	}
}

// TestReach checks that the interpreter sees accesses out of reach.
func TestReach(t *testing.T) {
	f := newFunc()
	f.Reach = []vec.Reach{{Fixed: 8, PerCount: []int{8}}, {Fixed: 8}}
	f.Loop(vec.Param(0), []vec.Bump{{Ptr: 0, Bytes: 32}}, func() { f.StorePart(1, 0, f.Load(0, 0), 8) })
	if err := interp.Run(f, interp.Slices(make([]float32, 64), make([]float32, 8)), []int{8}); err != nil {
		t.Error(err)
	}
	if err := interp.Run(f, interp.Slices(make([]float32, 63), make([]float32, 8)), []int{8}); err == nil || !strings.Contains(err.Error(), "outside its memory") {
		t.Errorf("memory: %v", err)
	}
	f.Reach[0].PerCount[0] = 7
	if err := interp.Run(f, interp.Slices(make([]float32, 64), make([]float32, 8)), []int{8}); err == nil || !strings.Contains(err.Error(), "outside its reach") {
		t.Errorf("reach: %v", err)
	}
	if err := interp.Run(f, interp.Slices(make([]float32, 64), make([]float32, 8)), []int{-1}); err == nil {
		t.Error("a negative count passes")
	}
}
