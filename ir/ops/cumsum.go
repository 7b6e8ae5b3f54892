package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// CumSum adds up elements along an axis.
var CumSum = Register(&Operator{
	Name: "cumsum",
	Doc: "The sum of all elements up to each, along an axis. They are added one after the other, from the first, or with reverse from the last; the sum starts at 0. " +
		"With exclusive each element is the sum of those before it.",
	Formula:  "y[n, i] = x[n, 0] + … + x[n, i]",
	Example:  "position = cumsum(steps)",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "any shape; f32, i32 or i64"}},
	Attrs: []AttrDef{
		{Name: "axis", Doc: "the axis along which to add; -1 is the last", Default: -1},
		{Name: "exclusive", Doc: "leave the element itself out", Default: false},
		{Name: "reverse", Doc: "begin at the end", Default: false},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x := args[0]
		if err := wantElem("cumsum", "x", x, numberElem...); err != nil {
			return nil, err
		}
		axis, err := plainAxis("cumsum", a.Int("axis"), x.Shape)
		if err != nil {
			return nil, err
		}
		if !x.Shape[axis].Static() {
			return nil, WithNote("axis=-1 is the last", "cumsum cannot run along the axis %s of %s, whose extent is known only at run time", x.Shape[axis], x)
		}
		return args[:1], nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[0]
		y := NewTensor(x.Elem, x.Shape...)
		axis, n := mustAxis(a.Int("axis"), len(x.Shape)), 0
		eachIndex(x.Shape, func(ix []int) {
			from, to := 0, ix[axis]+1
			if a.Bool("reverse") {
				from, to = ix[axis], x.Shape[axis]
			}
			at := slices.Clone(ix)
			for i := from; i < to; i++ {
				if at[axis] = i; i != ix[axis] || !a.Bool("exclusive") {
					y.Data[n] += x.Data[x.at(at)]
				}
			}
			if x.Elem != ir.F32 {
				y.Data[n] = float64(int32(int64(y.Data[n])))
			}
			n++
		})
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil || !op.Args[0].Type.Elem.Float() {
			return []*ir.Value{nil}
		}
		return []*ir.Value{b.Must("cumsum", op.Args[0].Name, grads, op.Attrs[0], op.Attrs[1], ir.Attr{Name: "reverse", Value: !op.Attrs.Bool("reverse")})}
	},
	// The sum so far is a tensor without the axis; each step of the axis, in its order, stores it and adds to it.
	Lower: func(l *Lowering, op *ir.Op) {
		x, y := l.Buf(op.Args[0]), l.Buf(op.Results[0])
		axis := mustAxis(op.Attrs.Int("axis"), len(x.Shape))
		sum := l.Temp("sum", ir.T(x.Elem, dropAxes(x.Shape, []int{axis}, false)))
		l.mapOver(sum, zeroOf(x.Elem))
		at := plainIndex(len(x.Shape))
		far := loop.Access{Buf: sum, Index: slices.Delete(plainIndex(len(x.Shape)), axis, axis+1)}
		if op.Attrs.Bool("reverse") {
			at[axis] = loop.At(x.Shape[axis].Size-1).Plus(axis, -1, 0)
		}
		v := loop.Read(x, at...)
		out := readAt(far)
		if !op.Attrs.Bool("exclusive") {
			out = loop.E(loop.Add, out, v)
		}
		l.Emit(&loop.Nest{Form: loop.Map, Name: y.Name, Axes: axesOf(x.Shape), Fold: loop.FoldNone,
			Stores: []loop.Store{storeAt(y, out, at...), {To: far, Expr: v, Add: true}}})
	},
	ONNX: ONNX{Name: "CumSum", Min: 11, Max: 25, Attrs: map[string]string{"exclusive": "exclusive", "reverse": "reverse"}, Note: "axis must be a constant"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(7))},
		{Args: f32Types(ir.NS(4, 9)), Attrs: ir.Attrs{{Name: "axis", Value: 1}, {Name: "exclusive", Value: true}}, Batch: 2},
		{Args: f32Types(ir.NS(5)), Attrs: ir.Attrs{{Name: "reverse", Value: true}}},
		{Args: f32Types(ir.S(3, 2, 3)), Attrs: ir.Attrs{{Name: "axis", Value: 0}, {Name: "reverse", Value: true}, {Name: "exclusive", Value: true}}},
		{Args: f32Types(ir.S(1))},
		{Args: f32Types(ir.S(40))},
		{Args: []ir.Type{ir.T(ir.I32, ir.NS(4))}, Batch: 2, Data: map[int][]float64{0: {2147483647, 1, 1, -7, 0, 5, -2147483648, -1}}},
	},
})
