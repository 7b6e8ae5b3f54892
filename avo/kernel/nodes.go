package kernel

import (
	"math"

	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// node emits the verbs of one node of an expression, whose operands are in registers.
type node func(f *vec.Func, x *loop.Expr, a []vec.Reg) vec.Reg

// nodes has a row for every operation of the loop IR that computes. Rows of integers are for operands of i32; where there is none, the other
// serves both.
var nodes = [...]struct{ plain, integer node }{
	loop.Add:      {binary(vec.Add), binary(vec.AddI)},
	loop.Sub:      {binary(vec.Sub), binary(vec.SubI)},
	loop.Mul:      {binary(vec.Mul), binary(vec.MulI)},
	loop.Div:      {binary(vec.Div), two(vec.DivI)},
	loop.Min:      {plain: minMax},
	loop.Max:      {plain: minMax},
	loop.Neg:      {one(vec.Neg), func(f *vec.Func, _ *loop.Expr, a []vec.Reg) vec.Reg { return f.Binary(vec.SubI, f.Zero(), a[0]) }},
	loop.Abs:      {one(vec.Abs), one(vec.AbsI)},
	loop.Sqrt:     {plain: unary(vec.Sqrt)},
	loop.FMA:      {plain: func(f *vec.Func, _ *loop.Expr, a []vec.Reg) vec.Reg { return f.MulAdd(a[0], a[1], a[2]) }},
	loop.Floor:    {plain: unary(vec.Floor)},
	loop.Ceil:     {plain: unary(vec.Ceil)},
	loop.Round:    {plain: unary(vec.Round)},
	loop.Exp:      {plain: one(vec.Exp)},
	loop.Log:      {plain: one(vec.Log)},
	loop.Tanh:     {plain: one(vec.Tanh)},
	loop.Sigmoid:  {plain: one(vec.Sigmoid)},
	loop.Erf:      {plain: one(vec.Erf)},
	loop.Expm1:    {plain: one(vec.Expm1)},
	loop.Log1p:    {plain: one(vec.Log1p)},
	loop.Sin:      {plain: one(vec.Sin)},
	loop.Cos:      {plain: one(vec.Cos)},
	loop.Atan:     {plain: one(vec.Atan)},
	loop.Pow:      {plain: func(f *vec.Func, x *loop.Expr, a []vec.Reg) vec.Reg { return power(f, x.Args[1], a) }},
	loop.Less:     {binary(vec.Less), binary(vec.LessI)},
	loop.LessEq:   {binary(vec.LessEq), func(f *vec.Func, _ *loop.Expr, a []vec.Reg) vec.Reg { return not(f, f.Binary(vec.LessI, a[1], a[0])) }},
	loop.Eq:       {binary(vec.Eq), binary(vec.EqI)},
	loop.NotEq:    {binary(vec.NotEq), func(f *vec.Func, _ *loop.Expr, a []vec.Reg) vec.Reg { return not(f, f.Binary(vec.EqI, a[0], a[1])) }},
	loop.Not:      {plain: one(not)},
	loop.And:      {plain: binary(vec.And)},
	loop.Or:       {plain: binary(vec.Or)},
	loop.Xor:      {plain: binary(vec.Xor)},
	loop.Shl:      {plain: shift(vec.Shl)},
	loop.Shr:      {plain: shift(vec.Shr)},
	loop.Select:   {plain: func(f *vec.Func, _ *loop.Expr, a []vec.Reg) vec.Reg { return f.Select(a[0], a[1], a[2]) }},
	loop.ToF32:    {plain: unary(vec.ToF32)},
	loop.ToI32:    {plain: unary(vec.ToI32)},
	loop.ToBits:   {plain: same},
	loop.FromBits: {plain: same},
	loop.Hash:     {plain: one(vec.Hash)},
}

func binary(c vec.Code) node {
	return func(f *vec.Func, _ *loop.Expr, a []vec.Reg) vec.Reg { return f.Binary(c, a[0], a[1]) }
}

func unary(c vec.Code) node {
	return func(f *vec.Func, _ *loop.Expr, a []vec.Reg) vec.Reg { return f.Unary(c, a[0]) }
}

func one(g func(f *vec.Func, a vec.Reg) vec.Reg) node {
	return func(f *vec.Func, _ *loop.Expr, a []vec.Reg) vec.Reg { return g(f, a[0]) }
}

func two(g func(f *vec.Func, a, b vec.Reg) vec.Reg) node {
	return func(f *vec.Func, _ *loop.Expr, a []vec.Reg) vec.Reg { return g(f, a[0], a[1]) }
}

func shift(c vec.Code) node {
	return func(f *vec.Func, x *loop.Expr, a []vec.Reg) vec.Reg { return f.Shift(c, a[0], int(x.Args[1].Bits)) }
}

func same(_ *vec.Func, _ *loop.Expr, a []vec.Reg) vec.Reg { return a[0] }

// apply emits one arithmetic node.
func apply(f *vec.Func, x *loop.Expr, a []vec.Reg) vec.Reg {
	row := nodes[x.Code]
	if row.integer != nil && len(x.Args) > 0 && x.Args[0].Type == ir.I32 {
		return row.integer(f, x, a)
	}
	if row.plain == nil {
		panic("kernel: no verb for " + loop.Codes[x.Code].Name)
	}
	return row.plain(f, x, a)
}

// cellTruth returns the truth value from which x reads it back, where x is the comparison with 0 of a cell that holds 1 or 0 for it; else nil.
func cellTruth(x *loop.Expr) *loop.Expr {
	c, zero := x.Args[0], x.Args[1]
	is := func(e *loop.Expr, n uint32) bool { return e.Code == loop.Const && e.Type == ir.I32 && e.Bits == n }
	if is(zero, 0) && c.Code == loop.Select && is(c.Args[1], 1) && is(c.Args[2], 0) {
		return c.Args[0]
	}
	return nil
}

// power is a power, by products and roots where the exponent is a small constant.
func power(f *vec.Func, exponent *loop.Expr, a []vec.Reg) vec.Reg {
	if exponent.Code == loop.Const {
		x := a[0]
		switch math.Float32frombits(exponent.Bits) {
		case 1:
			return x
		case 2:
			return f.Binary(vec.Mul, x, x)
		case 3:
			return f.Binary(vec.Mul, f.Binary(vec.Mul, x, x), x)
		case -1:
			return f.Binary(vec.Div, f.Const(math.Float32bits(1)), x)
		case 0.5: // of -0 it is 0, and of -∞ ∞
			root := f.Unary(vec.Sqrt, f.Binary(vec.Add, x, f.Zero()))
			return f.Select(f.Binary(vec.Eq, x, f.Const(0xff800000)), f.Const(0x7f800000), root)
		}
	}
	return vec.Pow(f, a[0], a[1])
}

func not(f *vec.Func, a vec.Reg) vec.Reg { return f.Binary(vec.Xor, a, f.Const(0xffffffff)) }

// minMax follows the loop IR: the second where it is less (greater), else the first, and NaN where either is. The machine's
// verb does all but the second's NaN, so a constant second operand needs nothing more.
func minMax(f *vec.Func, x *loop.Expr, a []vec.Reg) vec.Reg {
	if x.Type == ir.I32 {
		if x.Code == loop.Max {
			return vec.MaximumI(f, a[0], a[1])
		}
		return vec.MinimumI(f, a[0], a[1])
	}
	plain, full := vec.Min, vec.Minimum
	if x.Code == loop.Max {
		plain, full = vec.Max, vec.Maximum
	}
	if c := x.Args[1]; c.Code == loop.Const && c.Bits&0x7fffffff <= 0x7f800000 {
		return f.Binary(plain, a[1], a[0])
	}
	return full(f, a[0], a[1])
}
