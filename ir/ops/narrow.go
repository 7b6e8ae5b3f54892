package ops

import (
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// narrow brings the value of an expression into the cell of element type d, and is the only place that knows how: a truth value becomes 0 or
// 1, whole numbers wrap around to d's range, and floats are rounded to d's precision, to nearest with ties to even.
func narrow(x *loop.Expr, d ir.DType) *loop.Expr {
	if x.Type == ir.Bool {
		return loop.E(loop.Select, x, loop.I(1), loop.I(0))
	}
	switch d {
	case ir.F16:
		return roundHalf(x)
	case ir.BF16:
		return roundBrain(x)
	case ir.U8:
		return loop.E(loop.And, x, loop.I(0xff))
	case ir.I8: // sign-extended by turning the sign bit over and taking it off again
		byteOf := loop.E(loop.And, x, loop.I(0xff))
		return loop.E(loop.Sub, loop.E(loop.Xor, byteOf, loop.I(0x80)), loop.I(0x80))
	}
	return x
}

// widened is what an operator that knows f32 alone, or is a composition, means where all its floating-point operands are of one shorter type: it is computed in f32, and
// its floating-point results are rounded to that type. nil where the operands are not so, or f32 ones would be refused too. Operators that
// change parameters are left out.
func (b *Builder) widened(o *Operator, name string, args []*ir.Value, a ir.Attrs) []*ir.Value {
	if o.Effect {
		return nil
	}
	short := ir.Invalid
	for _, v := range args {
		if v == nil || !v.Type.Elem.Float() {
			continue
		}
		if e := v.Type.Elem; e == ir.F32 || short != ir.Invalid && e != short {
			return nil
		}
		short = v.Type.Elem
	}
	if short == ir.Invalid {
		return nil
	}
	before := len(b.Func.Ops)
	wide := make([]*ir.Value, len(args))
	for i, v := range args {
		if v != nil {
			wide[i] = b.wide(v)
		}
	}
	list, err := b.Ops(o.Name, name, wide, a...)
	if err != nil {
		b.Func.Ops = b.Func.Ops[:before]
		return nil
	}
	results := slices.Clone(list)
	for i, v := range results {
		if v.Type.Elem.Float() && metricOf(v) == nil {
			results[i] = b.cast(v, short)
		}
	}
	return results
}

// dropBits rounds the bits of a float to a multiple of 1<<n, to nearest with ties to even. A carry into the exponent is right.
func dropBits(bits *loop.Expr, n int) *loop.Expr {
	odd := loop.E(loop.And, loop.E(loop.Shr, bits, loop.I(n)), loop.I(1))
	up := loop.E(loop.Add, bits, loop.E(loop.Add, odd, loop.I(1<<(n-1)-1)))
	return loop.E(loop.And, up, loop.I(-1<<n))
}

// roundBrain rounds to bfloat16: 8 bits of precision and f32's exponents.
func roundBrain(x *loop.Expr) *loop.Expr {
	r := loop.E(loop.FromBits, dropBits(loop.E(loop.ToBits, x), 16))
	return loop.E(loop.Select, loop.E(loop.Eq, x, x), r, x)
}

// roundHalf rounds to IEEE 754's binary16: 11 bits of precision, multiples of 2^-24 below 2^-14, infinity from 65520 on.
func roundHalf(x *loop.Expr) *loop.Expr {
	a := loop.E(loop.Abs, x)
	r := loop.E(loop.FromBits, dropBits(loop.E(loop.ToBits, a), 13))
	// From 0.5 to 1 an f32 is a multiple of 2^-24.
	tiny := loop.E(loop.Sub, loop.E(loop.Add, a, loop.F(0.5)), loop.F(0.5))
	r = loop.E(loop.Select, loop.E(loop.Less, a, loop.F(0x1p-14)), tiny, r)
	r = loop.E(loop.Select, loop.E(loop.LessEq, loop.F(65520), a), loop.F(math.Inf(1)), r)
	sign := loop.E(loop.And, loop.E(loop.ToBits, x), loop.I(math.MinInt32))
	r = loop.E(loop.FromBits, loop.E(loop.Or, loop.E(loop.ToBits, r), sign))
	return loop.E(loop.Select, loop.E(loop.Eq, x, x), r, x)
}

// Narrow makes elements of t's type of the numbers in t, as cast does.
func Narrow(t *Tensor) {
	for i, x := range t.Data {
		t.Data[i] = narrowed(t.Elem, x)
	}
}

// narrowed is narrow in the evaluation: the element of type d that x becomes. An f32 stays a float64, since evaluation is exact; what is
// rounded to a shorter type is computed in f32 first.
func narrowed(d ir.DType, x float64) float64 {
	switch d {
	case ir.F16:
		return shortFloat(float64(float32(x)), 11, -24, 65504)
	case ir.BF16:
		return shortFloat(float64(float32(x)), 8, -133, 0x1.fep127)
	case ir.Bool:
		if x != 0 {
			return 1
		}
		return 0
	case ir.I32, ir.I64, ir.I8, ir.U8:
		if !(math.Abs(x) <= 1<<31) {
			x = math.MinInt32
		}
		return wrapped(d, int64(x))
	}
	return x
}

// shortFloat rounds x to a float of the given digits whose least positive number is 2^least and whose greatest is most.
func shortFloat(x float64, digits, least int, most float64) float64 {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return x
	}
	_, exp := math.Frexp(x)
	unit := math.Ldexp(1, max(exp-digits, least))
	if x = math.RoundToEven(x/unit) * unit; math.Abs(x) > most {
		return math.Inf(int(math.Copysign(1, x)))
	}
	return x
}

// bounds are the least and the greatest value of a type of whole numbers or truth values.
func bounds(d ir.DType) (least, most float64) {
	switch d {
	case ir.U8:
		return 0, math.MaxUint8
	case ir.I8:
		return math.MinInt8, math.MaxInt8
	case ir.Bool:
		return 0, 1
	}
	return math.MinInt32, math.MaxInt32
}

// wrapped is the whole number or truth value of type d that k becomes.
func wrapped(d ir.DType, k int64) float64 {
	switch d {
	case ir.U8:
		return float64(uint8(k))
	case ir.I8:
		return float64(int8(k))
	case ir.Bool:
		if k != 0 {
			return 1
		}
		return 0
	case ir.I32, ir.I64:
		return float64(int32(k))
	}
	return float64(k)
}
