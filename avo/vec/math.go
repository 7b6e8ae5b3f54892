package vec

import "math"

// The functions of this file are fixed sequences of verbs, so every target computes the same bits (a NaN stays a NaN, but its sign and
// payload are the machine's). Their error is at most 3 ULP; the tests say how much exactly.

// float returns a register with every lane x.
func (f *Func) float(x float64) Reg { return f.Const(math.Float32bits(float32(x))) }

// horner returns the polynomial with the given coefficients, the highest power first, at x.
func (f *Func) horner(x Reg, coef ...float64) Reg {
	r := f.float(coef[0])
	for _, c := range coef[1:] {
		r = f.MulAdd(r, x, f.float(c))
	}
	return r
}

const signBit = 0x80000000

// Neg returns -a: the sign bit turned over, of zeros and NaNs too.
func Neg(f *Func, a Reg) Reg { return f.Binary(Xor, a, f.Const(signBit)) }

// Abs returns |a|: the sign bit cleared.
func Abs(f *Func, a Reg) Reg { return f.Binary(AndNot, a, f.Const(signBit)) }

// Maximum returns b > a ? b : a, and NaN where either is NaN. Of zeros of both signs it returns a.
func Maximum(f *Func, a, b Reg) Reg { return propagate(f, f.Binary(Max, b, a), b) }

// Minimum returns b < a ? b : a, and NaN where either is NaN. Of zeros of both signs it returns a.
func Minimum(f *Func, a, b Reg) Reg { return propagate(f, f.Binary(Min, b, a), b) }

// propagate returns r, and NaN where b is NaN: all ones are one, so an Or with the mask does it.
func propagate(f *Func, r, b Reg) Reg { return f.Binary(Or, r, f.Binary(NotEq, b, b)) }

// Hash returns lowbias32 of each i32 lane, Chris Wellons' 32-bit mixer of least bias: every input bit flips every output bit with
// probability very near one half.
func Hash(f *Func, a Reg) Reg {
	x := f.Binary(Xor, a, f.Shift(Shr, a, 16))
	x = f.Binary(MulI, x, f.Const(0x7feb352d))
	x = f.Binary(Xor, x, f.Shift(Shr, x, 15))
	x = f.Binary(MulI, x, f.Const(0x846ca68b))
	return f.Binary(Xor, x, f.Shift(Shr, x, 16))
}

// Exp returns e^a. The argument is reduced by Cody and Waite's two-part log 2 to |r| <= log(2)/2, where a polynomial of degree 5
// (Moshier, Cephes expf) gives e^r. Subnormal results round once more only,
// and large ones overflow to +Inf.
func Exp(f *Func, a Reg) Reg { return expSum(f, a, 0) }

// expSum is Exp of a+low, where low, if it is not 0, is far smaller than a.
func expSum(f *Func, a, low Reg) Reg {
	// The operand is second, because Min and Max return that where it is NaN.
	x := f.Binary(Min, f.float(89), a)
	x = f.Binary(Max, f.float(-104), x)
	n, r := reduceExp(f, x)
	if low != 0 {
		r = f.Binary(Add, r, low)
	}
	return TimesPower(f, f.Binary(Add, expTail(f, r), f.float(1)), n)
}

// TimesPower returns a * 2^n, rounded once, for |a| from 1/2 to 2 and whole numbers n from -252 to 254; NaN where both are.
func TimesPower(f *Func, a, n Reg) Reg {
	if f.Target.Scales {
		return f.Binary(Scale, a, n)
	}
	i := f.Unary(ToI32, n)
	half := f.Shift(Sar, i, 1)
	a = f.Binary(Mul, a, power(f, half))
	return f.Binary(Mul, a, power(f, f.Binary(SubI, i, half)))
}

// reduceExp returns n and r with x = n*log(2) + r and |r| <= log(2)/2.
func reduceExp(f *Func, x Reg) (n, r Reg) {
	n = f.Unary(Round, f.Binary(Mul, x, f.float(math.Log2E)))
	r = f.MulAdd(n, f.float(-0.693359375), x)
	return n, f.MulAdd(n, f.float(2.12194440e-4), r)
}

// expTail returns e^r - 1 for |r| <= log(2)/2.
func expTail(f *Func, r Reg) Reg {
	p := f.horner(r, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
	return f.MulAdd(p, f.Binary(Mul, r, r), r)
}

// Expm1 returns e^a - 1, exact in its relative error near 0 too: 2^n (e^r - 1) + 2^n - 1, all halved on the way so that 2^n fits.
func Expm1(f *Func, a Reg) Reg {
	x := f.Binary(Min, f.float(89), a)
	x = f.Binary(Max, f.float(-20), x)
	n, r := reduceExp(f, x)
	half := power(f, f.Binary(SubI, f.Unary(ToI32, n), f.Const(1)))
	y := f.MulAdd(expTail(f, r), half, f.Binary(Sub, half, f.float(0.5)))
	return withSign(f, f.Binary(Add, y, y), a)
}

// power returns 2^i for i32 lanes from -126 to 127.
func power(f *Func, i Reg) Reg { return f.Shift(Shl, f.Binary(AddI, i, f.Const(127)), 23) }

// Log returns the natural logarithm: -Inf of zeros, NaN of negative numbers. The mantissa is brought to [sqrt(1/2), sqrt(2)), where
// a polynomial of degree 8 serves (Moshier, Cephes logf).
func Log(f *Func, a Reg) Reg {
	zero := f.Zero()
	n, m := mantissa(f, a)
	r := f.Binary(Sub, m, f.float(1))
	p := f.horner(r, 7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
		2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)
	z := f.Binary(Mul, r, r)
	y := f.Binary(Mul, f.Binary(Mul, p, z), r)
	y = f.MulAdd(n, f.float(-2.12194440e-4), y)
	y = f.MulAdd(z, f.float(-0.5), y)
	y = f.Binary(Add, y, r)
	y = f.MulAdd(n, f.float(0.693359375), y)
	// +Inf and NaN are their own logarithms; the comparison is false for both.
	inf := f.Const(0x7f800000)
	y = f.Select(f.Binary(Less, a, inf), y, a)
	edge := f.Select(f.Binary(Eq, a, zero), f.Const(0xff800000), f.Const(0x7fc00000))
	return f.Select(f.Binary(LessEq, a, zero), edge, y)
}

// mantissa returns n and m with a = 2^n m and m within [sqrt(1/2), sqrt(2)), for finite a > 0.
func mantissa(f *Func, a Reg) (n, m Reg) {
	const rootHalf = 0x3f3504f3 // of sqrt(1/2)
	// Subnormal numbers are scaled up by 2^23 first.
	small := f.Binary(Less, a, f.Const(0x00800000))
	x := f.Select(small, f.Binary(Mul, a, f.float(1<<23)), a)
	bias := f.Binary(And, small, f.float(-23))
	e := f.Shift(Sar, f.Binary(SubI, x, f.Const(rootHalf)), 23)
	m = f.Binary(SubI, x, f.Shift(Shl, e, 23))
	return f.Binary(Add, f.Unary(ToF32, e), bias), m
}

// Log1p returns log(1+a): the logarithm of the rounded sum, and what the rounding lost as a first-order term.
func Log1p(f *Func, a Reg) Reg {
	one := f.float(1)
	u := f.Binary(Add, a, one)
	back := f.Binary(Sub, u, one)
	lost := f.Binary(Div, f.Binary(Sub, a, back), u)
	log := Log(f, u)
	// Where nothing is lost, infinity and -1 included, the term is 0 or NaN.
	y := f.Select(f.Binary(Eq, back, a), log, f.Binary(Add, log, lost))
	return withSign(f, y, a)
}

// Sigmoid returns 1/(1+e^-a), from e^-|a| so that nothing overflows.
func Sigmoid(f *Func, a Reg) Reg {
	one := f.float(1)
	e := Exp(f, f.Binary(Or, a, f.Const(signBit)))
	num := f.Select(f.Binary(Less, f.Zero(), a), one, e)
	return f.Binary(Div, num, f.Binary(Add, e, one))
}

// Tanh returns the hyperbolic tangent: an odd polynomial (Moshier, Cephes tanhf) below 0.625, else 1 - 2/(e^2|a|+1) with a's sign.
func Tanh(f *Func, a Reg) Reg {
	one := f.float(1)
	abs := Abs(f, a)
	e := Exp(f, f.Binary(Add, abs, abs))
	large := f.Binary(Sub, one, f.Binary(Div, f.float(2), f.Binary(Add, e, one)))
	z := f.Binary(Mul, a, a)
	p := f.horner(z, -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)
	small := f.MulAdd(f.Binary(Mul, p, z), abs, abs)
	r := f.Select(f.Binary(Less, f.float(0.625), abs), large, small)
	return withSign(f, r, a)
}

// withSign returns r, which is not negative or has a's sign already, with the sign of a.
func withSign(f *Func, r, a Reg) Reg { return f.Binary(Or, r, f.Binary(And, a, f.Const(signBit))) }

// Erf returns the error function: an odd polynomial below 0.875, else 1 - e^(-|a| q(|a|)) with a's sign, where q is a polynomial
// for -log(erfc(a))/a up to 4, from where on the result is 1. Both polynomials were fitted for this package: least squares, weighted
// anew (Lawson) until the relative error of the result was level.
func Erf(f *Func, a Reg) Reg {
	abs := Abs(f, a)
	s := f.Binary(Mul, a, a)
	p := f.horner(s, -6.2032538186e-4, 5.0321810729e-3, -2.6791462873e-2, 1.1282455325e-1, -3.7612550464e-1, 0.1283791575)
	small := f.MulAdd(p, a, a)
	t := f.Binary(Min, f.float(4), abs)
	q := f.horner(t, -2.1543539600e-4, 3.2268348044e-3, -2.2927788020e-2, 1.0532038412e-1, 6.3567425113e-1, 1.1285272746)
	large := f.Binary(Sub, f.float(1), Exp(f, Neg(f, f.Binary(Mul, q, t))))
	return f.Select(f.Binary(Less, f.float(0.875), abs), withSign(f, large, a), small)
}
