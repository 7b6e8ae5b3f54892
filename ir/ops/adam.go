package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Adam is the optimizer of Kingma and Ba.
var Adam = Register(&Operator{
	Name: "adam",
	Doc: "Adam (Kingma and Ba, Adam: A Method for Stochastic Optimization, 2015) over all trainable parameters at once: the gradients given are those of " +
		"the module's trainable parameters in order. The rate is the scalar lr of the step; t counts steps from 1. Both moments start at 0.",
	Formula:  "m = beta1*m + (1-beta1)*g; v = beta2*v + (1-beta2)*g²; w = w - lr/(1-beta1^t) * m / (sqrt(v)/sqrt(1-beta2^t) + eps)",
	Example:  "optimizer = adam(lr=0.001)",
	Category: "optimizer",
	Effect:   true,
	Args:     []Arg{{Name: "grads", Doc: "the gradient of each trainable parameter", Variadic: true}},
	Attrs: []AttrDef{
		{Name: "beta1", Doc: "what is kept of the mean gradient from step to step, from 0 up to but not 1", Default: 0.9},
		{Name: "beta2", Doc: "what is kept of the mean squared gradient from step to step, from 0 up to but not 1", Default: 0.999},
		{Name: "eps", Doc: "added to the divisor, above 0", Default: 1e-8},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		for _, name := range []string{"beta1", "beta2"} {
			// What rounds to 1 in f32 would divide by 1 - 1.
			if x := a.Float(name); !(x >= 0 && float32(x) < 1) {
				return nil, WithNote("0.9 and 0.999 are usual", "adam needs a %s from 0 up to but not 1, not %v", name, x)
			}
		}
		if x := a.Float("eps"); !(float32(x) > 0 && x < 1) {
			return nil, WithNote("1e-8 is usual", "adam needs an eps between 0 and 1, not %v", x)
		}
		return nil, gradients("adam", args)
	},
	Eval:    func(args []*Tensor, a ir.Attrs) []*Tensor { return nil },
	States:  func(a ir.Attrs) []string { return []string{"m", "v"} },
	NoGrad:  "an optimizer's update is no part of the model",
	Lower:   lowerAdam,
	ONNX:    ONNX{Note: "ONNX holds models, not their training"},
	Samples: optimizerSamples(ir.Attrs{}, ir.Attrs{{Name: "beta1", Value: 0.5}, {Name: "beta2", Value: 0.9}, {Name: "eps", Value: 1e-6}}),
})

// lowerAdam: the scalars beta1_power and beta2_power are beta^t of this step. What depends on them alone stands in nodes of its
// own, so that a back end computes it once for the whole arena.
func lowerAdam(l *Lowering, op *ir.Op) {
	u := &update{l: l}
	b1, b2 := op.Attrs.Float("beta1"), op.Attrs.Float("beta2")
	one := loop.F(1)
	rest := func(power string) *loop.Expr {
		return loop.E(loop.Sub, one, loop.Read(l.Scalar(power, ir.F32)))
	}
	step := loop.E(loop.Neg, loop.E(loop.Div, loop.Read(l.Scalar("lr", ir.F32)), rest("beta1_power")))
	scale := loop.E(loop.Div, one, loop.E(loop.Sqrt, rest("beta2_power")))

	w, g := u.read(loop.Weight, ""), u.read(loop.Grad, "")
	m := loop.E(loop.FMA, loop.F(b1), u.read(loop.State, "m"), loop.E(loop.Mul, loop.F(1-b1), g))
	v := loop.E(loop.FMA, loop.F(b2), u.read(loop.State, "v"), loop.E(loop.Mul, loop.F(1-b2), loop.E(loop.Mul, g, g)))
	u.write(loop.State, "m", m)
	u.write(loop.State, "v", v)
	div := loop.E(loop.FMA, loop.E(loop.Sqrt, v), scale, loop.F(op.Attrs.Float("eps")))
	u.write(loop.Weight, "", loop.E(loop.FMA, step, loop.E(loop.Div, m, div), w))
	u.emit()
}
