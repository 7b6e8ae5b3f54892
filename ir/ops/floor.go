package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// steps is an operator that is constant between jumps.
func steps(o Operator, value func(float64) float64, c loop.Code) *Operator {
	o.Category = "elementwise"
	o.Args = unary
	o.NoGrad = "it is constant between whole numbers, so no gradient flows"
	o.Samples = append(inRange(unarySamples(), -9, 9), Sample{Args: f32Types(ir.S(8)), Data: map[int][]float64{0: {0.5, -0.5, 1.5, 2.5, -1.5, 8388609, -3e10, 1e-30}}})
	return elementwise{Operator: o, value: func(x []float64) float64 { return value(x[0]) }, expr: node(c)}.operator()
}

// Floor rounds down.
var Floor = Register(steps(Operator{
	Name:    "floor",
	Doc:     "The greatest whole number not above each element.",
	Formula: "y = ⌊x⌋",
	Example: "cell = floor(x)",
	ONNX:    ONNX{Name: "Floor", Min: 6, Max: 25},
}, math.Floor, loop.Floor))
