package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// The expressions of this file are over cells, f32 or i32, as [elementwise.expr] gets them.

// node makes the expression of one operation of the loop IR.
func node(c loop.Code) func(x []*loop.Expr) *loop.Expr {
	return func(x []*loop.Expr) *loop.Expr { return loop.E(c, x...) }
}

// like is a constant of the type of x.
func like(x *loop.Expr, v float64) *loop.Expr {
	if x.Type == ir.I32 {
		return loop.I(int(v))
	}
	return loop.F(v)
}

// truth is the truth value in a cell.
func truth(x *loop.Expr) *loop.Expr { return loop.E(loop.NotEq, x, like(x, 0)) }

// not is the other truth value.
func not(x *loop.Expr) *loop.Expr { return loop.E(loop.Not, x) }

// choose is yes where cond holds, else no.
func choose(cond, yes, no *loop.Expr) *loop.Expr { return loop.E(loop.Select, cond, yes, no) }

// less is a < b.
func less(a, b *loop.Expr) *loop.Expr { return loop.E(loop.Less, a, b) }

// times, plus and minus are the arithmetic that expressions are mostly made of.
func times(a, b *loop.Expr) *loop.Expr { return loop.E(loop.Mul, a, b) }
func plus(a, b *loop.Expr) *loop.Expr  { return loop.E(loop.Add, a, b) }
func minus(a, b *loop.Expr) *loop.Expr { return loop.E(loop.Sub, a, b) }
func over(a, b *loop.Expr) *loop.Expr  { return loop.E(loop.Div, a, b) }

// truncate drops the fraction of an f32.
func truncate(x *loop.Expr) *loop.Expr {
	return choose(less(x, loop.F(0)), loop.E(loop.Ceil, x), loop.E(loop.Floor, x))
}

// signed is y, which is not negative, with the sign of x.
func signedBy(y, x *loop.Expr) *loop.Expr {
	sign := loop.E(loop.And, loop.E(loop.ToBits, x), loop.I(math.MinInt32))
	return loop.E(loop.FromBits, loop.E(loop.Or, loop.E(loop.ToBits, y), sign))
}

// bit is 1 where a condition holds in the evaluation.
func bit(cond bool) float64 {
	if cond {
		return 1
	}
	return 0
}

// number is bit for whole numbers.
func number(cond bool) int64 { return int64(bit(cond)) }

// where appends cond ? yes : no.
func (b *Builder) where(cond, yes, no *ir.Value) *ir.Value { return b.apply("where", cond, yes, no) }

// Sums and products of f32 tensors and numbers, for gradients.
func (b *Builder) mul(x *ir.Value, list ...*ir.Value) *ir.Value {
	for _, y := range list {
		x = b.apply("mul", x, y)
	}
	return x
}
func (b *Builder) scaled(x *ir.Value, by float64) *ir.Value { return b.apply("mul", x, b.scalar(by)) }
func (b *Builder) offset(x *ir.Value, by float64) *ir.Value { return b.apply("add", x, b.scalar(by)) }
func (b *Builder) within(x *ir.Value, lo, hi float64) *ir.Value {
	return b.Must("clip", x.Name, []*ir.Value{x}, ir.Attr{Name: "min", Value: lo}, ir.Attr{Name: "max", Value: hi})
}
