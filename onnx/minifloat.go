package onnx

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
)

// minifloat is a format of floating-point numbers of 4 or 8 bits. Programs hold their values as f16, which has all of them.
type minifloat struct {
	exponent, fraction, bias int
	most                     float64 // the largest number
	infinite                 bool    // it has infinities, and NaNs behind them, as larger formats do
	unsignedZero             bool    // what would be -0 is NaN
	nan                      bool    // it has a NaN at all
}

var minifloats = map[DataType]*minifloat{
	Float8E4M3FN:   {exponent: 4, fraction: 3, bias: 7, most: 448, nan: true},
	Float8E4M3FNUZ: {exponent: 4, fraction: 3, bias: 8, most: 240, unsignedZero: true, nan: true},
	Float8E5M2:     {exponent: 5, fraction: 2, bias: 15, most: 57344, infinite: true, nan: true},
	Float8E5M2FNUZ: {exponent: 5, fraction: 2, bias: 16, most: 57344, unsignedZero: true, nan: true},
	Float4E2M1:     {exponent: 2, fraction: 1, bias: 1, most: 6},
}

// read is the number of the given bits.
func (m *minifloat) read(bits uint64) float64 {
	e, f := int(bits>>m.fraction)&(1<<m.exponent-1), float64(bits&(1<<m.fraction-1))
	sign, top := 1.0, e == 1<<m.exponent-1
	if bits>>(m.exponent+m.fraction)&1 != 0 {
		sign = -1
	}
	switch {
	case m.unsignedZero && sign < 0 && e == 0 && f == 0, m.infinite && top && f != 0,
		m.nan && !m.infinite && !m.unsignedZero && top && f == float64(int(1)<<m.fraction-1):
		return math.NaN()
	case m.infinite && top:
		return math.Inf(int(sign))
	case e == 0:
		return math.Copysign(math.Ldexp(f, 1-m.bias-m.fraction), sign)
	}
	return sign * math.Ldexp(f+float64(int(1)<<m.fraction), e-m.bias-m.fraction)
}

// powerOfTwo is the number that FLOAT8E8M0 has for bits, which are an exponent alone.
func powerOfTwo(bits uint64) float64 {
	if bits == 0xff {
		return math.NaN()
	}
	return math.Ldexp(1, int(bits)-127)
}

// smallWhole are the bits of types of whole numbers of less than 8, which lie in cells of larger types.
var smallWhole = map[DataType]int{Int4: 4, Uint4: 4, Int2: 2, Uint2: 2}

// narrow reports whether numbers of a type have to be brought to it, since the type of their cells holds more.
func narrow(t DataType) bool { return minifloats[t] != nil || smallWhole[t] > 0 || t == Float8E8M0 }

// narrowed brings numbers to a type that is narrow. Beyond the range of a floating-point type they become its largest number where saturate says so.
func (n *call) narrowed(x *ir.Value, to DataType, saturate bool) *ir.Value {
	m, size := minifloats[to], smallWhole[to]
	switch {
	case size > 0: // the lowest bits, of which the highest may be a sign
		y := n.masked(n.cast(x, ir.I32), 1<<size-1)
		if to == Int4 || to == Int2 {
			sign := n.scalar(ir.I32, float64(int(1)<<(size-1)))
			y = n.apply("sub", n.apply("bitwise_xor", y, sign), sign)
		}
		return n.cast(y, elemOfType[to])
	case m == nil:
		refuse("numbers cannot be made %v, which holds powers of two; that is a format of scales", to)
	}
	number := func(v float64) *ir.Value { return n.scalar(ir.F32, v) }
	x = n.f32(n.cast(x, ir.F32))
	size32 := n.apply("abs", x)
	// The power of two below a number says how far apart its neighbours are; small ones are as far apart as the smallest of full length.
	power := n.apply("from_bits", n.apply("max", n.masked(n.apply("to_bits", size32), 0x7f800000), n.scalar(ir.I32, float64((128-m.bias)<<23))))
	step := n.apply("mul", power, number(math.Ldexp(1, -m.fraction)))
	y := n.apply("mul", n.apply("round", n.apply("div", size32, step)), step)
	beyond := number(m.most)
	switch {
	case saturate || !m.nan:
	case m.infinite:
		beyond = number(math.Inf(1))
	default:
		beyond = number(math.NaN())
	}
	over := n.apply("logical_or", n.apply("greater", y, number(m.most)), n.apply("equal", size32, number(math.Inf(1))))
	y = n.apply("where", over, beyond, y)
	negative := n.apply("less", n.apply("to_bits", x), n.scalar(ir.I32, 0))
	if m.unsignedZero {
		negative = n.apply("less", x, number(0))
	}
	y = n.apply("where", negative, n.apply("neg", y), y)
	y = n.apply("where", n.apply("isnan", x), x, y)
	if m.unsignedZero {
		y = n.apply("where", n.apply("equal", y, number(0)), number(0), y)
	}
	return n.cast(y, elemOfType[to])
}
