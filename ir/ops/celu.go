package ops

import (
	"github.com/dlc-ml/dlc/ir"
)

// CELU is the continuously differentiable exponential linear unit (Barron, 2017).
var CELU = Register(elementwise{
	Operator: Operator{
		Name:     "celu",
		Doc:      "The exponential linear unit whose slope has no jump at 0 for any alpha.",
		Formula:  "y = x > 0 ? x : alpha*(exp(x/alpha) - 1)",
		Example:  "h = x |> dense(64) |> celu(2)",
		Category: "activation",
		Args:     unary,
		Attrs:    []AttrDef{{Name: "alpha", Doc: "what negative elements approach, with its sign turned; above 0", Default: 1.0}},
		ONNX:     ONNX{Name: "Celu", Min: 12, Max: 25, Attrs: map[string]string{"alpha": "alpha"}},
		Samples:  append(unarySamples(), withAttrs(inRange(unarySamples()[:1], -30, 30), ir.Attr{Name: "alpha", Value: 0.7})...),
	},
	by:    func(a ir.Attrs) elementwise { return exponentialUnit(1, a.Float("alpha"), a.Float("alpha")) },
	check: func(a ir.Attrs) error { return above("celu", a, "alpha", 0) },
}.operator())
