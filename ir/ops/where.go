package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Where chooses by a condition.
var Where = Register(elementwise{
	Operator: Operator{
		Name:     "where",
		Doc:      "a where a condition holds, else b. All three broadcast as in NumPy. No gradient flows to the condition.",
		Formula:  "y = condition ? a : b",
		Example:  "y = where(less(x, 0), x, h)",
		Category: "elementwise",
		Exact:    true,
		Args: []Arg{{Name: "condition", Doc: "truth values"}, {Name: "a", Doc: "any shape that broadcasts"},
			{Name: "b", Doc: "any shape that broadcasts with a"}},
		ONNX: ONNX{Name: "Where", Min: 9, Max: 25},
		Samples: []Sample{
			whereSample(ir.NS(7), ir.NS(7), ir.NS(7)),
			whereSample(ir.S(3, 1), ir.NS(3, 5), nil),
			whereSample(ir.NS(3, 5), ir.S(5), ir.S(3, 1)),
			whereSample(nil, ir.NS(2), ir.S(2)),
		},
	},
	takes:     anyElem,
	condition: true,
	value: func(x []float64) float64 {
		if x[0] != 0 {
			return x[1]
		}
		return x[2]
	},
	expr: func(x []*loop.Expr) *loop.Expr { return choose(truth(x[0]), x[1], x[2]) },
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		zero := b.scalar(0)
		return []*ir.Value{nil, b.where(x[0], dy, zero), b.where(x[0], zero, dy)}
	},
}.operator())

// whereSample has a condition of a mixed pattern, for a batch of 3.
func whereSample(condition, a, b ir.Shape) Sample {
	data := make([]float64, 1)
	for _, n := range Extents(condition, 3) {
		data = make([]float64, len(data)*n)
	}
	for i := range data {
		data[i] = float64(i * i % 5 % 2)
	}
	return Sample{Args: []ir.Type{ir.T(ir.Bool, condition), ir.T(ir.F32, a), ir.T(ir.F32, b)}, Data: map[int][]float64{0: data}}
}
