package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Asinh is the inverse of the hyperbolic sine.
var Asinh = Register(inverse(Operator{
	Name:    "asinh",
	Doc:     "The inverse of the hyperbolic sine, element by element. The error is at most 4 ULP.",
	Formula: "y = ln(x + sqrt(x² + 1))",
	Example: "y = asinh(x)",
	ONNX:    ONNX{Name: "Asinh", Min: 9, Max: 25},
}, -5, 5, math.Asinh,
	// ln(1 + a + a²/(1 + sqrt(a² + 1))), and ln(2a) where the square would overflow.
	func(x *loop.Expr) *loop.Expr {
		a := loop.E(loop.Abs, x)
		square := times(a, a)
		root := loop.E(loop.Sqrt, plus(square, loop.F(1)))
		near := loop.E(loop.Log1p, plus(a, over(square, plus(root, loop.F(1)))))
		return signedBy(choose(less(a, loop.F(1e9)), near, logTwice(a)), x)
	},
	func(b *Builder, x *ir.Value) *ir.Value { return b.apply("rsqrt", b.offset(b.apply("square", x), 1)) }))

// logTwice is ln(2a).
func logTwice(a *loop.Expr) *loop.Expr { return plus(loop.E(loop.Log, a), loop.F(math.Ln2)) }
