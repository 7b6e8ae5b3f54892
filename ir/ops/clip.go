package ops

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Clip brings elements between two bounds.
var Clip = Register(elementwise{
	Operator: Operator{
		Name:     "clip",
		Doc:      "Each element brought between two numbers; NaN stays NaN. The gradient passes where the element is not changed.",
		Formula:  "y = min(max(x, min), max)",
		Example:  "y = clip(x, -1, 1)",
		Category: "elementwise",
		Args:     unary,
		Attrs: []AttrDef{
			{Name: "min", Doc: "the lower bound", Default: math.Inf(-1)},
			{Name: "max", Doc: "the upper bound", Default: math.Inf(1)},
		},
		ONNX: ONNX{Name: "Clip", Min: 6, Max: 25, Attrs: map[string]string{"min": "min", "max": "max"},
			Note: "the bounds are inputs from opset 11 on; bounds that are not constant become max and min"},
		Samples: append(withKinks(withAttrs(unarySamples(), ir.Attr{Name: "min", Value: -0.93}, ir.Attr{Name: "max", Value: 1.17}), 0.02),
			Sample{Args: f32Types(ir.NS(5)), Attrs: ir.Attrs{{Name: "max", Value: 0.0}}, Kinks: 0.02},
			Sample{Args: f32Types(ir.NS(5))},
			Sample{Args: []ir.Type{ir.T(ir.I32, ir.S(5))}, Attrs: ir.Attrs{{Name: "min", Value: -2.5}, {Name: "max", Value: 1e12}}, NoGrad: true, Data: map[int][]float64{0: {-9, -3, -2, 0, 2147483647}}}),
	},
	takes: numbers,
	by: func(a ir.Attrs) elementwise {
		lo, hi := a.Float("min"), a.Float("max")
		return elementwise{
			value: func(x []float64) float64 {
				switch {
				case x[0] < lo:
					return lo
				case x[0] > hi:
					return hi
				}
				return x[0]
			},
			ints: func(x []int64) int64 {
				switch y := float64(x[0]); {
				case y < lo:
					return int64(math.Ceil(lo))
				case y > hi:
					return int64(math.Floor(hi))
				}
				return x[0]
			},
			expr: func(x []*loop.Expr) *loop.Expr { return clipped(x[0], lo, hi) },
			grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value {
				return []*ir.Value{b.where(b.apply("equal", x[0], y), dy, b.scalar(0))}
			},
		}
	},
	check: func(a ir.Attrs) error {
		if lo, hi := a.Float("min"), a.Float("max"); !(lo <= hi) {
			return fmt.Errorf("clip needs a lower bound that is not above the upper one, not min=%g and max=%g", lo, hi)
		}
		return nil
	},
}.operator())

// clipped brings x between two numbers; one that no value of x's type passes is left out.
func clipped(x *loop.Expr, lo, hi float64) *loop.Expr {
	least, most := math.Inf(-1), math.Inf(1)
	if x.Type == ir.I32 {
		lo, hi, least, most = math.Ceil(lo), math.Floor(hi), math.MinInt32, math.MaxInt32
		lo, hi = min(lo, most), max(hi, least)
	}
	if lo > least {
		x = loop.E(loop.Max, x, like(x, lo))
	}
	if hi < most {
		x = loop.E(loop.Min, x, like(x, hi))
	}
	return x
}

// withAttrs gives every sample the same attributes.
func withAttrs(list []Sample, attrs ...ir.Attr) []Sample {
	for i := range list {
		list[i].Attrs = attrs
	}
	return list
}
