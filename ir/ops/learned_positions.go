package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
)

// LearnedPositions tells attention where each place is, by learned vectors.
var LearnedPositions = Register(&Operator{
	Name:     "learned_positions",
	Doc:      "Adds to x [N,T,..] a learned tensor [T,..], the same for each example, so that places that hold the same can be told apart.",
	Formula:  "y[n,t,..] = x[n,t,..] + table[t,..]",
	Example:  "tokens = words |> dense(64) |> learned_positions",
	Category: "layer",
	Args:     []Arg{{Name: "x", Doc: "f32[N,T,..]"}, {Name: "table", Doc: "f32[T,..]"}},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, table := args[0], args[1]
		y := NewTensor(ir.F32, x.Shape...)
		for i, v := range x.Data {
			y.Data[i] = v + table.Data[i%len(table.Data)]
		}
		return []*Tensor{y}
	},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		if x, table := args[0].Type, args[1].Type; len(x.Shape) < 2 || !table.Equal(ir.T(ir.F32, x.Shape[1:])) || x.Elem != ir.F32 {
			return nil, fmt.Errorf("learned_positions of %v takes a table of the shape of one example, not %v", x, table)
		}
		return b.Ops("add", "learned_positions", args)
	},
	Layer: &Layer{
		Doc:   "makes the parameter table [T,..], uniform in ±scale at the start",
		Attrs: []AttrDef{{Name: "scale", Doc: "the largest number of the table at the start, from 0 up", Default: 0.02}},
		Build: func(b *Builder, x []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
			t, scale := x[0].Type, a.Float("scale")
			if err := wantElem("learned_positions", "x", t, ir.F32); err != nil {
				return nil, err
			}
			if len(t.Shape) < 2 || t.Shape[0].Static() {
				return nil, WithNote("places are an axis between the batch and the features", "learned_positions needs places with features, f32[N,T,C], but its input is %v", t)
			}
			if !(scale >= 0 && scale < 1e6) {
				return nil, WithNote("0.02 is usual", "learned_positions needs a scale from 0 up, not %v", scale)
			}
			table, err := b.Param("table", ir.T(ir.F32, t.Shape[1:]), ir.Init{Kind: "uniform", Scale: scale})
			if err != nil {
				return nil, err
			}
			return b.Ops("learned_positions", "learned_positions", []*ir.Value{x[0], table})
		},
	},
	Samples: []Sample{
		{Args: f32Types(ir.NS(5, 4), ir.S(5, 4))},
		{Args: f32Types(ir.NS(3), ir.S(3)), Batch: 1},
		{Args: f32Types(ir.NS(2, 3, 2), ir.S(2, 3, 2))},
	},
})
