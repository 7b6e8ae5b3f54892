package vec

import "math"

// The parts of pi/2, 24 bits each: with fused multiply-adds n*halfPi1 leaves no error where |n| is below 2^22.
const (
	halfPi1 = 0x1.921fb6p+0
	halfPi2 = -0x1.777a5cp-25
	halfPi3 = math.Pi/2 - halfPi1 - halfPi2
)

// Sin returns the sine. It is exact to 2 ULP for |a| <= 1e5; from there on the error grows with a, and beyond about 4e6 the result is only
// known to lie within -1 … 1. It is NaN of infinities.
func Sin(f *Func, a Reg) Reg {
	return quadrant(f, Abs(f, a), 0, f.Binary(And, a, f.Const(signBit)))
}

// Cos returns the cosine, with the bounds of [Sin].
func Cos(f *Func, a Reg) Reg { return quadrant(f, Abs(f, a), 1, 0) }

// quadrant returns the sine of x + shift*pi/2 for x >= 0, with the sign bit turned over where flip has it; 0 is no flip. x is reduced to
// |r| <= pi/4 by Cody and Waite's method in three parts; the polynomials are those of Moshier, Cephes sinf and cosf.
func quadrant(f *Func, x Reg, shift uint32, flip Reg) Reg {
	n := f.Unary(Round, f.Binary(Mul, x, f.float(2/math.Pi)))
	r := f.MulAdd(n, f.float(-halfPi1), x)
	r = f.MulAdd(n, f.float(-halfPi2), r)
	r = f.MulAdd(n, f.float(-halfPi3), r)
	// Where n is no longer exact, r may be anything. The operand is second, because Min and Max return that where it is NaN.
	r = f.Binary(Max, f.float(-1), f.Binary(Min, f.float(1), r))
	i := f.Unary(ToI32, n)
	if shift != 0 {
		i = f.Binary(AddI, i, f.Const(shift))
	}
	z := f.Binary(Mul, r, r)
	s := f.horner(z, -1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
	s = f.MulAdd(f.Binary(Mul, s, z), r, r)
	c := f.horner(z, 2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
	c = f.MulAdd(c, f.Binary(Mul, z, z), f.MulAdd(z, f.float(-0.5), f.float(1)))
	even := f.Binary(EqI, f.Binary(And, i, f.Const(1)), f.Zero())
	y := f.Select(even, s, c)
	y = f.Binary(Xor, y, f.Shift(Shl, f.Binary(And, i, f.Const(2)), 30))
	if flip != 0 {
		y = f.Binary(Xor, y, flip)
	}
	return y
}

// Atan returns the inverse tangent. The argument is brought to |t| <= tan(pi/8) by atan(x) = pi/4 + atan((x-1)/(x+1)) = pi/2 - atan(1/x);
// the polynomial is that of Moshier, Cephes atanf.
func Atan(f *Func, a Reg) Reg {
	x, one := Abs(f, a), f.float(1)
	mid := f.Binary(Less, f.float(math.Sqrt2-1), x)
	big := f.Binary(Less, f.float(math.Sqrt2+1), x)
	num := f.Select(big, f.float(-1), f.Select(mid, f.Binary(Sub, x, one), x))
	den := f.Select(big, x, f.Select(mid, f.Binary(Add, x, one), one))
	t := f.Binary(Div, num, den)
	z := f.Binary(Mul, t, t)
	p := f.horner(z, 8.05374449538e-2, -1.38776856032e-1, 1.99777106478e-1, -3.33329491539e-1)
	// mid is set where big is.
	low := f.Select(big, f.float(halfPi2), f.Binary(And, mid, f.float(halfPi2/2)))
	high := f.Select(big, f.float(halfPi1), f.Binary(And, mid, f.float(halfPi1/2)))
	y := f.Binary(Add, t, f.MulAdd(f.Binary(Mul, p, z), t, low))
	return withSign(f, f.Binary(Add, high, y), a)
}
