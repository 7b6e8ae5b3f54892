package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// IsInf finds infinities.
var IsInf = Register(elementwise{
	Operator: Operator{
		Name:     "isinf",
		Doc:      "True where an element is infinite, of either sign or of one.",
		Formula:  "y = |x| == ∞",
		Example:  "bad = isinf(x)",
		Category: "elementwise",
		Args:     unary,
		Attrs: []AttrDef{
			{Name: "positive", Doc: "whether to find +∞", Default: true},
			{Name: "negative", Doc: "whether to find -∞", Default: true},
		},
		NoGrad: "it is constant almost everywhere, so no gradient flows",
		ONNX:   ONNX{Name: "IsInf", Min: 10, Max: 25, Attrs: map[string]string{"positive": "detect_positive", "negative": "detect_negative"}},
		Samples: append(unarySamples(),
			Sample{Args: f32Types(ir.S(5)), Attrs: ir.Attrs{{Name: "positive", Value: false}}, Data: infinities},
			Sample{Args: f32Types(ir.S(5)), Attrs: ir.Attrs{{Name: "negative", Value: false}}, Data: infinities}),
	},
	gives: ir.Bool,
	by: func(a ir.Attrs) elementwise {
		high, low := math.Inf(-1), math.Inf(1) // what nothing is above, or below
		if a.Bool("positive") {
			high = math.Inf(1)
		}
		if a.Bool("negative") {
			low = math.Inf(-1)
		}
		return elementwise{
			value: func(x []float64) float64 {
				return bit(x[0] > 0 && x[0] == high || x[0] < 0 && x[0] == low)
			},
			expr: func(x []*loop.Expr) *loop.Expr {
				switch {
				case high > 0 && low < 0:
					return loop.E(loop.Eq, loop.E(loop.Abs, x[0]), loop.F(high))
				case high > 0:
					return loop.E(loop.Eq, x[0], loop.F(high))
				case low < 0:
					return loop.E(loop.Eq, x[0], loop.F(low))
				}
				return less(x[0], loop.F(math.Inf(-1)))
			},
		}
	},
}.operator())

var infinities = map[int][]float64{0: {math.Inf(1), 3, math.Inf(-1), math.NaN(), 0}}
