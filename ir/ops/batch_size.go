package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// BatchSize is the extent of the batch axis.
var BatchSize = Register(&Operator{
	Name:     "batch_size",
	Doc:      "The extent of the first axis of x, which holds the batch, times a number. Only the shape of x matters.",
	Formula:  "y = times * extent of axis 0 of x",
	Example:  "n = batch_size(x, times=1)",
	Category: "tensor",
	Internal: true,
	Args:     []Arg{{Name: "x", Doc: "[N, …], any element type"}},
	Attrs:    []AttrDef{{Name: "times", Doc: "what the extent is multiplied with", Default: 1}},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if len(args[0].Shape) == 0 || args[0].Shape[0].Static() {
			return nil, fmt.Errorf("batch_size of %s, which has no batch", args[0])
		}
		if t, ok := args[0].Shape[0].Mul(ir.D(a.Int("times"))); !ok || t.Size < 1 {
			return nil, fmt.Errorf("batch_size cannot be multiplied with %d", a.Int("times"))
		}
		return []ir.Type{ir.T(ir.I64, nil)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		return []*Tensor{{Elem: ir.I64, Shape: []int{}, Data: []float64{float64(a.Int("times") * args[0].Shape[0])}}}
	},
	NoGrad: "extents do not depend on the elements",
	Lower: func(l *Lowering, op *ir.Op) {
		n := loop.E(loop.ToI32, loop.Read(l.Scalar("batch", ir.F32)))
		if t := op.Attrs.Int("times") * op.Args[0].Type.Shape[0].Size; t != 1 {
			n = loop.E(loop.Mul, n, loop.I(t))
		}
		l.mapOver(l.Buf(op.Results[0]), n)
	},
	Samples: []Sample{
		{Args: f32Types(ir.NS(3)), NoGrad: true},
		{Args: f32Types(ir.NS()), Attrs: ir.Attrs{{Name: "times", Value: 6}}, Batch: 2, NoGrad: true},
		{Args: f32Types(ir.Shape{{Size: 5, Sym: "N"}, ir.D(2)}), Attrs: ir.Attrs{{Name: "times", Value: 2}}, NoGrad: true},
	},
})
