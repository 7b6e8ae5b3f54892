package runtime

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// exactFMA rounds a*b + c once, by arithmetic of any precision.
func exactFMA(a, b, c float32) float32 {
	p := new(big.Float).SetPrec(1000).Mul(big.NewFloat(float64(a)), big.NewFloat(float64(b)))
	s := new(big.Float).SetPrec(1000).Add(p, big.NewFloat(float64(c)))
	if s.Sign() == 0 {
		return float32(float64(a)*float64(b) + float64(c)) // the sign of zero is IEEE's business, and no rounding is
	}
	f, _ := s.Float32()
	return f
}

func checkFMA(t *testing.T, a, b, c float32) {
	t.Helper()
	got, want := fma32(a, b, c), exactFMA(a, b, c)
	if math.Float32bits(got) != math.Float32bits(want) {
		t.Errorf("fma32(%x, %x, %x) = %x, want %x", a, b, c, got, want)
	}
}

func finite32(bits uint32) float32 {
	if f := math.Float32frombits(bits); f-f == 0 {
		return f
	}
	return math.Float32frombits(bits &^ (1 << 30))
}

func TestFMA32Random(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	n := 300_000
	if testing.Short() {
		n = 30_000
	}
	for range n {
		checkFMA(t, finite32(r.Uint32()), finite32(r.Uint32()), finite32(r.Uint32()))
	}
}

// TestFMA32Near has sums whose parts are of like size, or cancel, or lie at all distances from each other.
func TestFMA32Near(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200_000 {
		a := float32(math.Ldexp(float64(1<<23+r.IntN(1<<23)), r.IntN(4)-24))
		b := float32(math.Ldexp(float64(1<<23+r.IntN(1<<23)), r.IntN(4)-24))
		c := float32(math.Ldexp(float64(1<<23+r.IntN(1<<23)), r.IntN(90)-70))
		if r.IntN(2) == 0 {
			c = -c
		}
		checkFMA(t, a, b, c)
	}
}

// TestFMA32Midpoints makes sums that lie at, or next to, the middle of two float32, where rounding twice goes wrong, and such that are
// subnormal.
func TestFMA32Midpoints(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	wrongNaive := 0
	for range 200_000 {
		// c is a float32; a*b is half of its last place, more or less a very little.
		e := r.IntN(200) - 100
		c := float32(math.Ldexp(float64(1<<23+r.IntN(1<<23)), e))
		half := math.Ldexp(1, e-1) // half of c's last place
		a := float32(half) * (1 + float32(r.IntN(3)-1)*0x1p-23)
		b := 1 + float32(r.IntN(5)-2)*0x1p-23
		if r.IntN(2) == 0 {
			a = -a
		}
		checkFMA(t, a, b, c)
		if float32(float64(a)*float64(b)+float64(c)) != exactFMA(a, b, c) {
			wrongNaive++
		}
	}
	for range 100_000 {
		c := math.Float32frombits(r.Uint32()&(1<<24-1) | r.Uint32()&(1<<31)) // subnormal and the first normal ones
		a := float32(math.Ldexp(float64(1+r.IntN(1<<24)), -100+r.IntN(30)))
		b := float32(math.Ldexp(float64(1+r.IntN(1<<24)), -100+r.IntN(30)))
		checkFMA(t, a, b, c)
		checkFMA(t, a, -b, c)
		if float32(float64(a)*float64(b)+float64(c)) != exactFMA(a, b, c) {
			wrongNaive++
		}
	}
	if wrongNaive < 100 {
		t.Errorf("only %d cases tell rounding twice from rounding once: the test is too weak", wrongNaive)
	}
}

func TestFMA32Special(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	zero, most, least := float32(0), float32(math.MaxFloat32), float32(math.SmallestNonzeroFloat32)
	negZero := float32(math.Copysign(0, -1))
	for _, c := range [][4]float32{
		{inf, 1, 1, inf}, {1, 1, -inf, -inf}, {most, most, 0, inf}, {most, 1, 0x1p103, inf}, {most, 1, 0x1.fffffep102, most},
		{zero, zero, zero, zero}, {negZero, zero, negZero, negZero}, {1, 1, -1, zero}, {least, 0.5, 0, zero},
		{least, 0.75, 0, least}, {least, -0.5, 0, negZero}, {least, least, -1, -1}, {zero, 5, 3, 3},
	} {
		if got := fma32(c[0], c[1], c[2]); math.Float32bits(got) != math.Float32bits(c[3]) {
			t.Errorf("fma32(%x, %x, %x) = %x, want %x", c[0], c[1], c[2], got, c[3])
		}
	}
	for _, c := range [][3]float32{{inf, 0, 1}, {inf, 1, -inf}, {nan, 1, 1}, {1, nan, 1}, {1, 1, nan}} {
		if got := fma32(c[0], c[1], c[2]); got == got {
			t.Errorf("fma32(%x, %x, %x) = %x, want NaN", c[0], c[1], c[2], got)
		}
	}
}

func BenchmarkFMA32(b *testing.B) {
	x, s := float32(0.999), float32(0)
	for b.Loop() {
		for range 1000 {
			s = fma32(x, 0.5, s*0.25)
		}
	}
	_ = s
}
