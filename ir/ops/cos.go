package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Cos is the cosine.
var Cos = Register(periodic(Operator{
	Name:    "cos",
	Doc:     "The cosine of an angle in radians; NaN of infinities. The error is that of sin.",
	Formula: "y = cos(x)",
	Example: "y = cos(angle)",
	ONNX:    ONNX{Name: "Cos", Min: 7, Max: 25},
}, math.Cos, node(loop.Cos), func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
	return []*ir.Value{b.apply("neg", b.apply("mul", dy, b.apply("sin", x[0])))}
}))
