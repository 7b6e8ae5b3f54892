package vec_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/dlc-ml/dlc/avo/interp"
	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/avo/vec/vectest"
)

var functions = []struct {
	name  string
	apply func(*vec.Func, vec.Reg) vec.Reg
	exact func(float64) float64
	ulps  float64 // the largest error allowed
}{
	{"exp", vec.Exp, math.Exp, 1.5},
	{"log", vec.Log, math.Log, 1.5},
	{"tanh", vec.Tanh, math.Tanh, 2},
	{"sigmoid", vec.Sigmoid, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 3},
	{"erf", vec.Erf, math.Erf, 1.5},
	{"expm1", vec.Expm1, math.Expm1, 2},
	{"log1p", vec.Log1p, math.Log1p, 2},
	{"sin", within(1e5, vec.Sin), within64(1e5, math.Sin), 2},
	{"cos", within(1e5, vec.Cos), within64(1e5, math.Cos), 2},
	{"atan", vec.Atan, math.Atan, 2},
	{"neg", vec.Neg, func(x float64) float64 { return -x }, 0},
	{"abs", vec.Abs, math.Abs, 0},
}

// within is fn where |x| does not exceed a bound, and NaN elsewhere; within64 is the same in float64.
func within(bound float32, fn func(*vec.Func, vec.Reg) vec.Reg) func(*vec.Func, vec.Reg) vec.Reg {
	return func(f *vec.Func, a vec.Reg) vec.Reg {
		in := f.Binary(vec.LessEq, vec.Abs(f, a), f.Const(math.Float32bits(bound)))
		return f.Select(in, fn(f, a), f.Const(0x7fc00000))
	}
}

func within64(bound float64, fn func(float64) float64) func(float64) float64 {
	return func(x float64) float64 {
		if math.Abs(x) <= bound {
			return fn(x)
		}
		return math.NaN()
	}
}

// ulps is the distance of got from want in units of the last place of a float32 near want.
func ulps(got float32, want float64) float64 {
	if w := float32(want); got == w || got != got && want != want {
		return 0
	} else if math.IsInf(float64(w), 0) || math.IsInf(float64(got), 0) {
		// At the edge of the range, where the one overflows and the other does not quite.
		return math.Abs(float64(int64(math.Float32bits(got)) - int64(math.Float32bits(w))))
	}
	_, e := math.Frexp(want)
	return math.Abs(float64(got)-want) / math.Ldexp(1, max(e-24, -149))
}

// inputs covers every exponent, and the neighbourhood of what functions branch on.
func inputs() []float32 {
	r := rand.New(rand.NewPCG(1, 1))
	var xs []float32
	xs = append(xs, vectest.Special...)
	for e := range 256 {
		for range 40 {
			u := uint32(e)<<23 | r.Uint32()>>9
			xs = append(xs, math.Float32frombits(u), -math.Float32frombits(u))
		}
	}
	for _, edge := range []float32{0.625, 0.875, 4, 88.72, 89, -87.33, -103.97, -104, float32(math.Sqrt2), float32(math.Sqrt2 / 2), 1, 9.01} {
		for range 200 {
			xs = append(xs, edge*(1+float32(r.NormFloat64())*1e-4), -edge*(1+float32(r.NormFloat64())*1e-4))
		}
	}
	for range 30000 {
		xs = append(xs, float32(r.NormFloat64()*8), float32(r.NormFloat64()))
	}
	return xs[:len(xs)/16*16]
}

// apply runs a function over xs.
func apply(t *testing.T, name string, target vec.Target, fn func(*vec.Func, vec.Reg) vec.Reg, xs []float32) []float32 {
	f := vec.New(name, target, []string{"x", "y"}, []string{"n"})
	l := target.Lanes
	f.Loop(vec.Param(0), []vec.Bump{{Ptr: 0, Bytes: 4 * l}, {Ptr: 1, Bytes: 4 * l}}, func() {
		f.StorePart(1, 0, fn(f, f.Load(0, 0)), l)
	})
	g, err := vec.Allocate(f)
	if err != nil {
		t.Fatal(err)
	}
	ys := make([]float32, len(xs))
	if err := interp.Run(g, interp.Slices(xs, ys), []int{len(xs) / l}); err != nil {
		t.Fatal(err)
	}
	return ys
}

func TestFunctions(t *testing.T) {
	xs := inputs()
	for _, fn := range functions {
		t.Run(fn.name, func(t *testing.T) {
			ys := apply(t, fn.name, vec.AVX2, fn.apply, xs)
			worst, at := 0.0, float32(0)
			for i, x := range xs {
				want := fn.exact(float64(x))
				if d := ulps(ys[i], want); d > worst || d != d {
					worst, at = d, x
				}
			}
			t.Logf("largest error %.3g ULP, at %g", worst, at)
			if !(worst <= fn.ulps) {
				t.Errorf("error %.3g ULP at %g, more than %g", worst, at, fn.ulps)
			}
		})
	}
}

// TestMinimumMaximum checks the IR's rules for NaN and zeros.
func TestMinimumMaximum(t *testing.T) {
	negZero, nan := float32(math.Copysign(0, -1)), float32(math.NaN())
	values := []float32{0, negZero, 1, -1, nan, float32(math.Inf(1)), float32(math.Inf(-1)), 1e-45}
	for _, a := range values {
		for _, b := range values {
			t.Run(fmt.Sprint(a, b), func(t *testing.T) {
				f := vec.New("minmax", vec.NEON, []string{"x"}, nil)
				x, y := f.Splat(0, 0), f.Splat(0, 4)
				f.StorePart(0, 8, vec.Maximum(f, x, y), 1)
				f.StorePart(0, 12, vec.Minimum(f, x, y), 1)
				m := []float32{a, b, 0, 0}
				if err := interp.Run(f, interp.Slices(m), nil); err != nil {
					t.Fatal(err)
				}
				most, least := a, a
				if b > a {
					most = b
				}
				if b < a {
					least = b
				}
				if a != a || b != b {
					most, least = nan, nan
				}
				for i, want := range []float32{most, least} {
					if got := m[2+i]; math.Float32bits(got) != math.Float32bits(want) && !(got != got && want != want) {
						t.Errorf("%d: %v, want %v", i, got, want)
					}
				}
			})
		}
	}
}

func TestHash(t *testing.T) {
	lowbias := func(x uint32) uint32 {
		x ^= x >> 16
		x *= 0x7feb352d
		x ^= x >> 15
		x *= 0x846ca68b
		return x ^ x>>16
	}
	xs := make([]float32, 4096)
	for i := range xs {
		xs[i] = math.Float32frombits(uint32(i * 0x9e3779b1))
	}
	for i, y := range apply(t, "hash", vec.AVX2, vec.Hash, xs) {
		if got, want := math.Float32bits(y), lowbias(math.Float32bits(xs[i])); got != want {
			t.Fatalf("hash(%#x) = %#x, want %#x", math.Float32bits(xs[i]), got, want)
		}
	}
}
