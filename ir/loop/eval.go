package loop

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
)

// quietNaN is the NaN that arithmetic gives, whatever the bits of the NaN that caused it.
const quietNaN uint32 = 0x7fc00000

// run executes the code on w for one point.
func (c *code) run(idx []int, w []uint32) {
	for i := range c.list {
		in := &c.list[i]
		switch {
		case in.code == Load:
			w[in.dst] = in.ref.words[in.ref.address(idx, w)]
		case in.code == Index:
			w[in.dst] = uint32(int32(in.lin.value(idx)))
		case in.code == Select:
			w[in.dst] = w[in.c]
			if w[in.a] != 0 {
				w[in.dst] = w[in.b]
			}
		case in.typ == ir.F32:
			w[in.dst] = evalFloat(in.code, w[in.a], w[in.b], w[in.c])
		default:
			w[in.dst] = evalInt(in.code, in.typ, w[in.a], w[in.b])
		}
	}
}

// fbits returns the bits of x, of any NaN the same.
func fbits(x float32) uint32 {
	if x != x {
		return quietNaN
	}
	return math.Float32bits(x)
}

func truth(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// evalFloat computes an operation on f32 operands.
func evalFloat(c Code, wx, wy, wz uint32) uint32 {
	x, y := math.Float32frombits(wx), math.Float32frombits(wy)
	switch c {
	case Add:
		return fbits(x + y)
	case Sub:
		return fbits(x - y)
	case Mul:
		return fbits(x * y)
	case Div:
		return fbits(x / y)
	case Min:
		return fbits(minFloat(x, y))
	case Max:
		return fbits(maxFloat(x, y))
	case Neg:
		return wx ^ 1<<31
	case Abs:
		return wx &^ (1 << 31)
	case FMA:
		return fbits(fma32(x, y, math.Float32frombits(wz)))
	case Less:
		return truth(x < y)
	case LessEq:
		return truth(x <= y)
	case Eq:
		return truth(x == y)
	case NotEq:
		return truth(x != y)
	case ToI32:
		return toInt(x)
	case ToBits:
		return wx
	case Pow:
		return fbits(float32(math.Pow(float64(x), float64(y))))
	}
	return fbits(float32(evalFunction(c, float64(x))))
}

// evalFunction computes a function of one f32 in float64; the caller rounds it once.
func evalFunction(c Code, x float64) float64 {
	switch c {
	case Sqrt:
		return math.Sqrt(x) // rounding twice does no harm: 53 >= 2*24 + 2
	case Floor:
		return math.Floor(x)
	case Ceil:
		return math.Ceil(x)
	case Round:
		return math.RoundToEven(x)
	case Exp:
		return math.Exp(x)
	case Log:
		return math.Log(x)
	case Tanh:
		return math.Tanh(x)
	case Sigmoid:
		return 1 / (1 + math.Exp(-x))
	case Erf:
		return math.Erf(x)
	case Expm1:
		return math.Expm1(x)
	case Log1p:
		return math.Log1p(x)
	case Sin:
		return math.Sin(x)
	case Cos:
		return math.Cos(x)
	case Atan:
		return math.Atan(x)
	}
	panic("loop: no meaning of " + Codes[c].Name + " of f32") // Verify lets none through
}

// maxFloat is b > a ? b : a, and NaN where either is.
func maxFloat(a, b float32) float32 {
	switch {
	case a != a:
		return a
	case b > a || b != b:
		return b
	}
	return a
}

// minFloat is b < a ? b : a, and NaN where either is.
func minFloat(a, b float32) float32 {
	switch {
	case a != a:
		return a
	case b < a || b != b:
		return b
	}
	return a
}

// toInt rounds to the nearest i32, ties to even. What lies outside, and NaN, gives -2^31, as x86 does.
func toInt(x float32) uint32 {
	r := math.RoundToEven(float64(x))
	if r >= -(1<<31) && r < 1<<31 {
		return uint32(int32(r))
	}
	return 1 << 31
}

// evalInt computes an operation on i32, u8 or truth values.
func evalInt(c Code, t ir.DType, wx, wy uint32) uint32 {
	x, y := int32(wx), int32(wy)
	switch c {
	case Add:
		return wx + wy
	case Sub:
		return wx - wy
	case Mul:
		return wx * wy
	case Div:
		return uint32(divide(x, y))
	case Min:
		return uint32(min(x, y))
	case Max:
		return uint32(max(x, y))
	case Neg:
		return -wx
	case Abs:
		return uint32(max(x, -x))
	case Less:
		return truth(x < y)
	case LessEq:
		return truth(x <= y)
	case Eq:
		return truth(x == y)
	case NotEq:
		return truth(x != y)
	case Not:
		return wx ^ 1
	case And:
		return wx & wy
	case Or:
		return wx | wy
	case Xor:
		return wx ^ wy
	case Shl:
		return wx << (wy & 31)
	case Shr:
		return wx >> (wy & 31)
	case ToF32:
		return math.Float32bits(float32(x))
	case ToI32:
		return wx // of u8
	case FromBits:
		return wx
	case Hash:
		return lowbias32(wx)
	}
	panic("loop: no meaning of " + Codes[c].Name + " of " + t.String()) // Verify lets none through
}

// divide is x/y towards zero, 0 where y is 0. Go defines the least number divided by -1 as itself.
func divide(x, y int32) int32 {
	if y == 0 {
		return 0
	}
	return x / y
}

// lowbias32 mixes 32 bits (Chris Wellons, "Prospecting for Hash Functions", 2018).
func lowbias32(x uint32) uint32 {
	x ^= x >> 16
	x *= 0x7feb352d
	x ^= x >> 15
	x *= 0x846ca68b
	return x ^ x>>16
}
