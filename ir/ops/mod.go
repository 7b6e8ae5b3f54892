package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Mod is the remainder of a division.
var Mod = Register(elementwise{
	Operator: Operator{
		Name: "mod",
		Doc: "The remainder of a / b, element by element: with the sign of b, as in Python, or with fmod that of a, as in C. Dividing by zero gives NaN, or 0 for whole numbers. " +
			"Exact where |a / b| is below 2^46.",
		Formula:  "y = a - b * floor(a / b)",
		Example:  "phase = mod(t, 24)",
		Category: "elementwise",
		Args:     binary,
		NoTiny:   true,
		Attrs:    []AttrDef{{Name: "fmod", Doc: "whether the result has the sign of a", Default: false}},
		ONNX:     ONNX{Name: "Mod", Min: 10, Max: 25, Attrs: map[string]string{"fmod": "fmod"}},
		Samples:  append(modSamples(false), modSamples(true)...),
	},
	takes: numbers,
	by: func(a ir.Attrs) elementwise {
		byDividend := a.Bool("fmod")
		return elementwise{
			value: func(x []float64) float64 {
				y := math.Mod(x[0], x[1])
				if !byDividend && y*x[1] < 0 {
					y += x[1]
				}
				return y
			},
			ints: func(x []int64) int64 {
				if x[1] == 0 {
					return 0
				}
				y := x[0] % x[1]
				if !byDividend && y != 0 && (y < 0) != (x[1] < 0) {
					y += x[1]
				}
				return y
			},
			expr: func(x []*loop.Expr) *loop.Expr { return remainder(x[0], x[1], byDividend) },
			// Between the jumps y = a - b*n for a whole n.
			grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
				n := b.apply("round", b.apply("div", b.apply("sub", x[0], y), x[1]))
				return []*ir.Value{dy, b.apply("neg", b.apply("mul", dy, n))}
			},
		}
	},
}.operator())

// remainder is a mod b with the sign of a or of b.
func remainder(a, b *loop.Expr, byDividend bool) *loop.Expr {
	zero := like(a, 0)
	var y *loop.Expr
	if a.Type == ir.I32 {
		y = choose(loop.E(loop.Eq, b, zero), zero, minus(a, times(over(a, b), b)))
	} else {
		y = signedBy(floatRemainder(loop.E(loop.Abs, a), loop.E(loop.Abs, b)), a)
	}
	if byDividend {
		return y
	}
	apart := loop.E(loop.Xor, less(y, zero), less(b, zero))
	return choose(loop.E(loop.And, apart, loop.E(loop.NotEq, y, zero)), plus(y, b), y)
}

// floatRemainder is a mod b for a >= 0 and b >= 0. What a rounded quotient leaves is exact, if not always below b: its
// quotient is smaller by 2^23 each time.
func floatRemainder(a, b *loop.Expr) *loop.Expr {
	r := a
	for range 2 {
		n := loop.E(loop.Round, over(r, b))
		r = loop.E(loop.FMA, loop.E(loop.Neg, n), b, r)
	}
	r = choose(less(r, loop.F(0)), plus(r, b), r)
	r = choose(less(r, b), r, minus(r, b))
	return choose(less(a, b), a, r)
}

// modSamples keep quotients away from whole numbers, where the function jumps.
func modSamples(fmod bool) []Sample {
	list := []Sample{
		{Args: f32Types(ir.S(9), ir.S(9)), Data: map[int][]float64{
			0: {5.3, -5.3, 5.3, -5.3, 0.4, -0.4, 17.6, 8.25, -1.5}, 1: {2, 2, -2, -2, 3, 3, 0.7, -3, 1}}},
		{Args: f32Types(ir.NS(3), nil), Batch: 1, Data: map[int][]float64{0: {7.5, -2.5, 0.5}, 1: {1}}},
		{Args: f32Types(ir.S(5), ir.S(5)), NoGrad: true, Data: map[int][]float64{0: {1e9, -1e9, 6, 3, 1.5e10}, 1: {3, 7, 3, 3, 0.75}}},
	}
	return withAttrs(list, ir.Attr{Name: "fmod", Value: fmod})
}
