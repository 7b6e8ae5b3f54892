package ops

import (
	"github.com/dlc-ml/dlc/ir"
)

// Pad puts a border around a tensor, or cuts one off.
var Pad = Register(&Operator{
	Name: "pad",
	Doc: "Puts a border of one value around the last axes of x [..], or with negative numbers cuts elements off. before and after hold one number for each of the " +
		"last axes: pad(x, [1, 1, 0], [1, 1, 0]) frames an image [N,H,W,C].",
	Formula:  "y[i] = x[i - before] where that exists, else value",
	Example:  "framed = pad(image, [2, 2, 0])",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "f32, any shape"}},
	Attrs: []AttrDef{
		{Name: "before", Doc: "elements to put before each of the last axes, negative to cut off", Kind: []int{}},
		{Name: "after", Doc: "elements to put after each of the last axes; as many as before where it is left out", Default: []int{}},
		{Name: "value", Doc: "what the border holds", Default: 0.0},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x := args[0]
		if err := wantElem("pad", "x", x, ir.F32); err != nil {
			return nil, err
		}
		before, after := padding(a)
		if len(before) == 0 || len(before) > len(x.Shape) || len(after) != len(before) {
			return nil, WithNote("write one number for each of the last axes in both lists", "pad has %d numbers before and %d after, for %v of %d axes",
				len(before), len(after), x, len(x.Shape))
		}
		s := append(ir.Shape{}, x.Shape...)
		for i := range before {
			d := len(s) - len(before) + i
			if before[i] == 0 && after[i] == 0 {
				continue
			}
			if !s[d].Static() {
				return nil, WithNote("write 0 for the batch, or leave it out", "pad cannot lengthen the axis %v of %v, whose extent is known only at run time", s[d], x)
			}
			if max(before[i], after[i]) > ir.MaxElems || min(before[i], after[i]) < -ir.MaxElems {
				return nil, WithNote("the limit is 2147483647 elements on either side", "pad cannot add %d and %d elements", before[i], after[i])
			}
			n := int64(s[d].Size) + int64(before[i]) + int64(after[i])
			if n < 1 || n > ir.MaxElems {
				return nil, WithNote("at least one element must be left", "pad would bring axis %d of %v to %d elements", d, x, n)
			}
			s[d] = ir.D(int(n))
		}
		if _, ok := s.Elems(); !ok {
			return nil, WithNote("use a narrower border", "pad would give %v, more than the %d elements that a tensor may have", s, ir.MaxElems)
		}
		return []ir.Type{ir.T(ir.F32, s)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[0]
		before, after := padding(a)
		lead := len(x.Shape) - len(before)
		shape := append([]int{}, x.Shape...)
		for i := range before {
			shape[lead+i] += before[i] + after[i]
		}
		y := NewTensor(ir.F32, shape...)
		from := make([]int, len(shape))
		eachIndex(shape, func(ix []int) {
			copy(from, ix)
			v, inside := a.Float("value"), true
			for i := range before {
				from[lead+i] -= before[i]
				inside = inside && from[lead+i] >= 0 && from[lead+i] < x.Shape[lead+i]
			}
			if inside {
				v = x.Data[x.at(from)]
			}
			y.Data[y.at(ix)] = v
		})
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil}
		}
		before, after := padding(op.Attrs)
		negative := func(v []int) []int {
			n := make([]int, len(v))
			for i := range v {
				n[i] = -v[i]
			}
			return n
		}
		return []*ir.Value{b.Must("pad", op.Args[0].Name+".grad", grads[:1],
			ir.Attr{Name: "before", Value: negative(before)}, ir.Attr{Name: "after", Value: negative(after)})}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		before, _ := padding(op.Attrs)
		x, y := op.Args[0], op.Results[0]
		at := make([]placement, len(x.Type.Shape))
		for i := range before {
			// A symbolic axis has nothing before or after it and keeps the zero placement.
			if d := len(at) - len(before) + i; x.Type.Shape[d].Static() {
				at[d] = placement{y.Type.Shape[d].Size, 1, before[i]}
			}
		}
		scatterInto(l, l.Buf(y), l.Buf(x), at, op.Attrs.Float("value"))
	},
	ONNX: ONNX{Name: "Pad", Min: 1, Max: 23, Attrs: map[string]string{"value": "constant_value"}, Note: "mode constant; pads holds before, then after, of every axis"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(2, 3)), Attrs: ir.Attrs{{Name: "before", Value: []int{1, 2}}}},
		{Args: f32Types(ir.NS(3, 4, 2)), Attrs: ir.Attrs{{Name: "before", Value: []int{0, -1, 2, 0}}, {Name: "after", Value: []int{0, 1, -1, 3}}, {Name: "value", Value: -1.5}}, Batch: 1},
		{Args: f32Types(ir.S(4)), Attrs: ir.Attrs{{Name: "before", Value: []int{-3}}, {Name: "after", Value: []int{0}}}},
		{Args: f32Types(ir.S(2, 3)), Attrs: ir.Attrs{{Name: "before", Value: []int{-2}}, {Name: "after", Value: []int{0}}}},
		{Args: f32Types(ir.S(2, 2)), Attrs: ir.Attrs{{Name: "before", Value: []int{-3, 1}}, {Name: "after", Value: []int{3, 0}}, {Name: "value", Value: 4.0}}},
		{Args: f32Types(ir.NS(2)), Attrs: ir.Attrs{{Name: "before", Value: []int{0}}}},
	},
})

// padding returns both lists of numbers.
func padding(a ir.Attrs) (before, after []int) {
	before, after = a.Ints("before"), a.Ints("after")
	if len(after) == 0 {
		after = before
	}
	return before, after
}
