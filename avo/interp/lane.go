package interp

import (
	"math"
	"math/big"

	"github.com/dlc-ml/dlc/avo/vec"
)

// Lane computes one lane of a verb that works lane by lane, on bits. c is operand C, or what D held where the verb accumulates.
func Lane(o *vec.Op, a, b, c uint32) uint32 {
	x, y := math.Float32frombits(a), math.Float32frombits(b)
	f := math.Float32bits
	mask := func(t bool) uint32 {
		if t {
			return 0xffffffff
		}
		return 0
	}
	switch o.Code {
	case vec.Zero:
		return 0
	case vec.Const:
		return o.Imm
	case vec.Move:
		return a
	case vec.Add:
		return f(x + y)
	case vec.Sub:
		return f(x - y)
	case vec.Mul:
		return f(float32(x * y))
	case vec.Div:
		return f(x / y)
	case vec.Min:
		if x < y {
			return a
		}
		return b
	case vec.Max:
		if x > y {
			return a
		}
		return b
	case vec.Sqrt:
		return f(float32(math.Sqrt(float64(x))))
	case vec.Fma, vec.FmaTo:
		return f(fma(x, y, math.Float32frombits(c)))
	case vec.Fnma, vec.FnmaTo:
		return f(fma(-x, y, math.Float32frombits(c)))
	case vec.Scale:
		return f(scale(x, y))
	case vec.Floor:
		return f(float32(math.Floor(float64(x))))
	case vec.Ceil:
		return f(float32(math.Ceil(float64(x))))
	case vec.Round:
		return f(float32(math.RoundToEven(float64(x))))
	case vec.And:
		return a & b
	case vec.Or:
		return a | b
	case vec.Xor:
		return a ^ b
	case vec.AndNot:
		return a &^ b
	case vec.Less:
		return mask(x < y)
	case vec.LessEq:
		return mask(x <= y)
	case vec.Eq:
		return mask(x == y)
	case vec.NotEq:
		return mask(x != y)
	case vec.LessI:
		return mask(int32(a) < int32(b))
	case vec.EqI:
		return mask(a == b)
	case vec.Select:
		return a&b | c&^a
	case vec.AddI:
		return a + b
	case vec.SubI:
		return a - b
	case vec.MulI:
		return a * b
	case vec.Shl:
		return a << o.N
	case vec.Shr:
		return a >> o.N
	case vec.Sar:
		return uint32(int32(a) >> o.N)
	case vec.ToF32:
		return f(float32(int32(a)))
	case vec.ToI32:
		return toInt(x)
	}
	panic("interp: " + o.Code.String() + " does not work lane by lane")
}

// scale returns a * 2^floor(n). A float64 holds the product exactly wherever a float32 does not overflow or vanish.
func scale(a, n float32) float32 {
	if n != n {
		return n
	}
	whole := math.Floor(math.Max(-1000, math.Min(1000, float64(n))))
	return float32(math.Ldexp(float64(a), int(whole)))
}

// toInt rounds to nearest even; NaN and what int32 cannot hold give -1<<31, as x86 does.
func toInt(x float32) uint32 {
	r := math.RoundToEven(float64(x))
	if r >= -1<<31 && r < 1<<31 {
		return uint32(int32(r))
	}
	return 1 << 31
}

// fma returns a*b + c, rounded once. The product is exact in float64, and the float64 sum lies on the same side of every number halfway
// between two float32 as the exact one, or on it. Only there, and among subnormal numbers, whose halfway points are others, must the exact sum decide.
func fma(a, b, c float32) float32 {
	p := float64(a) * float64(b)
	s := p + float64(c)
	halfway := math.Float64bits(s)&(1<<29-1) == 1<<28
	if s != s || math.IsInf(s, 0) || !halfway && math.Abs(s) >= 0x1p-126 {
		return float32(s)
	}
	x := new(big.Float).SetPrec(700).SetFloat64(p)
	x.Add(x, new(big.Float).SetFloat64(float64(c)))
	if x.Sign() == 0 {
		return float32(s)
	}
	r, _ := x.Float32()
	return r
}
