package kernel_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/ir/ops"
)

// accuracies says how exact the kernels of functions are: within so many units of the last place, or, where that is 0, within 10ε
// absolute and 5ε relative together. Up to bound, where one is given.
var accuracies = []struct {
	call  string // in the language, of x
	kind  string
	attrs ir.Attrs
	ulps  float64
	bound float64
}{
	{call: "exp(x)", ulps: 2},
	{call: "exp2(x)", ulps: 2},
	{call: "expm1(x)", ulps: 2},
	{call: "log(x)", ulps: 2},
	{call: "log1p(x)", ulps: 2},
	{call: "sqrt(x)", ulps: 0.5},
	{call: "rsqrt(x)", ulps: 1.5},
	{call: "reciprocal(x)", ulps: 0.5},
	{call: "tanh(x)", ulps: 3},
	{call: "sigmoid(x)", ulps: 3},
	{call: "sigmoid(x)"},
	{call: "erf(x)", ulps: 2},
	{call: "erf(x)"},
	{call: "sin(x)", ulps: 2, bound: 1e5},
	{call: "cos(x)", ulps: 2, bound: 1e5},
	{call: "tan(x)", ulps: 4, bound: 1e5},
	{call: "asin(x)", ulps: 4},
	{call: "acos(x)", ulps: 4},
	{call: "atan(x)", ulps: 2},
	{call: "sinh(x)", ulps: 4},
	{call: "cosh(x)", ulps: 4},
	{call: "asinh(x)", ulps: 4},
	{call: "acosh(x)", ulps: 4},
	{call: "atanh(x)", ulps: 4},
	{call: "softplus(x)", ulps: 4},
	{call: "softsign(x)", ulps: 2},
	{call: "elu(x)", ulps: 2},
	{call: "selu(x)", ulps: 4},
	{call: "celu(x)", ulps: 2},
	{call: "silu(x)", ulps: 3, bound: 87}, // below, a subnormal sigmoid has fewer digits
	{call: "silu(x)"},
	{call: "mish(x)", ulps: 4, bound: 87},
	{call: "mish(x)"},
	{call: "gelu(x)"},
	{call: `gelu(x, approximate="tanh")`, kind: "gelu", attrs: ir.Attrs{{Name: "approximate", Value: "tanh"}}},
	{call: "hard_sigmoid(x)"},
	{call: "hard_swish(x)"},
}

// wholeRange is a stride through all f32, denser where functions turn, and the values at which they tend to be wrong.
func wholeRange() []float32 {
	stride := uint64(131071)
	if testing.Short() {
		stride *= 8
	}
	inf := float32(math.Inf(1))
	xs := []float32{0, float32(math.Copysign(0, -1)), 1, -1, inf, -inf, float32(math.NaN()), math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32,
		0x1p-126, -0x1p-126, 0x1.fffffcp-127, math.MaxFloat32, -math.MaxFloat32, 88.72283, 88.72284, -87.33655, -103.97208, -104, 127.99999, 128, -126, -149, -150}
	for u := uint64(0); u < 1<<32; u += stride {
		xs = append(xs, math.Float32frombits(uint32(u)))
	}
	for x := float32(-20); x < 20; x += 0.0127 {
		xs = append(xs, x)
	}
	for len(xs)%64 != 0 {
		xs = append(xs, 0)
	}
	return xs
}

// TestAccuracy compares kernels of functions with their evaluation over the whole range of f32.
func TestAccuracy(t *testing.T) {
	xs := wholeRange()
	for _, c := range accuracies {
		t.Run(fmt.Sprintf("%s/%g", c.call, c.ulps), func(t *testing.T) {
			t.Parallel()
			kind := c.kind
			if kind == "" {
				kind = c.call[:len(c.call)-len("(x)")]
			}
			attrs, err := ops.Complete(ops.Lookup(kind).Attrs, c.attrs)
			if err != nil {
				t.Fatal(err)
			}
			ys := applied(t, c.call, xs)
			worst, at := 0.0, float32(0)
			for i, x := range xs {
				if c.bound > 0 && math.Abs(float64(x)) > c.bound {
					continue
				}
				in := &ops.Tensor{Elem: ir.F32, Shape: []int{}, Data: []float64{float64(x)}}
				want := ops.Lookup(kind).Eval([]*ops.Tensor{in}, attrs)[0].Data[0]
				d := distance(ys[i], want, c.ulps == 0)
				if d > worst || d != d {
					worst, at = d, x
				}
				if x == 0 && want == 0 && math.Signbit(want) != math.Signbit(float64(ys[i])) {
					t.Errorf("of %v it is %v", x, ys[i])
				}
			}
			t.Logf("largest error %.3g at %g", worst, at)
			limit := c.ulps
			if limit == 0 {
				limit = 1
			}
			if !(worst <= limit) {
				t.Errorf("error %.3g at %g", worst, at)
			}
		})
	}
}

// applied runs the kernel of a call for AVX2.
func applied(t *testing.T, call string, xs []float32) []float32 {
	t.Helper()
	u := compile(t, "model m {\n    input x: f32[64]\n    output y = "+call+"\n}")
	f := u.Loops[0]
	n := len(xs) / 64
	mem, err := loop.NewMemory(f, map[string]int{"N": n})
	if err != nil {
		t.Fatal(err)
	}
	var y []uint32
	for _, b := range f.Buffers {
		switch b.Space {
		case loop.Input:
			for i, x := range xs {
				mem[b][i] = math.Float32bits(x)
			}
		case loop.Output:
			y = mem[b]
		}
	}
	run(t, u, f, vec.AVX2, n, mem)
	ys := make([]float32, len(xs))
	for i := range ys {
		ys[i] = math.Float32frombits(y[i])
	}
	return ys
}

// distance is how far got is from want: in units of the last place of an f32 near want, or as a share of 10ε + 5ε|want|.
func distance(got float32, want float64, absolute bool) float64 {
	const eps = 0x1p-23
	g := float64(got)
	switch {
	case float32(want) == got || got != got && want != want:
		return 0
	case math.IsInf(float64(float32(want)), 0) || math.IsInf(g, 0):
		// At the edge of the range, where the one overflows and the other does not quite.
		return math.Abs(float64(int64(math.Float32bits(got)) - int64(math.Float32bits(float32(want)))))
	case absolute:
		return math.Abs(g-want) / (10*eps + 5*eps*math.Abs(want))
	}
	_, e := math.Frexp(want)
	return math.Abs(g-want) / math.Ldexp(1, max(e-24, -149))
}
