package vectest

import (
	"fmt"
	"math"
	"testing"

	"github.com/dlc-ml/dlc/avo/vec"
)

// functions are those of the vector machine that are made of many verbs.
var functions = []func(*vec.Func, vec.Reg) vec.Reg{vec.Exp, vec.Log, vec.Tanh, vec.Sigmoid, vec.Erf, vec.Hash, vec.Neg, vec.Expm1, vec.Log1p,
	vec.Sin, vec.Cos, vec.Atan, vec.AbsI, vec.Abs,
	func(f *vec.Func, a vec.Reg) vec.Reg { return vec.Pow(f, a, f.Const(math.Float32bits(-3))) },
	func(f *vec.Func, a vec.Reg) vec.Reg { return vec.Pow(f, f.Const(math.Float32bits(1.25)), a) },
	func(f *vec.Func, a vec.Reg) vec.Reg { return vec.DivI(f, vec.Hash(f, a), a) },
	func(f *vec.Func, a vec.Reg) vec.Reg { return vec.DivI(f, a, f.Shift(vec.Sar, vec.Hash(f, a), 20)) },
	func(f *vec.Func, a vec.Reg) vec.Reg {
		return vec.MaximumI(f, a, vec.MinimumI(f, vec.Hash(f, a), f.Zero()))
	},
	func(f *vec.Func, a vec.Reg) vec.Reg { return vec.Maximum(f, a, f.Zero()) },
	func(f *vec.Func, a vec.Reg) vec.Reg { return vec.Minimum(f, f.Const(0x80000000), a) },
}

// Functions compares what is printed of each function with what reference prints, which may run on another machine, bit for bit, over numbers of all
// exponents, stride apart.
func (b *Backend) Functions(t *testing.T, reference *Backend, stride uint32) {
	t.Helper()
	var xs []float32
	for u := uint64(0); u < 1<<32; u += uint64(stride) {
		xs = append(xs, math.Float32frombits(uint32(u)))
	}
	xs = append(xs, Special...)
	for len(xs)%16 != 0 {
		xs = append(xs, 0)
	}
	want := reference.apply(t, xs)
	for i, got := range b.apply(t, xs) {
		if at := Differ(got.Data[1], want[i].Data[1]); at >= 0 {
			t.Errorf("%s(%v) is %v, on %s %v", got.Func.Name, xs[at], got.Data[1][at], reference.Target.Name, want[i].Data[1][at])
		}
	}
}

// apply computes all functions of xs.
func (b *Backend) apply(t *testing.T, xs []float32) []Call {
	t.Helper()
	l := b.Target.Lanes
	var funcs []*vec.Func
	var calls []Call
	for i, fn := range functions {
		f := vec.New(fmt.Sprintf("f%d", i), b.Target, []string{"x", "y"}, []string{"n"})
		f.Reach = []vec.Reach{{Fixed: l, PerCount: []int{l}}, {Fixed: l, PerCount: []int{l}}}
		f.Loop(vec.Param(0), []vec.Bump{{Ptr: 0, Bytes: 4 * l}, {Ptr: 1, Bytes: 4 * l}}, func() {
			f.StorePart(1, 0, fn(f, f.Load(0, 0)), l)
		})
		funcs = append(funcs, f)
		calls = append(calls, Call{Func: f, Data: [][]float32{append([]float32(nil), xs...), make([]float32, len(xs))}, Counts: []int{len(xs) / l}})
	}
	files, err := b.Files(funcs)
	if err != nil {
		t.Fatal(err)
	}
	if err := RunOn(b.Host, t.TempDir(), files, calls); err != nil {
		t.Fatal(err)
	}
	return calls
}
