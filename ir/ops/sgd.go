package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// SGD is stochastic gradient descent.
var SGD = Register(&Operator{
	Name: "sgd",
	Doc: "Stochastic gradient descent, with momentum if wanted, over all trainable parameters at once: the gradients given are those of the module's " +
		"trainable parameters in order. The rate is the scalar lr of the step. The velocity starts at 0; the conventions are PyTorch's " +
		"(no dampening, the rate outside of the velocity).",
	Formula:  "v = momentum*v + g; w = w - lr*v, with nesterov: w = w - lr*(g + momentum*v)",
	Example:  "optimizer = sgd(lr=0.01, momentum=0.9)",
	Category: "optimizer",
	Effect:   true,
	Args:     []Arg{{Name: "grads", Doc: "the gradient of each trainable parameter", Variadic: true}},
	Attrs: []AttrDef{
		{Name: "momentum", Doc: "what is kept of the velocity from step to step, from 0 up to but not 1", Default: 0.0},
		{Name: "nesterov", Doc: "whether to look ahead by one velocity (Sutskever et al., On the importance of initialization and momentum, 2013)", Default: false},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		m := a.Float("momentum")
		if !(m >= 0 && m < 1) {
			return nil, WithNote("0.9 is usual", "sgd needs a momentum from 0 up to but not 1, not %v", m)
		}
		if a.Bool("nesterov") && m == 0 {
			return nil, WithNote("write momentum=0.9", "sgd with nesterov=true needs a momentum")
		}
		return nil, gradients("sgd", args)
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor { return nil },
	States: func(a ir.Attrs) []string {
		if a.Float("momentum") == 0 {
			return nil
		}
		return []string{"momentum"}
	},
	NoGrad:  "an optimizer's update is no part of the model",
	Lower:   lowerSGD,
	ONNX:    ONNX{Note: "ONNX holds models, not their training"},
	Samples: optimizerSamples(ir.Attrs{}, ir.Attrs{{Name: "momentum", Value: 0.9}}, ir.Attrs{{Name: "momentum", Value: 0.5}, {Name: "nesterov", Value: true}}),
})

// gradients checks the operands of an optimizer.
func gradients(kind string, args []ir.Type) error {
	for _, t := range args {
		if t.Elem != ir.F32 {
			return fmt.Errorf("%s takes gradients in f32, not %v", kind, t)
		}
		if n, ok := t.Shape.Elems(); !ok || !n.Static() {
			return fmt.Errorf("%s takes the gradients of parameters, whose extents are known, not %v", kind, t)
		}
	}
	return nil
}

// update makes the nest of an optimizer: one loop over the arenas of parameters, gradients and state, flat.
type update struct {
	l      *Lowering
	stores []loop.Store
}

// read loads element p of an arena.
func (u *update) read(space loop.Space, name string) *loop.Expr {
	return loop.Read(u.l.Arena(space, name), loop.Ax(0))
}

// write stores into element p of an arena. Everything read is as it was before any store of the element.
func (u *update) write(space loop.Space, name string, e *loop.Expr) {
	u.stores = append(u.stores, storeAt(u.l.Arena(space, name), e, loop.Ax(0)))
}

// emit appends the nest.
func (u *update) emit() {
	u.l.Emit(&loop.Nest{Form: loop.Map, Axes: []loop.Axis{{Name: "p", Extent: ir.Dim{Size: 1, Sym: "P"}}}, Stores: u.stores})
}

func lowerSGD(l *Lowering, op *ir.Op) {
	u := &update{l: l}
	w, g := u.read(loop.Weight, ""), u.read(loop.Grad, "")
	rate := loop.E(loop.Neg, loop.Read(l.Scalar("lr", ir.F32)))
	dir := g
	if m := op.Attrs.Float("momentum"); m != 0 {
		v := loop.E(loop.FMA, loop.F(m), u.read(loop.State, "momentum"), g)
		u.write(loop.State, "momentum", v)
		dir = v
		if op.Attrs.Bool("nesterov") {
			dir = loop.E(loop.FMA, loop.F(m), v, g)
		}
	}
	u.write(loop.Weight, "", loop.E(loop.FMA, rate, dir, w))
	u.emit()
}

// optimizerSamples are two gradients for each set of attributes. An optimizer has no results to compare; its nest is tested by
// itself.
func optimizerSamples(attrs ...ir.Attrs) []Sample {
	var list []Sample
	for _, a := range attrs {
		list = append(list, Sample{Args: f32Types(ir.S(3, 2), ir.S(5)), Attrs: a, NoGrad: true})
	}
	return list
}
