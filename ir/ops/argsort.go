package ops

import "github.com/dlc-ml/dlc/ir"

// ArgSort gives the places of elements in order.
var ArgSort = Register(&Operator{
	Name:     "argsort",
	Doc:      "The place of the first, second … element in order along an axis, as i32: the second result of sort. " + sortNote,
	Formula:  "p with x[n, p[n, i]] ≤ x[n, p[n, i+1]]",
	Example:  "places = argsort(x)",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "any shape; f32, i32 or i64"}},
	Attrs:    sortAttrs,
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		axis := mustAxis(a.Int("axis"), len(args[0].Shape))
		return evalOrder(args[0], axis, args[0].Shape[axis], a.Bool("descending"))[1:]
	},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		if _, err := inferOrder("argsort", args[0].Type, a); err != nil {
			return nil, err
		}
		r, err := b.Ops("sort", "argsort", args, a...)
		if err != nil {
			return nil, err
		}
		return r[1:], nil
	},
	Samples: sortSamples(),
})
