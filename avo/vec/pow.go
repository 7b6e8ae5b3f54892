package vec

// Pow returns a to the power of b, with the special cases of C99: 1 where b is 0 or a is 1, NaN of a negative number to a fraction, the
// sign of a for odd b. It is e^(b log|a|), where the logarithm and the product are sums of two numbers, since an error of the
// exponent is one of the result.
func Pow(f *Func, a, b Reg) Reg {
	x := Abs(f, a)
	one, inf := f.float(1), f.Const(0x7f800000)
	high, low := logParts(f, x)
	high = f.Select(f.Binary(Less, x, inf), high, x)
	high = f.Select(f.Binary(Eq, x, f.Zero()), f.Const(0xff800000), high)
	p := f.Binary(Mul, b, high)
	rest := f.MulAdd(b, low, f.MulAdd(b, high, Neg(f, p)))
	// Beyond the range of e^p the rest may be as large as it likes, or NaN.
	rest = f.Binary(And, rest, f.Binary(Less, Abs(f, p), f.float(200)))
	y := expSum(f, p, rest)
	y = f.Select(f.Binary(Or, f.Binary(Eq, x, one), f.Binary(Eq, b, f.Zero())), one, y)
	whole := f.Binary(Eq, f.Unary(Floor, b), b)
	half := f.Binary(Mul, b, f.float(0.5))
	odd := f.Binary(And, whole, f.Binary(NotEq, f.Unary(Floor, half), half))
	y = f.Binary(Or, y, f.Binary(And, odd, f.Binary(And, a, f.Const(signBit))))
	none := f.Binary(AndNot, f.Binary(And, f.Binary(Less, a, f.Zero()), f.Binary(Less, x, inf)), whole)
	return f.Binary(Or, y, none) // all ones are a NaN
}

// logParts returns log(x) as a sum, for finite x > 0. With s = (m-1)/(m+1) the logarithm of the mantissa is 2s (1 + s^2/3 + s^4/5 + …); s and
// the first two terms are kept as sums of two numbers.
func logParts(f *Func, x Reg) (high, low Reg) {
	n, m := mantissa(f, x)
	one := f.float(1)
	num := f.Binary(Sub, m, one)
	den := f.Binary(Add, m, one)
	denLow := f.Binary(Sub, m, f.Binary(Sub, den, one))
	s := f.Binary(Div, num, den)
	left := f.Move(num) // num - s*(den+denLow), exact but for the last term
	f.Fnma(left, s, den)
	f.Fnma(left, s, denLow)
	sLow := f.Binary(Div, left, den)
	z := f.Binary(Mul, s, s)
	third := f.float(1.0 / 3)
	w := f.Binary(Mul, z, third)
	const thirdLow = 1.0/3 - 0x1.555556p-2
	wLow := f.MulAdd(z, third, Neg(f, w))
	wLow = f.MulAdd(z, f.float(thirdLow), wLow)
	zLow := f.MulAdd(f.Binary(Add, s, s), sLow, f.MulAdd(s, s, Neg(f, z)))
	wLow = f.MulAdd(zLow, third, wLow)
	q := f.horner(z, 1.0/13, 1.0/11, 1.0/9, 1.0/7, 1.0/5)
	wLow = f.MulAdd(f.Binary(Mul, z, z), q, wLow)
	// s*(1 + w + wLow) and what it loses.
	t := f.Binary(Mul, s, w)
	tLow := f.MulAdd(s, w, Neg(f, t))
	u, uLow := twoSum(f, s, t)
	tLow = f.MulAdd(s, wLow, f.MulAdd(sLow, w, tLow))
	uLow = f.Binary(Add, uLow, f.Binary(Add, sLow, tLow))
	// n*log(2) in two parts, of which the first product is exact.
	two := f.Binary(Add, u, u)
	high, low = twoSum(f, f.Binary(Mul, n, f.float(0.693359375)), two)
	low = f.Binary(Add, low, f.MulAdd(n, f.float(-2.12194440e-4), f.Binary(Add, uLow, uLow)))
	return twoSum(f, high, low)
}

// twoSum returns a+b rounded, and what the rounding lost, where |a| >= |b| or a is 0 (Dekker).
func twoSum(f *Func, a, b Reg) (sum, lost Reg) {
	sum = f.Binary(Add, a, b)
	return sum, f.Binary(Sub, b, f.Binary(Sub, sum, a))
}
