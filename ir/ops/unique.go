package ops

import (
	"math"
	"slices"
	"sort"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Unique lists the different elements of each example.
var Unique = Register(&Operator{
	Name: "unique",
	Doc: "The different elements of each example, in rising order. A compiled program has fixed shapes, so there is room for as many as an example has elements; what is left over is 0. " +
		"The other results are the first place of each, in row-major order, the number of each element's value among them, how often each occurs, and how many there are. All NaNs count as one and as greater than all numbers. " +
		"With an axis the different parts of an example along it are listed, ordered by the first element at which they differ; values then has the shape of x.",
	Formula:  "values[n, inverse[n, i]] = x[n, i]",
	Example:  "values, first, inverse, times, count = unique(tokens)",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "[N,…]; f32, i32 or i64"}},
	Attrs:    []AttrDef{examplesAttr, {Name: "axis", Doc: "the axis whose parts are compared, counting the batch as 0; the elements are where it is left out", Default: []int{}}},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		switch axis := a.Ints("axis"); len(axis) {
		case 0:
			return nil, nil
		case 1:
			return expandUniqueAxis(b, args[0], a.Int("batch_dims"), axis[0])
		}
		return nil, WithNote("reshape joins axes", "unique runs along one axis, not %v", a.Ints("axis"))
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x, b := args[0], a.Int("batch_dims")
		if err := wantElem("unique", "x", x, numberElem...); err != nil {
			return nil, err
		}
		if err := examples("unique", x, b); err != nil {
			return nil, err
		}
		total, _ := x.Shape[b:].Elems()
		flat := slices.Concat(x.Shape[:b], ir.Shape{total})
		places := ir.T(ir.I32, flat)
		return []ir.Type{ir.T(x.Elem, flat), places, places, places, ir.T(ir.I32, x.Shape[:b])}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		if axis := a.Ints("axis"); len(axis) > 0 {
			return evalUniqueAxis(args[0], a.Int("batch_dims"), axis[0])
		}
		x, lead := args[0], args[0].Shape[:a.Int("batch_dims")]
		count := NewTensor(ir.I32, lead...)
		n := volume(x.Shape[len(lead):])
		flat := slices.Concat(lead, []int{n})
		values, first, inverse, times := NewTensor(x.Elem, flat...), NewTensor(ir.I32, flat...), NewTensor(ir.I32, flat...), NewTensor(ir.I32, flat...)
		for e := range count.Data {
			var list []float64
			same := func(a, b float64) bool { return a == b || a != a && b != b }
			row := x.Data[e*n : (e+1)*n]
			for _, v := range row {
				if !slices.ContainsFunc(list, func(w float64) bool { return same(v, w) }) {
					list = append(list, v)
				}
			}
			sort.Slice(list, func(i, j int) bool { return list[i] < list[j] || math.IsNaN(list[j]) && !math.IsNaN(list[i]) })
			count.Data[e] = float64(len(list))
			for k, v := range list {
				values.Data[e*n+k], first.Data[e*n+k] = v, float64(slices.IndexFunc(row, func(w float64) bool { return same(v, w) }))
				for i, w := range row {
					if same(v, w) {
						inverse.Data[e*n+i] = float64(k)
						times.Data[e*n+k]++
					}
				}
			}
		}
		return []*Tensor{values, first, inverse, times, count}
	},
	NoGrad: "which elements are equal does not change smoothly",
	Lower:  lowerUnique,
	ONNX:   ONNX{Name: "Unique", Min: 11, Max: 25, Note: "sorted=1; places are i32, and results have room for all elements"},
	Samples: append(uniqueAxisSamples(), []Sample{
		{Args: f32Types(ir.NS(6)), Batch: 2, Data: map[int][]float64{0: {2, 1, 2, 3, 1, 1, 0, 5, math.NaN(), math.NaN(), -1, math.Copysign(0, -1)}}},
		{Args: []ir.Type{ir.T(ir.I32, ir.NS(2, 2))}, Batch: 3, Data: map[int][]float64{0: {1, 1, 1, 1, 4, 3, 2, 1, -2147483648, 2147483647, 0, 0}}},
		{Args: []ir.Type{ir.T(ir.I64, ir.S(5))}, Attrs: ir.Attrs{{Name: "batch_dims", Value: 0}}, Data: map[int][]float64{0: {9, -9, 9, 0, 0}}},
		{Args: f32Types(ir.NS())},
	}...),
})

// lowerUnique sorts and then walks the elements in order: whatever differs from the element before it begins a new value. What belongs to the
// rest goes to a place behind the last.
func lowerUnique(l *Lowering, op *ir.Op) {
	b, t := op.Attrs.Int("batch_dims"), op.Results[0].Type
	values, first, inverse, times, count := l.Buf(op.Results[0]), l.Buf(op.Results[1]), l.Buf(op.Results[2]), l.Buf(op.Results[3]), l.Buf(op.Results[4])
	n := t.Shape[b].Size
	x := l.Temp("row", t)
	l.copyReshaped(x, l.Buf(op.Args[0]))
	from, keys := l.order(x, b, n, false)
	room := slices.Concat(t.Shape[:b], ir.S(n+1))
	wide, places := l.Temp("values", ir.T(t.Elem, room)), l.Temp("places", ir.T(ir.I32, room))
	l.mapOver(wide, zeroOf(x.Elem))
	l.mapOver(places, loop.I(0))
	l.mapOver(times, loop.I(0))
	l.mapOver(count, loop.I(0))
	at := plainIndex(b + 1)
	computed := func(buf *loop.Buffer, i *loop.Expr) loop.Access {
		a := loop.Access{Buf: buf, Index: append(plainIndex(b), loop.At(0)), Dyn: make([]*loop.Expr, b+1)}
		a.Dyn[b] = i
		return a
	}
	place := loop.Read(from, at...)
	before := readAt(loop.Access{Buf: keys, Index: append(plainIndex(b), loop.Ax(b).Plus(b, 0, -1)), Dyn: append(make([]*loop.Expr, b), loop.I(0))})
	fresh := loop.E(loop.Or, loop.E(loop.Eq, loop.IndexOf(at[b]), loop.I(0)), loop.E(loop.NotEq, before, loop.Read(keys, at...)))
	found := loop.Access{Buf: count, Index: at[:b]}
	one := loop.E(loop.Select, fresh, loop.I(1), loop.I(0))
	number := loop.E(loop.Sub, loop.E(loop.Add, readAt(found), one), loop.I(1))
	begin := loop.E(loop.Select, fresh, number, loop.I(n))
	l.Emit(&loop.Nest{Form: loop.Gather, Name: values.Name, Axes: axesOf(t.Shape), Fold: loop.FoldNone, Stores: []loop.Store{
		{To: computed(wide, begin), Expr: readAt(computed(x, place))},
		{To: computed(places, begin), Expr: place},
		{To: computed(inverse, place), Expr: number},
		{To: computed(times, number), Expr: loop.I(1), Add: true},
		{To: found, Expr: one, Add: true},
	}})
	l.firstOf(values, wide)
	l.firstOf(first, places)
}

// zeroOf is 0 as a cell of that type.
func zeroOf(cell ir.DType) *loop.Expr {
	if cell == ir.F32 {
		return loop.F(0)
	}
	return loop.I(0)
}
