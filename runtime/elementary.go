package runtime

import "math"

// Package math promises no bits: its functions are assembly on some machines. These are made of operations that IEEE 754 rounds once, and
// none of them is fused (a conversion to float64 keeps the compiler from that), so they have the same bits everywhere. Their errors are a few
// units in the last place.

const (
	ln2High = 6.93147180369123816490e-01 // its last 32 bits are zero, so that a multiple below 2^20 is exact
	ln2Low  = 1.90821492927058770002e-10
)

// expOf returns e to the power of x.
func expOf(x float64) float64 {
	switch {
	case x != x:
		return x
	case x > 710:
		return math.Inf(1)
	case x < -746:
		return 0
	}
	k := math.RoundToEven(x / math.Ln2)
	r := (x - float64(k*ln2High)) - float64(k*ln2Low) // at most ln(2)/2
	sum := 1.0
	for i := 18; i > 0; i-- { // Horner's form of the series 1 + r/1·(1 + r/2·(1 + …))
		sum = 1 + float64(float64(sum*r)/float64(i))
	}
	return math.Ldexp(sum, int(k))
}

// logOf returns the natural logarithm of x.
func logOf(x float64) float64 {
	switch {
	case x != x || math.IsInf(x, 1):
		return x
	case x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(-1)
	}
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m *= 2
		e--
	}
	s := (m - 1) / (m + 1) // ln m = 2·artanh(s), |s| < 0.172
	s2 := float64(s * s)
	sum := 0.0
	for i := 25; i > 0; i -= 2 {
		sum = 1/float64(i) + float64(sum*s2)
	}
	low := float64(float64(e)*ln2Low) + float64(2*float64(s*sum))
	return float64(float64(e)*ln2High) + low
}

// raise returns x to the power of y: by repeated multiplication where y is a whole number.
func raise(x, y float64) float64 {
	if n := math.Abs(y); n == math.Trunc(n) && n < 1<<31 {
		p := power(x, int(n))
		if y < 0 {
			return 1 / p
		}
		return p
	}
	if x == 0 && y > 0 {
		return 0
	}
	return expOf(float64(y * logOf(x)))
}

// power returns x to the n-th power by repeated squaring, for n >= 0: the same bits everywhere.
func power(x float64, n int) float64 {
	r := 1.0
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			r *= x
		}
		x *= x
	}
	return r
}

// cosPi returns cos(pi*x) for x in 0 … 1, with an error below 1e-15.
func cosPi(x float64) float64 {
	if x > 0.5 {
		return -cosPi(1 - x)
	}
	y := x * math.Pi
	y2 := float64(y * y)
	sum := 1.0
	for k := 22; k > 0; k -= 2 { // Horner's form of the series: 1 - y²/(1·2)·(1 - y²/(3·4)·(1 - …))
		sum = 1 - float64(float64(sum*y2)/float64(k*(k-1)))
	}
	return sum
}
