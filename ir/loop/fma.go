package loop

import "math"

// fma32 returns a*b + c rounded once to float32.
//
// The product of two float32 is exact in a float64. Rounding the sum to float64 and then to float32 is wrong only where the float64
// lies just halfway between two float32 although the exact sum does not; there the sum's own rounding error, which is exact too (Knuth,
// TAOCP 2, 4.2.2, theorem B), says on which side the exact sum is.
func fma32(a, b, c float32) float32 {
	p, z := float64(a)*float64(b), float64(c)
	s := p + z
	// A normal float32 keeps all but the last 29 bits of a float64's fraction.
	bits := math.Float64bits(s)
	if exp := bits >> 52 & 0x7ff; bits&(1<<29-1) != 1<<28 && exp >= 1023-126 {
		return float32(s)
	}
	return fmaHalfway(p, z, s)
}

// fmaHalfway rounds p + z, whose float64 sum is s, to float32 with care for halfway cases and subnormal results.
func fmaHalfway(p, z, s float64) float32 {
	if math.IsNaN(s) || math.IsInf(s, 0) {
		return float32(s)
	}
	pp := s - z
	zz := s - pp
	err := (p - pp) + (z - zz)
	if err == 0 {
		return float32(s)
	}
	// Round the sum to odd instead: an inexact result whose last bit is 0 moves one step towards the exact sum. float32's 24 bits and the
	// 53 of the odd sum are far enough apart that no second rounding goes wrong.
	bits := math.Float64bits(s)
	if bits&1 == 0 {
		if (err > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
	}
	return float32(math.Float64frombits(bits))
}
