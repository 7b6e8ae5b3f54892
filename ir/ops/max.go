package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Max is the largest of its operands.
var Max = Register(elementwise{
	Operator: Operator{
		Name:     "max",
		Doc:      "The largest of two or more tensors, element by element; NaN where any is. Shapes broadcast as in NumPy. Where several are equal the gradient goes to the first.",
		Formula:  "y = b > a ? b : a",
		Example:  "y = max(h, floor)",
		Category: "elementwise",
		Exact:    true,
		Args:     several,
		ONNX:     ONNX{Name: "Max", Min: 8, Max: 25, Note: "one operand alone is the identity"},
		Samples:  append(withKinks(broadcastSamples(), 0.02), severalSamples()...),
	},
	takes: numbers,
	value: func(x []float64) float64 {
		top := x[0]
		for _, v := range x {
			if v > top || v != v {
				top = v
			}
		}
		return top
	},
	expr: chain(loop.Max),
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		return b.toWinner(x, dy, "max", func(first, next *ir.Value) *ir.Value { return b.apply("less", first, next) })
	},
}.operator())

// several makes the operands of an operator of two or more.
var several = append(binary[:2:2], Arg{Name: "more", Doc: "any shapes that broadcast", Variadic: true, Optional: true})

// severalSamples have three and five operands.
func severalSamples() []Sample {
	return withKinks([]Sample{
		{Args: f32Types(ir.NS(3, 5), ir.S(5), ir.S(3, 1))},
		{Args: f32Types(ir.NS(7), ir.NS(7), ir.S(7), nil, ir.NS(1)), Batch: 2},
		{Args: f32Types(ir.S(3), ir.S(3), ir.S(3)), NoGrad: true, Data: map[int][]float64{0: {1, math.NaN(), 2}, 1: {3, 0, math.NaN()}, 2: {math.NaN(), 5, 4}}},
	}, 0.02)
}

// chain folds operands from the first to the last.
func chain(c loop.Code) func(x []*loop.Expr) *loop.Expr {
	return func(x []*loop.Expr) *loop.Expr {
		y := x[0]
		for _, v := range x[1:] {
			y = loop.E(c, y, v)
		}
		return y
	}
}

// toWinner sends the gradient to the operand that an operator chose; beats says where the next operand was chosen before the best of those
// ahead of it.
func (b *Builder) toWinner(x []*ir.Value, dy *ir.Value, kind string, beats func(first, next *ir.Value) *ir.Value) []*ir.Value {
	best := []*ir.Value{x[0]} // of each operand and those ahead of it
	for _, v := range x[1 : len(x)-1] {
		best = append(best, b.apply(kind, best[len(best)-1], v))
	}
	list, zero := make([]*ir.Value, len(x)), b.scalar(0)
	for i := len(x) - 1; i > 0; i-- {
		won := beats(best[i-1], x[i])
		list[i] = b.where(won, dy, zero)
		dy = b.where(won, zero, dy)
	}
	list[0] = dy
	return list
}
