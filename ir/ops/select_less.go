package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// SelectLess chooses by a comparison; gradients of functions with kinks are made of it.
var SelectLess = Register(elementwise{
	Operator: Operator{
		Name:     "select_less",
		Doc:      "x where a < b, else y (also where a or b is NaN). All four operands broadcast. No gradient flows to a and b.",
		Formula:  "z = a < b ? x : y",
		Example:  "z = select_less(a, b, x, y)",
		Category: "elementwise",
		Args: []Arg{{Name: "a", Doc: "any shape"}, {Name: "b", Doc: "any shape that broadcasts"},
			{Name: "x", Doc: "any shape that broadcasts"}, {Name: "y", Doc: "any shape that broadcasts"}},
		Internal: true,
		Samples: []Sample{
			{Args: f32Types(ir.NS(7), ir.NS(7), ir.NS(7), ir.NS(7)), Kinks: 0.02},
			{Args: f32Types(ir.NS(3, 5), ir.S(5), nil, ir.S(3, 1)), Kinks: 0.02},
		},
	},
	value: func(x []float64) float64 {
		if x[0] < x[1] {
			return x[2]
		}
		return x[3]
	},
	expr: func(x []*loop.Expr) *loop.Expr { return choose(less(x[0], x[1]), x[2], x[3]) },
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		zero := b.scalar(0)
		return []*ir.Value{nil, nil, b.apply("select_less", x[0], x[1], dy, zero), b.apply("select_less", x[0], x[1], zero, dy)}
	},
}.operator())
