package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// PReLU is leaky_relu with a learned slope (He et al., "Delving Deep into Rectifiers", 2015).
var PReLU = Register(elementwise{
	Operator: Operator{
		Name:     "prelu",
		Doc:      "Positive elements pass, negative ones are multiplied by a slope that is learned. Its gradient at 0 is 1.",
		Formula:  "y = x < 0 ? slope*x : x",
		Example:  "h = x |> dense(64) |> prelu",
		Category: "activation",
		Args:     []Arg{{Name: "x", Doc: "any shape"}, {Name: "slope", Doc: "any shape that broadcasts to that of x"}},
		Layer: &Layer{
			Doc: "makes the parameter slope [C], one for each entry of the last axis, or [1] if shared",
			Attrs: []AttrDef{
				{Name: "init", Doc: "the slope at the start", Default: 0.25},
				{Name: "shared", Doc: "whether all channels have the same slope", Default: false},
			},
			Build: buildPReLU,
		},
		ONNX: ONNX{Name: "PRelu", Min: 7, Max: 25},
		Samples: withKinks([]Sample{
			{Args: f32Types(ir.NS(7), ir.S(7))},
			{Args: f32Types(ir.NS(3, 5, 2), ir.S(2)), Batch: 2},
			{Args: f32Types(ir.NS(3, 5), ir.S(3, 1))},
			{Args: f32Types(ir.NS(9), ir.S(1)), Batch: 1},
			{Args: f32Types(ir.S(5), nil)},
		}, 0.02),
	},
	value: func(x []float64) float64 {
		if x[0] < 0 {
			return x[1] * x[0]
		}
		return x[0]
	},
	expr: func(x []*loop.Expr) *loop.Expr { return choose(less(x[0], loop.F(0)), times(x[1], x[0]), x[0]) },
	grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
		below, zero := b.apply("less", x[0], b.scalar(0)), b.scalar(0)
		return []*ir.Value{b.where(below, b.apply("mul", dy, x[1]), dy), b.where(below, b.apply("mul", dy, x[0]), zero)}
	},
}.operator())

func buildPReLU(b *Builder, x []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
	t := x[0].Type
	if len(x) != 1 {
		return nil, fmt.Errorf("prelu takes one operand, not %d", len(x))
	}
	if err := wantElem("prelu", "x", t, ir.F32); err != nil {
		return nil, err
	}
	s := ir.S(1)
	if n := len(t.Shape); !a.Bool("shared") {
		if n == 0 || !t.Shape[n-1].Static() {
			return nil, WithNote("shared=true makes one slope for all", "prelu needs channels in the last axis, but its input is %v", t)
		}
		s = t.Shape[n-1:]
	}
	slope, err := b.Param("slope", ir.T(ir.F32, s), ir.Init{Kind: "constant", Scale: a.Float("init")})
	if err != nil {
		return nil, err
	}
	return b.Ops("prelu", "prelu", []*ir.Value{x[0], slope})
}
