package ops

import (
	"github.com/dlc-ml/dlc/ir"
)

// SpatialDropout sets whole channels to zero in training.
var SpatialDropout = Register(&Operator{
	Name: "spatial_dropout",
	Doc: "In training sets whole channels of x [N,..,C] to zero with probability rate and divides the others by 1-rate; otherwise the identity. Neighbouring pixels say " +
		"much the same, so that dropping single ones hides little (Tompson et al., Efficient Object Localization Using Convolutional Networks, 2015). The choice is a hash of " +
		"the seed, the step, the operator, the example and the channel.",
	Formula:   "y[n,..,c] = 0 with probability rate for each (n, c), else x[n,..,c] / (1 - rate)",
	Example:   "features = image |> conv2d(16) |> relu |> spatial_dropout(0.2)",
	Category:  "layer",
	TrainOnly: true,
	Args:      []Arg{{Name: "x", Doc: "f32[N,..,C]"}},
	Attrs: []AttrDef{
		{Name: "rate", Doc: "the probability with which a channel is set to zero, from 0 up to but not 1", Kind: 0.0},
		dropoutAttrs[1],
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := checkDraw("spatial_dropout", args[0], a); err != nil {
			return nil, err
		}
		if len(args[0].Shape) < 2 {
			return nil, WithNote("dropout drops single elements", "spatial_dropout wants channels f32[N,..,C], but its input is %s", args[0])
		}
		return args[:1], nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[0]
		y := NewTensor(ir.F32, x.Shape...)
		channels := x.Shape[len(x.Shape)-1]
		eachIndex(x.Shape, func(ix []int) {
			i := x.at(ix)
			if dropoutUniform(0, 0, a.Int("id"), ix[0]*channels+ix[len(ix)-1]) >= dropoutThreshold(a.Float("rate")) {
				y.Data[i] = x.Data[i] / (1 - a.Float("rate"))
			}
		})
		return []*Tensor{y}
	},
	// The same channels are dropped from the gradient: the same operator again, with the same id.
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil}
		}
		return []*ir.Value{b.Must("spatial_dropout", op.Args[0].Name+".grad", grads[:1], op.Attrs...)}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		s := op.Args[0].Type.Shape
		strides := make([]int, len(s))
		strides[0], strides[len(s)-1] = s[len(s)-1].Size, 1
		l.drop(op, drawn(l, op.Attrs.Int("id"), numbered(strides)))
	},
	Layer: &Layer{
		Doc: "owns no parameters, but random numbers of its own",
		Attrs: []AttrDef{
			{Name: "rate", Doc: "the probability with which a channel is set to zero, from 0 up to but not 1", Kind: 0.0},
			dropoutAttrs[1],
		},
		Build: drawing("spatial_dropout"),
	},
	Samples: []Sample{
		{Args: f32Types(ir.NS(5, 7)), Attrs: ir.Attrs{{Name: "rate", Value: 0.5}}},
		{Args: f32Types(ir.NS(3, 2, 9)), Attrs: ir.Attrs{{Name: "rate", Value: 0.2}, {Name: "id", Value: 3}}, Batch: 1},
		{Args: f32Types(ir.S(4, 1, 3)), Attrs: ir.Attrs{{Name: "rate", Value: 0.9}, {Name: "id", Value: 1}}},
		{Args: f32Types(ir.NS(4)), Attrs: ir.Attrs{{Name: "rate", Value: 0.0}}},
	},
})
