package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// sumState is the state in which gradients of several batches are added up.
const sumState = "gradients"

// Accumulate adds up gradients.
var Accumulate = Register(&Operator{
	Name: "accumulate",
	Doc: "Adds the gradients of the module's trainable parameters, times the examples of the batch, to those of the batches before it. " +
		"The scalar more is 0 in the first batch, which starts the sum, and then 1. An optimizer without operands takes the sum, divided by all the examples: the scalar share.",
	Formula:  "s = more*s + batch*g",
	Example:  "accumulate(grads)",
	Category: "gradient",
	Internal: true, Effect: true, Gradients: true,
	Args:   []Arg{{Name: "grads", Doc: "the gradient of each trainable parameter", Variadic: true}},
	Infer:  func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) { return nil, gradients("accumulate", args) },
	Eval:   func(args []*Tensor, a ir.Attrs) []*Tensor { return nil },
	States: func(ir.Attrs) []string { return []string{sumState} },
	NoGrad: "an optimizer's update is no part of the model",
	Lower: func(l *Lowering, op *ir.Op) {
		p := loop.Ax(0)
		sum := l.Arena(loop.State, sumState)
		zero := loop.F(0)
		// Not a product with more: that would keep a NaN.
		before := loop.E(loop.Select, loop.E(loop.Less, zero, loop.Read(l.Scalar("more", ir.F32))), loop.Read(sum, p), zero)
		e := loop.E(loop.FMA, loop.Read(l.Scalar("batch", ir.F32)), loop.Read(l.Arena(loop.Grad, ""), p), before)
		l.Emit(&loop.Nest{Form: loop.Map, Axes: []loop.Axis{{Name: "p", Extent: l.arenaDim()}}, Stores: []loop.Store{storeAt(sum, e, p)}})
	},
	Samples: []Sample{{Args: f32Types(ir.S(3, 2), ir.S(5)), NoGrad: true}, {Args: f32Types(nil), NoGrad: true, Batch: 1}},
})
