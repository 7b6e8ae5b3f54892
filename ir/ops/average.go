package ops

import (
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// averageState is the state that holds the moving average of the parameters. The run-time starts it as a copy of them.
const averageState = "average"

// Average keeps a moving average of the parameters.
var Average = Register(&Operator{
	Name:     "average",
	Doc:      "Keeps the exponential moving average of all trainable parameters, which starts as the parameters themselves. The run-time validates and saves the average.",
	Formula:  "a = decay*a + (1-decay)*w",
	Example:  "average(decay=0.999)",
	Category: "gradient",
	Internal: true, Effect: true,
	Attrs: []AttrDef{{Name: "decay", Doc: "what is kept of the average from update to update, from 0 up to but not 1", Default: 0.999}},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		return nil, within("average", a, 0, 1, "0.999", "decay")
	},
	Eval:   func(args []*Tensor, a ir.Attrs) []*Tensor { return nil },
	States: func(ir.Attrs) []string { return []string{averageState} },
	NoGrad: "an optimizer's update is no part of the model",
	Lower: func(l *Lowering, op *ir.Op) {
		p, d := loop.Ax(0), op.Attrs.Float("decay")
		to := l.Arena(loop.State, averageState)
		e := loop.E(loop.FMA, loop.F(d), loop.Read(to, p), loop.E(loop.Mul, loop.F(1-d), loop.Read(l.Arena(loop.Weight, ""), p)))
		l.Emit(&loop.Nest{Form: loop.Map, Axes: []loop.Axis{{Name: "p", Extent: l.arenaDim()}}, Stores: []loop.Store{storeAt(to, e, p)}})
	},
	Samples: []Sample{{NoGrad: true}, {Attrs: ir.Attrs{{Name: "decay", Value: 0.5}}, NoGrad: true}},
})
