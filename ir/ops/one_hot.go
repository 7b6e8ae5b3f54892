package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// OneHot turns whole numbers into vectors with one element that stands out.
var OneHot = Register(&Operator{
	Name: "one_hot",
	Doc: "A vector of depth elements for each whole number: on at the place that it names, off elsewhere. Negative numbers count from the end; one that is out of range even so " +
		"gives a vector of off alone.",
	Formula:  "y[n.., c] = x[n..] == c ? on : off",
	Example:  "target = one_hot(label, 10)",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "i32 or i64, any shape"}},
	Attrs: []AttrDef{
		{Name: "depth", Doc: "length of the vectors", Kind: 0},
		{Name: "axis", Doc: "where the new axis stands in the result; -1 is the last", Default: -1},
		{Name: "on", Doc: "the element that stands out", Default: 1.0},
		{Name: "off", Doc: "all others", Default: 0.0},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x, depth := args[0], a.Int("depth")
		if err := wantElem("one_hot", "x", x, ir.I32, ir.I64); err != nil {
			return nil, err
		}
		if depth < 1 || depth > ir.MaxElems {
			return nil, WithNote("depth is how many classes there are: one_hot(label, 10)", "one_hot cannot make vectors of %d elements", depth)
		}
		axis := a.Int("axis")
		if axis < 0 {
			axis += len(x.Shape) + 1
		}
		if axis < 0 || axis > len(x.Shape) || axis == 0 && len(x.Shape) > 0 && !x.Shape[0].Static() {
			return nil, WithNote("axis=-1 is the last", "one_hot cannot put its new axis at %d of %s", a.Int("axis"), x)
		}
		s := slices.Insert(slices.Clone(x.Shape), axis, ir.D(depth))
		if _, ok := s.Elems(); !ok {
			return nil, WithNote("an embedding needs no such vectors", "one_hot would give %s, more than %d elements", s, ir.MaxElems)
		}
		return []ir.Type{ir.T(ir.F32, s)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, depth := args[0], a.Int("depth")
		axis := mustAxis(a.Int("axis"), len(x.Shape)+1)
		y := NewTensor(ir.F32, slices.Insert(slices.Clone(x.Shape), axis, depth)...)
		n := 0
		eachIndex(y.Shape, func(ix []int) {
			v := x.Data[x.at(slices.Delete(slices.Clone(ix), axis, axis+1))]
			if y.Data[n] = a.Float("off"); v == float64(ix[axis]) || v+float64(depth) == float64(ix[axis]) {
				y.Data[n] = a.Float("on")
			}
			n++
		})
		return []*Tensor{y}
	},
	NoGrad: "its operand is a whole number",
	Lower: func(l *Lowering, op *ir.Op) {
		x, y, depth := l.Buf(op.Args[0]), l.Buf(op.Results[0]), op.Attrs.Int("depth")
		axis := mustAxis(op.Attrs.Int("axis"), len(y.Shape))
		at := plainIndex(len(y.Shape))
		hit := loop.E(loop.Eq, loop.IndexOf(at[axis]), fromEnd(loop.Read(x, slices.Delete(slices.Clone(at), axis, axis+1)...), depth))
		l.mapOver(y, loop.E(loop.Select, hit, loop.F(op.Attrs.Float("on")), loop.F(op.Attrs.Float("off"))))
	},
	ONNX: ONNX{Name: "OneHot", Min: 9, Max: 25, Attrs: map[string]string{"axis": "axis"},
		Note: "depth and values must be constants: values holds off, then on; the result is f32"},
	Samples: []Sample{
		{Args: []ir.Type{ir.T(ir.I32, ir.NS())}, Attrs: ir.Attrs{{Name: "depth", Value: 4}}, Data: map[int][]float64{0: {0, 3, -1}}},
		{Args: []ir.Type{ir.T(ir.I64, ir.NS(2))}, Attrs: ir.Attrs{{Name: "depth", Value: 9}, {Name: "axis", Value: 1}, {Name: "on", Value: 2.5}, {Name: "off", Value: -1.0}},
			Batch: 2, Data: map[int][]float64{0: {8, -9, 9, -10}}},
		{Args: []ir.Type{ir.T(ir.I32, nil)}, Attrs: ir.Attrs{{Name: "depth", Value: 1}}, Data: map[int][]float64{0: {0}}},
		{Args: []ir.Type{ir.T(ir.I32, ir.S(4))}, Attrs: ir.Attrs{{Name: "depth", Value: 3}, {Name: "axis", Value: 0}},
			Data: map[int][]float64{0: {2, 2147483647, -2147483648, 1}}},
	},
})
