package ops

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Expand repeats a tensor over axes; it is the adjoint of a sum or a mean over them.
var Expand = Register(&Operator{
	Name: "expand",
	Doc: "Repeats x along axes until it has the shape of like, of which only the shape matters. x lacks those axes or has extent 1 there. " +
		"With mean, each element is divided by how often it is repeated. It is the gradient of reduce_sum and reduce_mean.",
	Formula:  "y[…, i, …] = x[…, …], or that / count",
	Example:  "y = expand(x, like, axes=[1])",
	Category: "gradient",
	Spreads:  func(a ir.Attrs) bool { return !a.Bool("mean") },
	Same: func(op *ir.Op) (*ir.Value, string) {
		if op.Attrs.Bool("mean") {
			return nil, ""
		}
		return keepsShape(op)
	},
	Internal: true,
	Args:     []Arg{{Name: "x", Doc: "like without axes, or with extent 1 there"}, {Name: "like", Doc: "the shape of the result"}},
	Attrs: []AttrDef{
		{Name: "axes", Doc: "axes of the result along which x is repeated; empty for all", Default: []int{}},
		{Name: "mean", Doc: "divide by the number of repetitions", Default: false},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x, like := args[0], args[1]
		if err := wantElem("expand", "x", x, ir.F32); err != nil {
			return nil, err
		}
		axes, err := plainAxes("expand", a.Ints("axes"), like.Shape)
		if err != nil {
			return nil, err
		}
		if less := dropAxes(like.Shape, axes, false); !x.Shape.Equal(less) && !x.Shape.Equal(dropAxes(like.Shape, axes, true)) {
			return nil, fmt.Errorf("expand cannot make %s of %s over axes %v: it wants %s", like.Shape, x, axes, less)
		}
		return []ir.Type{ir.T(ir.F32, like.Shape)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, y := args[0], NewTensor(ir.F32, args[1].Shape...)
		axes := evalAxes(a.Ints("axes"), len(y.Shape))
		kept := &Tensor{Shape: dropInts(y.Shape, axes, true), Data: x.Data}
		n := 0
		eachIndex(y.Shape, func(ix []int) {
			y.Data[n] = kept.Data[kept.at(ix)]
			if a.Bool("mean") {
				y.Data[n] *= float64(len(x.Data)) / float64(len(y.Data))
			}
			n++
		})
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil, nil}
		}
		x, like := op.Args[0].Type.Shape, op.Args[1].Type.Shape
		kind := "reduce_sum"
		if op.Attrs.Bool("mean") {
			kind = "reduce_mean"
		}
		dx := b.Must(kind, op.Args[0].Name, grads, ir.Attr{Name: "axes", Value: op.Attrs.Ints("axes")},
			ir.Attr{Name: "keep_dims", Value: len(x) == len(like)})
		return []*ir.Value{dx, nil}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x, y := l.Buf(op.Args[0]), l.Buf(op.Results[0])
		axes := mustAxes(op.Attrs.Ints("axes"), y.Shape)
		value := loop.Read(x, reducedIndex(y.Shape, axes, len(x.Shape) == len(y.Shape))...)
		if op.Attrs.Bool("mean") {
			var dims ir.Shape
			for _, i := range axes {
				dims = append(dims, y.Shape[i])
			}
			value = l.over(value, dims)
		}
		l.mapOver(y, value)
	},
	Samples: []Sample{
		{Args: f32Types(ir.NS(3), ir.NS(3, 5)), Attrs: ir.Attrs{{Name: "axes", Value: []int{-1}}}},
		{Args: f32Types(ir.NS(1, 4), ir.NS(3, 4)), Attrs: ir.Attrs{{Name: "axes", Value: []int{1}}, {Name: "mean", Value: true}}},
		{Args: f32Types(ir.S(4), ir.NS(3, 4)), Attrs: ir.Attrs{{Name: "axes", Value: []int{0, 1}}, {Name: "mean", Value: true}}, Batch: 2},
		{Args: f32Types(nil, ir.NS(2, 3)), Attrs: ir.Attrs{{Name: "mean", Value: true}}},
		{Args: f32Types(ir.NS(), ir.NS(7)), Attrs: ir.Attrs{{Name: "axes", Value: []int{1}}}, Batch: 1},
		{Args: f32Types(nil, nil)},
	},
})

// evalAxes is the set of axes that an attribute of an evaluation names: negative ones count from the end, none means all.
func evalAxes(axes []int, rank int) []int {
	var set []int
	for i := range rank {
		if len(axes) == 0 || slices.Contains(axes, i) || slices.Contains(axes, i-rank) {
			set = append(set, i)
		}
	}
	return set
}

// reducedIndex indexes a tensor that lacks the given axes of s, or keeps them with extent 1, in a nest over s.
func reducedIndex(s ir.Shape, axes []int, keep bool) []loop.Affine {
	ix := []loop.Affine{}
	for i := range s {
		switch {
		case !slices.Contains(axes, i):
			ix = append(ix, loop.Ax(i))
		case keep:
			ix = append(ix, loop.At(0))
		}
	}
	return ix
}
