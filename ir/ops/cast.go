package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Cast changes the element type.
var Cast = Register(elementwise{
	Operator: Operator{
		Name: "cast",
		Doc: "The tensor with elements of another type. Numbers become whole towards zero and wrap around to the range of their type; what does not fit 32 bits, and NaN, counts as -2^31. " +
			"Floating-point numbers are rounded to nearest. Everything but zero is true. The gradient passes between floating-point types.",
		Formula:  "y = x",
		Example:  "weight = cast(mask, to=\"f32\")",
		Category: "elementwise",
		Same: func(op *ir.Op) (*ir.Value, string) {
			return op.Args[0], "cast keeps the type of " + op.Args[0].Name // where it does
		},
		Args: unary,
		Attrs: []AttrDef{{Name: "to", Doc: "the element type: f32, f16, bf16, i32, i64, i8, u8 or bool", Kind: "",
			Values: []string{"f32", "f16", "bf16", "i32", "i64", "i8", "u8", "bool"}}},
		ONNX:    ONNX{Name: "Cast", Min: 6, Max: 25, Attrs: map[string]string{"to": "to"}, Note: "to is a number there; saturate concerns 8-bit floats only"},
		Samples: castSamples(),
	},
	takes: anyElem,
	plain: true,
	by: func(a ir.Attrs) elementwise {
		to, _ := ir.ParseDType(a.Str("to"))
		return elementwise{
			gives: to,
			value: func(x []float64) float64 {
				if to.Integer() {
					return math.Trunc(x[0])
				}
				return x[0]
			},
			expr: func(x []*loop.Expr) *loop.Expr {
				switch from := x[0]; {
				case to == ir.Bool:
					return truth(from)
				case to.Float() && from.Type == ir.I32:
					return loop.E(loop.ToF32, from)
				case to.Integer() && from.Type == ir.F32:
					return loop.E(loop.ToI32, truncate(from))
				default:
					return from
				}
			},
			grad: func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value { return []*ir.Value{dy} },
		}
	},
}.operator())

// castSamples cast each type to each. Truncation has no gradient, so samples from f32 to whole numbers have none.
func castSamples() []Sample {
	list := []Sample{{Args: f32Types(ir.NS(7)), Attrs: ir.Attrs{{Name: "to", Value: "f32"}}}}
	shorts := []float64{1, -1.5, 0.1, 65504, 65519, 65520, -1e6, 1e-5, 3e-8, 2e-8, -6.1e-5, 0, math.Copysign(0, -1), math.Inf(-1), math.NaN(), 2049, 2051, 1.00390625, 1.01171875, 3.4e38}
	parts := []float64{0.5, -0.5, 1.999, -1.999, 2.5, 255.9, -128.2, 300, -1e5, 2147483520, 2147483648, -3e9, math.NaN(), math.Inf(1), 0}
	for _, from := range anyElem {
		data := telling[from]
		switch {
		case from == ir.F32:
			data = append(parts[:len(parts):len(parts)], shorts...)
		case from.Float():
			data = []float64{0.5, -2.25, 1.5, 48, -130, 0, math.Inf(1), math.NaN()}
		}
		for _, to := range anyElem {
			list = append(list, Sample{Args: []ir.Type{ir.T(from, ir.S(len(data)))}, Attrs: ir.Attrs{{Name: "to", Value: to.String()}},
				NoGrad: true, Data: map[int][]float64{0: data}})
		}
	}
	return list
}
