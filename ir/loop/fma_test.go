package loop

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// bigFMA is a*b + c in unbounded precision, rounded once.
func bigFMA(a, b, c float32) float32 {
	for _, x := range []float32{a, b, c} {
		if math.IsInf(float64(x), 0) || x != x {
			return float32(math.FMA(float64(a), float64(b), float64(c))) // no rounding happens
		}
	}
	x := new(big.Float).SetPrec(1000).SetFloat64(float64(a))
	x.Mul(x, new(big.Float).SetPrec(1000).SetFloat64(float64(b)))
	x.Add(x, new(big.Float).SetPrec(1000).SetFloat64(float64(c)))
	if x.Sign() == 0 {
		return a*b + c // the sign of zero; the product is exact or exactly cancelled
	}
	r, _ := x.Float32()
	return r
}

func sameFloat(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

func TestFMA32(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	special := []float32{0, float32(math.Copysign(0, -1)), 1, -1, 1 + 0x1p-23, 1 - 0x1p-24, 0x1p-149, 0x1p-126, 0x1p-125, 0x1.fffffep-127, 0x1p-75, 0x1.000002p-75,
		math.MaxFloat32, -math.MaxFloat32, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 0x1p-24, 0x1p64, 3, 0x1.8p-127, 0x1p-150 * 2, 0x1.000002p0, 0x1.fffffep0}
	check := func(a, b, c float32) {
		t.Helper()
		if got, want := fma32(a, b, c), bigFMA(a, b, c); !sameFloat(got, want) {
			t.Fatalf("fma(%x, %x, %x) = %x, want %x", a, b, c, got, want)
		}
	}
	for _, a := range special {
		for _, b := range special {
			for _, c := range special {
				check(a, b, c)
			}
		}
	}
	for range 200000 {
		check(math.Float32frombits(r.Uint32()), math.Float32frombits(r.Uint32()), math.Float32frombits(r.Uint32()))
	}
	// Sums near halfway: c is about 2^24 to 2^30 times the product or the other way round, with few bits set.
	few := func(exp int) float32 {
		f := 1 + float64(r.IntN(4))*0x1p-23 + float64(r.IntN(2))*0x1p-12 + float64(r.IntN(2))*0.5
		return float32(math.Ldexp(f, exp)) * float32(1-2*r.IntN(2))
	}
	halves := 0
	for range 300000 {
		e := r.IntN(60) - 30
		if r.IntN(2) == 0 {
			e = r.IntN(40) - 150 // towards subnormal results
		}
		a, b := few(0), few(e)
		c := few(e + r.IntN(80) - 40)
		if s := math.Float64bits(float64(a)*float64(b) + float64(c)); s&(1<<29-1) == 1<<28 {
			halves++
		}
		check(a, b, c)
	}
	if halves < 1000 {
		t.Errorf("only %d halfway cases were met", halves)
	}
}

func BenchmarkFMA32(b *testing.B) {
	x := float32(0)
	for i := range b.N {
		x = fma32(float32(i&15), 0.25, x)
	}
	sink = x
}

var sink float32
