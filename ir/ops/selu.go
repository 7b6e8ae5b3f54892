package ops

import (
	"github.com/dlc-ml/dlc/ir"
)

// SELU is the scaled exponential linear unit (Klambauer et al., "Self-Normalizing Neural Networks", 2017).
var SELU = Register(elementwise{
	Operator: Operator{
		Name:     "selu",
		Doc:      "The scaled exponential linear unit, whose constants keep the mean and the variance of activations near 0 and 1.",
		Formula:  "y = gamma * (x > 0 ? x : alpha*(exp(x) - 1))",
		Example:  "h = x |> dense(64) |> selu",
		Category: "activation",
		Args:     unary,
		Attrs: []AttrDef{
			{Name: "alpha", Doc: "what negative elements approach before they are scaled, with its sign turned", Default: 1.6732632423543772},
			{Name: "gamma", Doc: "the scale", Default: 1.0507009873554805},
		},
		ONNX:    ONNX{Name: "Selu", Min: 6, Max: 25, Attrs: map[string]string{"alpha": "alpha", "gamma": "gamma"}},
		Samples: append(withKinks(unarySamples(), 0.02), withKinks(inRange(unarySamples()[:1], -30, 30), 0.02)...),
	},
	by: func(a ir.Attrs) elementwise { return exponentialUnit(a.Float("gamma"), a.Float("alpha"), 1) },
}.operator())
