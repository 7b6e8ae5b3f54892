package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
)

// Pad puts a border around a tensor, or cuts one off.
var Pad = Register(&Operator{
	Name: "pad",
	Doc: "Puts a border around the last axes of x [..], or with negative numbers cuts elements off. before and after hold one number for each of the " +
		"last axes: pad(x, [1, 1, 0], [1, 1, 0]) frames an image [N,H,W,C]. The border holds one value (constant), x mirrored at its first and last element (reflect), " +
		"these repeated (edge), or x from its other end (wrap).",
	Formula:  "y[i] = x[i - before] where that exists, else value, or the element that mode names",
	Example:  "framed = pad(image, [2, 2, 0])",
	Category: "tensor",
	Exact:    true,
	Args:     []Arg{{Name: "x", Doc: "any shape and element type"}},
	Attrs: []AttrDef{
		{Name: "before", Doc: "elements to put before each of the last axes, negative to cut off", Kind: []int{}},
		{Name: "after", Doc: "elements to put after each of the last axes; as many as before where it is left out", Default: []int{}},
		{Name: "value", Doc: "what a constant border holds", Default: 0.0},
		{Name: "mode", Doc: "where the border comes from", Default: "constant", Values: []string{"constant", "reflect", "edge", "wrap"}},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if a.Str("mode") != "constant" {
			return nil, fmt.Errorf("pad with mode=%q stands for other operators", a.Str("mode"))
		}
		s, err := padded(args[0], a)
		if err != nil {
			return nil, err
		}
		return []ir.Type{ir.T(args[0].Elem, s)}, nil
	},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		if a.Str("mode") == "constant" {
			return nil, nil
		}
		x := args[0]
		if _, err := padded(x.Type, a); err != nil {
			return nil, err
		}
		before, after := padding(a)
		for i := range before {
			axis := len(x.Type.Shape) - len(before) + i
			if before[i] != 0 || after[i] != 0 {
				x = b.resample("pad", x, axis, borders[a.Str("mode")](x.Type.Shape[axis].Size, before[i], after[i]), 0)
			}
		}
		return []*ir.Value{x}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[0]
		before, after := padding(a)
		lead := len(x.Shape) - len(before)
		shape := append([]int{}, x.Shape...)
		for i := range before {
			shape[lead+i] += before[i] + after[i]
		}
		y := NewTensor(x.Elem, shape...)
		from := make([]int, len(shape))
		eachIndex(shape, func(ix []int) {
			copy(from, ix)
			v, inside := a.Float("value"), true
			for i := range before {
				from[lead+i] = evalBorder(from[lead+i]-before[i], x.Shape[lead+i], a.Str("mode"))
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
	ONNX: ONNX{Name: "Pad", Min: 1, Max: 25, Attrs: map[string]string{"value": "constant_value", "mode": "mode"}, Note: "pads, which must be constants, hold before, then after, of every axis"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(2, 3)), Attrs: ir.Attrs{{Name: "before", Value: []int{1, 2}}}},
		{Args: f32Types(ir.NS(3, 4, 2)), Attrs: ir.Attrs{{Name: "before", Value: []int{0, -1, 2, 0}}, {Name: "after", Value: []int{0, 1, -1, 3}}, {Name: "value", Value: -1.5}}, Batch: 1},
		{Args: f32Types(ir.S(4)), Attrs: ir.Attrs{{Name: "before", Value: []int{-3}}, {Name: "after", Value: []int{0}}}},
		{Args: f32Types(ir.S(2, 3)), Attrs: ir.Attrs{{Name: "before", Value: []int{-2}}, {Name: "after", Value: []int{0}}}},
		{Args: f32Types(ir.S(2, 2)), Attrs: ir.Attrs{{Name: "before", Value: []int{-3, 1}}, {Name: "after", Value: []int{3, 0}}, {Name: "value", Value: 4.0}}},
		{Args: f32Types(ir.NS(2)), Attrs: ir.Attrs{{Name: "before", Value: []int{0}}}},
		{Args: []ir.Type{ir.T(ir.I32, ir.S(3))}, Attrs: ir.Attrs{{Name: "before", Value: 1}, {Name: "after", Value: 0}, {Name: "value", Value: -7}}, Data: map[int][]float64{0: {1, 2, 3}}},
		{Args: []ir.Type{ir.T(ir.Bool, ir.S(2))}, Attrs: ir.Attrs{{Name: "before", Value: 1}, {Name: "mode", Value: "reflect"}}, Data: map[int][]float64{0: {1, 0}}},
		{Args: f32Types(ir.NS(4, 5, 2)), Attrs: bordered("reflect", []int{2, 3, 0}, []int{1, 4, 0}), Batch: 2},
		{Args: f32Types(ir.NS(4, 5, 2)), Attrs: bordered("edge", []int{2, 0, 0}, []int{1, 3, 0}), Batch: 1},
		{Args: f32Types(ir.NS(4, 5, 2)), Attrs: bordered("wrap", []int{1, 3, 0}, []int{2, -2, 0})},
		{Args: f32Types(ir.NS(3)), Attrs: bordered("reflect", []int{7}, []int{9})},
		{Args: f32Types(ir.NS(3)), Attrs: bordered("wrap", []int{7}, []int{9}), Batch: 1},
		{Args: f32Types(ir.S(1, 2)), Attrs: bordered("reflect", []int{2, 0}, []int{1, 0})},
		{Args: f32Types(ir.S(17)), Attrs: bordered("edge", []int{12}, []int{-3})},
	},
})

func bordered(mode string, before, after []int) ir.Attrs {
	return ir.Attrs{{Name: "before", Value: before}, {Name: "after", Value: after}, {Name: "mode", Value: mode}}
}

// evalBorder walks from place i, which may be outside, to the place in an axis of n that a border takes its element from.
func evalBorder(i, n int, mode string) int {
	for mode != "constant" && (i < 0 || i >= n) {
		switch {
		case mode == "edge" && i < 0, n == 1:
			i = 0
		case mode == "edge":
			i = n - 1
		case mode == "wrap" && i < 0:
			i += n
		case mode == "wrap":
			i -= n
		case i < 0:
			i = -i
		default:
			i = 2*(n-1) - i
		}
	}
	return i
}

// padded is the shape of x with its border.
func padded(x ir.Type, a ir.Attrs) (ir.Shape, error) {
	if err := wantAny("pad", "x", x); err != nil {
		return nil, err
	}
	mode := a.Str("mode")
	if err := holds(x.Elem, a.Float("value")); err != nil && mode == "constant" {
		return nil, WithNote("the border has the element type of x", "pad of %s: %v", x, err)
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
		if mode != "constant" && n > maxRows {
			return nil, WithNote("use a narrower border, or a constant one", "pad with mode=%q would bring axis %d of %v to %d elements; the limit is %d", mode, d, x, n, maxRows)
		}
		s[d] = ir.D(int(n))
	}
	if _, ok := s.Elems(); !ok {
		return nil, WithNote("use a narrower border", "pad would give %v, more than the %d elements that a tensor may have", s, ir.MaxElems)
	}
	return s, nil
}

// borders give, for each mode, the matrix that puts a border around an axis of n elements.
var borders = map[string]func(n, before, after int) sparse{
	"edge": func(n, before, after int) sparse {
		return border(n, before, after, func(i int) int { return min(max(i, 0), n-1) })
	},
	"wrap": func(n, before, after int) sparse {
		return border(n, before, after, func(i int) int { return i - floorDiv(i, n)*n })
	},
	"reflect": func(n, before, after int) sparse {
		turn := max(2*(n-1), 1) // there and back
		return border(n, before, after, func(i int) int {
			i -= floorDiv(i, turn) * turn
			return min(i, turn-i, n-1)
		})
	},
}

// border makes a row for each place from -before to n+after, which takes the element that source names.
func border(n, before, after int, source func(int) int) sparse {
	var m sparse
	for i := -before; i < n+after; i++ {
		m = append(m, []entry{{source(i), 1}})
	}
	return m
}

// padding returns both lists of numbers.
func padding(a ir.Attrs) (before, after []int) {
	before, after = a.Ints("before"), a.Ints("after")
	if len(after) == 0 {
		after = before
	}
	return before, after
}
