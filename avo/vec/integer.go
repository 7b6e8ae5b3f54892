package vec

// AbsI returns |a| of i32 lanes; of the least number that number.
func AbsI(f *Func, a Reg) Reg {
	s := f.Shift(Sar, a, 31)
	return f.Binary(SubI, f.Binary(Xor, a, s), s)
}

// MaximumI returns the greater of i32 lanes.
func MaximumI(f *Func, a, b Reg) Reg { return f.Select(f.Binary(LessI, a, b), b, a) }

// MinimumI returns the lesser of i32 lanes.
func MinimumI(f *Func, a, b Reg) Reg { return f.Select(f.Binary(LessI, b, a), b, a) }

// DivI returns a/b of i32 lanes towards zero, and 0 where b is 0; the least number divided by -1 is itself.
//
// The quotient of the two rounded to f32 is off by less than 2^9/|b| + 1/2, and what is then left of a fits an i32, as all is computed modulo
// 2^32. Dividing that gives the nearest whole number, and a remainder of at most about half of b. If its sign is not a's, the quotient
// was rounded away from zero.
func DivI(f *Func, a, b Reg) Reg {
	zero := f.Zero()
	divisor := f.Unary(ToF32, b)
	q := f.Unary(ToI32, f.Binary(Div, f.Unary(ToF32, a), divisor))
	left := f.Binary(SubI, a, f.Binary(MulI, q, b))
	more := f.Unary(ToI32, f.Binary(Div, f.Unary(ToF32, left), divisor))
	left = f.Binary(SubI, left, f.Binary(MulI, more, b))
	q = f.Binary(AddI, q, more)
	away := f.Binary(AndNot, f.Shift(Sar, f.Binary(Xor, left, a), 31), f.Binary(EqI, left, zero))
	step := f.Binary(Or, f.Shift(Sar, f.Binary(Xor, a, b), 31), f.Const(1))
	q = f.Binary(SubI, q, f.Binary(And, away, step))
	return f.Binary(AndNot, q, f.Binary(EqI, b, zero))
}
