package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// BitwiseShift moves bits.
var BitwiseShift = Register(elementwise{
	Operator: Operator{
		Name: "bitwise_shift",
		Doc: "The bits of a whole number moved by as many places as n says. To the right, negative numbers keep their sign. A number of places that is negative or above 31 moves " +
			"every bit out.",
		Formula:  "y = x << n, or x >> n",
		Example:  "byte = bitwise_shift(word, n, direction=\"right\")",
		Category: "elementwise",
		Args:     []Arg{{Name: "x", Doc: "any shape"}, {Name: "n", Doc: "any shape that broadcasts with x"}},
		Attrs:    []AttrDef{{Name: "direction", Doc: "left or right", Default: "left", Values: []string{"left", "right"}}},
		NoGrad:   "it works on bits, which have no gradient",
		ONNX:     ONNX{Name: "BitShift", Min: 11, Max: 25, Attrs: map[string]string{"direction": "direction"}, Note: "direction is LEFT or RIGHT"},
		Samples:  append(shiftSamples("left"), shiftSamples("right")...),
	},
	takes: integers,
	by: func(a ir.Attrs) elementwise {
		right := a.Str("direction") == "right"
		return elementwise{
			ints: func(x []int64) int64 {
				n := uint(x[1])
				switch {
				case right:
					return x[0] >> min(n, 63)
				case n > 31:
					return 0
				}
				return x[0] << n
			},
			expr: func(x []*loop.Expr) *loop.Expr {
				if !right {
					return shiftedBy(loop.Shl, x[0], x[1])
				}
				// Negative numbers are turned over, so that zeros move in, and back.
				sign := choose(less(x[0], loop.I(0)), loop.I(-1), loop.I(0))
				return loop.E(loop.Xor, shiftedBy(loop.Shr, loop.E(loop.Xor, x[0], sign), x[1]), sign)
			},
		}
	},
}.operator())

// shiftedBy shifts x by n, which is no constant: by 1, 2, 4, 8 and 16 where n has that bit.
func shiftedBy(c loop.Code, x, n *loop.Expr) *loop.Expr {
	has := func(bits int) *loop.Expr { return loop.E(loop.NotEq, loop.E(loop.And, n, loop.I(bits)), loop.I(0)) }
	for k := range 5 {
		x = choose(has(1<<k), loop.E(c, x, loop.I(1<<k)), x)
	}
	return choose(has(^31), loop.I(0), x)
}

// shiftSamples shift by every number of places and by too many.
func shiftSamples(direction string) []Sample {
	var n []float64
	for i := -1; i <= 33; i++ {
		n = append(n, float64(i))
	}
	t := func(dims ...int) ir.Type { return ir.T(ir.I32, ir.S(dims...)) }
	return withAttrs([]Sample{
		{Args: []ir.Type{t(3, 1), t(len(n))}, Data: map[int][]float64{0: {1, -2147483648, 0x12345678}, 1: n}},
	}, ir.Attr{Name: "direction", Value: direction})
}
