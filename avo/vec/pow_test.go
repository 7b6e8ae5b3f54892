package vec_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/dlc-ml/dlc/avo/interp"
	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/avo/vec/vectest"
)

// applyTwo runs a function of two operands over pairs.
func applyTwo(t *testing.T, fn func(f *vec.Func, a, b vec.Reg) vec.Reg, xs, ys []float32) []float32 {
	t.Helper()
	l := vec.AVX2.Lanes
	f := vec.New("two", vec.AVX2, []string{"x", "y", "z"}, []string{"n"})
	bump := []vec.Bump{{Ptr: 0, Bytes: 4 * l}, {Ptr: 1, Bytes: 4 * l}, {Ptr: 2, Bytes: 4 * l}}
	f.Loop(vec.Param(0), bump, func() { f.StorePart(2, 0, fn(f, f.Load(0, 0), f.Load(1, 0)), l) })
	g, err := vec.Allocate(f)
	if err != nil {
		t.Fatal(err)
	}
	for len(xs)%l != 0 {
		xs, ys = append(xs, 1), append(ys, 1)
	}
	zs := make([]float32, len(xs))
	if err := interp.Run(g, interp.Slices(xs, ys, zs), []int{len(xs) / l}); err != nil {
		t.Fatal(err)
	}
	return zs
}

// TestPow covers all pairs of special values, and bases and exponents of every size whose power is finite.
func TestPow(t *testing.T) {
	values := append([]float32{2, -2, 3, -3, 0.25, -0.75, 1e10, -1e-10, 16777217, 16777215, -8388609.5, 1.0000001, 0.99999994}, vectest.Special...)
	var xs, ys []float32
	for _, x := range values {
		for _, y := range values {
			xs, ys = append(xs, x), append(ys, y)
		}
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 60000 {
		x := math.Float32frombits(r.Uint32() & 0x7fffffff)
		if x != x || x == 0 || x > math.MaxFloat32 {
			continue
		}
		y := float32((r.Float64()*2 - 1) * 104 / math.Log(float64(x)))
		xs, ys = append(xs, x), append(ys, y)
	}
	for range 20000 { // near 1, where exponents are large
		x := float32(1 + r.NormFloat64()*1e-3)
		xs, ys = append(xs, x), append(ys, float32((r.Float64()*2-1)*100/math.Log(float64(x))))
	}
	for range 20000 {
		xs, ys = append(xs, float32(r.NormFloat64()*3)), append(ys, float32(r.IntN(9)-4))
	}
	worst := 0.0
	for i, got := range applyTwo(t, vec.Pow, xs, ys) {
		if i >= len(xs) {
			break
		}
		want := math.Pow(float64(xs[i]), float64(ys[i]))
		d := ulps(got, want)
		if want == 0 && math.Signbit(want) != math.Signbit(float64(got)) {
			t.Errorf("pow(%v, %v) has the wrong sign", xs[i], ys[i])
		}
		if d > worst {
			worst = d
		}
		if !(d <= 2) {
			t.Errorf("pow(%v, %v) = %v, want %v: %.3g ULP", xs[i], ys[i], got, want, d)
		}
	}
	t.Logf("largest error %.3g ULP", worst)
}

// TestDivI divides integers of every size.
func TestDivI(t *testing.T) {
	values := []int32{0, 1, -1, 2, -2, 3, -3, 7, -7, 10, 255, 256, 46340, 46341, 65535, 65536, 65537, 1<<24 - 1, 1 << 24, 1<<24 + 1, 1<<30 - 1, 1 << 30, 1<<30 + 1,
		math.MaxInt32, math.MaxInt32 - 1, math.MinInt32, math.MinInt32 + 1, -1 << 30, -1<<30 + 1}
	var a, b []int32
	for _, x := range values {
		for _, y := range values {
			a, b = append(a, x), append(b, y)
		}
	}
	r := rand.New(rand.NewPCG(7, 8))
	for range 200000 {
		x, y := int32(r.Uint32())>>r.IntN(32), int32(r.Uint32())>>r.IntN(32)
		a, b = append(a, x, x*y, x*y-1, x*y+1), append(b, y, y, y, y)
	}
	xs, ys := make([]float32, len(a)), make([]float32, len(b))
	for i := range a {
		xs[i], ys[i] = math.Float32frombits(uint32(a[i])), math.Float32frombits(uint32(b[i]))
	}
	got := applyTwo(t, vec.DivI, xs, ys)
	for i := range a {
		want := int32(0)
		if b[i] != 0 {
			want = a[i] / b[i]
		}
		if q := int32(math.Float32bits(got[i])); q != want {
			t.Fatalf("%d / %d = %d, want %d", a[i], b[i], q, want)
		}
	}
}

// TestIntegers checks the functions that are made of several verbs.
func TestIntegers(t *testing.T) {
	values := []int32{0, 1, -1, 5, -9, math.MaxInt32, math.MinInt32}
	bits := func(x int32) float32 { return math.Float32frombits(uint32(x)) }
	for _, a := range values {
		for _, b := range values {
			for name, c := range map[string]struct {
				fn   func(f *vec.Func, a, b vec.Reg) vec.Reg
				want int32
			}{
				"max": {vec.MaximumI, max(a, b)}, "min": {vec.MinimumI, min(a, b)},
				"abs": {func(f *vec.Func, a, _ vec.Reg) vec.Reg { return vec.AbsI(f, a) }, max(a, -a)},
			} {
				if got := int32(math.Float32bits(applyTwo(t, c.fn, []float32{bits(a)}, []float32{bits(b)})[0])); got != c.want {
					t.Errorf("%s(%d, %d) = %d", name, a, b, got)
				}
			}
		}
	}
}
