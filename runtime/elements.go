package runtime

import (
	"fmt"
	"math"
)

// Every element of a port or a parameter lies in a cell of 32 bits: float32, or int32 for whole numbers and truth values, which are 0 and 1.
// The element type says which values a cell may hold.

// wholeElem reports whether elements of that type are int32.
func wholeElem(elem string) bool {
	switch elem {
	case "i32", "i64", "i8", "u8", "bool":
		return true
	}
	return false
}

// narrowElem reports whether a cell may hold what is no element of that type.
func narrowElem(elem string) bool {
	switch elem {
	case "f16", "bf16", "i8", "u8", "bool":
		return true
	}
	return false
}

// elemRange returns the least and the greatest number of a type of whole numbers.
func elemRange(elem string) (low, high int32) {
	switch elem {
	case "bool":
		return 0, 1
	case "u8":
		return 0, math.MaxUint8
	case "i8":
		return math.MinInt8, math.MaxInt8
	}
	return math.MinInt32, math.MaxInt32
}

// settle makes cells that were filled from outside hold elements of the type: floats are rounded to f16 and bf16, and a whole number that
// the type has not is an error.
func settle(elem string, cells []float32) error {
	switch elem {
	case "f16":
		for i, x := range cells {
			cells[i] = roundHalf(x)
		}
	case "bf16":
		for i, x := range cells {
			cells[i] = roundBrain(x)
		}
	case "i8", "u8", "bool":
		low, high := elemRange(elem)
		for i, v := range asInts(cells) {
			if v < low || v > high {
				return fmt.Errorf("element %d is %d, but %s goes from %d to %d", i, v, elem, low, high)
			}
		}
	}
	return nil
}

// roundHalf rounds to IEEE 754's binary16, to nearest with ties to even.
func roundHalf(x float32) float32 {
	a := float32(math.Abs(float64(x)))
	switch {
	case x != x:
		return x
	case a >= 65520:
		a = float32(math.Inf(1))
	case a < 0x1p-14:
		a = float32(math.RoundToEven(float64(a)*0x1p24) * 0x1p-24)
	default:
		a = dropBits(a, 13)
	}
	return float32(math.Copysign(float64(a), float64(x)))
}

// roundBrain rounds to bfloat16 likewise.
func roundBrain(x float32) float32 {
	if x != x {
		return x
	}
	return dropBits(x, 16)
}

// dropBits rounds the last n bits of a float away; a carry into the exponent is right.
func dropBits(x float32, n int) float32 {
	u := math.Float32bits(x)
	return math.Float32frombits((u + 1<<(n-1) - 1 + u>>n&1) &^ (1<<n - 1))
}
