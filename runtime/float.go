package runtime

import "math"

// fma32 returns a*b + c rounded once, the same bits as the machine's fused multiply-add. The product of two float32 is exact in
// float64; the sum is rounded there and then once more to float32, which [twiceRounded] says may go wrong. Where the call costs too much
// (Go inlines no call into a leaf) a loop writes these lines out.
func fma32(a, b, c float32) float32 {
	p := float64(a) * float64(b)
	s := p + float64(c)
	if twiceRounded(s) {
		return roundSum(p, float64(c), s)
	}
	return float32(s)
}

// twiceRounded reports whether rounding the sum s from float64 to float32 may differ from rounding the exact sum: s lies in the middle
// between two float32, or the float32 is subnormal and so has fewer bits. It is inlined.
func twiceRounded(s float64) bool {
	u := math.Float64bits(s)
	// u<<1>>53-1 is the exponent less one: at or above 896 the float32 is normal, or s is 0 (which wraps), infinite or NaN.
	return u<<35 == 1<<63 || u<<1>>53-1 < 896
}

// roundSum returns p+c rounded once to float32; s is the sum rounded to float64. It finds what that rounding lost (Knuth's two-sum, exact)
// and rounds to odd instead: of the two float64 around an inexact sum the one whose last bit is set. From there rounding to any
// precision shorter by two bits is right (Boldo, Melquiond: Emulation of FMA and Correctly Rounded Sums, 2008).
//
//go:noinline
func roundSum(p, c, s float64) float32 {
	d := s - p
	lost := (p - (s - d)) + (c - d)
	u := math.Float64bits(s)
	if lost != 0 && u&1 == 0 {
		if (lost > 0) == (s > 0) {
			u++
		} else {
			u--
		}
	}
	return float32(math.Float64frombits(u))
}

// mask is all ones where a condition holds, as vector comparisons give it.
func mask(cond bool) uint32 {
	if cond {
		return 0xffffffff
	}
	return 0
}

// toInt32 rounds to the nearest integer, ties to even; what does not fit gives the least int32, as x86's conversion does.
func toInt32(x float32) uint32 {
	r := math.RoundToEven(float64(x))
	if r >= -1<<31 && r < 1<<31 {
		return uint32(int32(r))
	}
	return 1 << 31
}
