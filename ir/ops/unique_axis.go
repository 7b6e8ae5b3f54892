package ops

import (
	"math"
	"slices"
	"sort"

	"github.com/dlc-ml/dlc/ir"
)

// mostCompared bounds the comparisons of unique along an axis: every part with every other, element by element.
const mostCompared = 1 << 24

// expandUniqueAxis is unique along an axis by comparisons of all pairs of its parts. A part comes before another where it is less at the first
// element at which they differ; the number of a part is that of the first ones of their kind that come before it.
func expandUniqueAxis(b *Builder, x *ir.Value, lead, axis int) ([]*ir.Value, error) {
	perm, err := uniqueOrder(x.Type, lead, axis)
	if err != nil {
		return nil, err
	}
	moved := b.Must("transpose", x.Name, []*ir.Value{x}, ir.Attr{Name: "perm", Value: perm})
	k, m := moved.Type.Shape[lead].Size, 1
	for _, d := range moved.Type.Shape[lead+1:] {
		m *= d.Size
	}
	at := func(dims ...int) ir.Shape { return slices.Concat(x.Type.Shape[:lead], ir.S(dims...)) }
	parts := b.reshapeTo("parts", moved, at(k, m))
	differs, before := b.compareParts(b.reshapeTo("one", parts, at(k, 1, m)), b.reshapeTo("other", parts, at(1, k, m)))
	same := b.apply("logical_not", differs)
	first := b.Must("argmax", "first", []*ir.Value{b.cast(same, ir.I32)}, ir.Attr{Name: "axis", Value: -1})
	places := b.Must("range", "places", nil, ir.Attr{Name: "limit", Value: float64(k)}, ir.Attr{Name: "elem", Value: "i32"})
	fresh := b.apply("equal", first, places)
	sum := func(v *ir.Value) *ir.Value {
		return b.Must("reduce_sum", "sum", []*ir.Value{b.cast(v, ir.I32)}, ir.Attr{Name: "axes", Value: []int{-1}})
	}
	inverse := sum(b.apply("logical_and", before, b.reshapeTo("fresh", fresh, at(1, k))))
	count := sum(fresh)
	put := func(v *ir.Value, how string) *ir.Value {
		return b.Must("scatter_elements", "unique", []*ir.Value{b.zeros(inverse), inverse, v}, ir.Attr{Name: "axis", Value: lead}, ir.Attr{Name: "reduction", Value: how})
	}
	times, firsts := put(b.cast(b.apply("equal", inverse, inverse), ir.I32), "add"), put(first, "none")
	values := b.Must("gather", "values", []*ir.Value{parts, firsts}, ir.Attr{Name: "axis", Value: lead}, ir.Attr{Name: "batch_dims", Value: lead})
	used := b.apply("less", b.reshapeTo("places", places, ir.S(k, 1)), b.reshapeTo("count", count, at(1, 1)))
	values = b.where(used, values, b.cast(b.scalar(0), x.Type.Elem))
	back := make([]int, len(perm))
	for i, p := range perm {
		back[p] = i
	}
	values = b.Must("transpose", "values", []*ir.Value{b.reshapeTo("values", values, moved.Type.Shape)}, ir.Attr{Name: "perm", Value: back})
	return []*ir.Value{values, firsts, inverse, times, count}, nil
}

// uniqueOrder checks the operand and returns the order of its axes with the one that is compared behind the leading ones.
func uniqueOrder(x ir.Type, lead, axis int) ([]int, error) {
	if err := wantElem("unique", "x", x, numberElem...); err != nil {
		return nil, err
	}
	if err := examples("unique", x, lead); err != nil {
		return nil, err
	}
	axis, err := plainAxis("unique", axis, x.Shape)
	if err != nil {
		return nil, err
	}
	if axis < lead {
		return nil, WithNote("axes count the batch as 0", "unique of %s cannot run along axis %d, which says which example it is", x, axis)
	}
	perm, m := append(plainInts(lead), axis), 1
	for i := lead; i < len(x.Shape); i++ {
		if i != axis {
			perm, m = append(perm, i), m*x.Shape[i].Size
		}
	}
	if k := x.Shape[axis].Size; k > mostCompared/k/m {
		return nil, WithNote("unique without an axis sorts, and takes any number of elements", "unique along axis %d of %s would compare %d parts with each other, more than %d elements", axis, x, k, mostCompared)
	}
	return perm, nil
}

// compareParts tells, of each pair of parts [.., K, 1, M] and [.., 1, K, M], whether they differ and whether the other comes before the one.
func (b *Builder) compareParts(one, other *ir.Value) (differs, before *ir.Value) {
	differs, before = b.apply("not_equal", one, other), b.apply("less", other, one)
	if one.Type.Elem.Float() {
		nan, nanOther := b.apply("isnan", one), b.apply("isnan", other)
		differs = b.apply("logical_and", differs, b.apply("logical_not", b.apply("logical_and", nan, nanOther)))
		before = b.apply("logical_or", before, b.apply("logical_and", nan, b.apply("logical_not", nanOther)))
	}
	seen := b.Must("cumsum", "seen", []*ir.Value{b.cast(differs, ir.I32)}, ir.Attr{Name: "axis", Value: -1}, ir.Attr{Name: "exclusive", Value: true})
	some := func(v *ir.Value) *ir.Value {
		return b.Must("reduce_any", "any", []*ir.Value{v}, ir.Attr{Name: "axes", Value: []int{-1}})
	}
	return some(differs), some(b.apply("logical_and", before, b.apply("equal", seen, b.cast(b.scalar(0), ir.I32))))
}

// plainInts are 0, 1 … n-1.
func plainInts(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// evalUniqueAxis sorts the parts naively.
func evalUniqueAxis(x *Tensor, lead, axis int) []*Tensor {
	axis = mustAxis(axis, len(x.Shape))
	front, k := x.Shape[:lead], x.Shape[axis]
	flat := append(slices.Clone(front), k)
	values := NewTensor(x.Elem, x.Shape...)
	first, inverse, times, count := NewTensor(ir.I32, flat...), NewTensor(ir.I32, flat...), NewTensor(ir.I32, flat...), NewTensor(ir.I32, front...)
	same := func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
	less := func(a, b []float64) bool {
		for i := range a {
			if !same(a[i], b[i]) {
				return a[i] < b[i] || math.IsNaN(b[i])
			}
		}
		return false
	}
	for e := range count.Data {
		parts, from := make([][]float64, k), make([][]int, k)
		eachIndex(x.Shape, func(ix []int) {
			n, at := 0, 0
			for i, d := range x.Shape {
				if at = at*d + ix[i]; i < lead {
					n = n*d + ix[i]
				}
			}
			if n == e {
				parts[ix[axis]], from[ix[axis]] = append(parts[ix[axis]], x.Data[at]), append(from[ix[axis]], at)
			}
		})
		var list []int
		for i, p := range parts {
			if !slices.ContainsFunc(list, func(j int) bool { return slices.EqualFunc(parts[j], p, same) }) {
				list = append(list, i)
			}
		}
		sort.Slice(list, func(i, j int) bool { return less(parts[list[i]], parts[list[j]]) })
		count.Data[e] = float64(len(list))
		for number, i := range list {
			first.Data[e*k+number] = float64(i)
			for at, v := range parts[i] {
				values.Data[from[number][at]] = v
			}
			for j, p := range parts {
				if slices.EqualFunc(p, parts[i], same) {
					inverse.Data[e*k+j] = float64(number)
					times.Data[e*k+number]++
				}
			}
		}
	}
	return []*Tensor{values, first, inverse, times, count}
}

// uniqueAxisSamples have equal parts, NaN, and axes in the middle.
func uniqueAxisSamples() []Sample {
	along := func(axis int, more ...ir.Attr) ir.Attrs {
		return append(ir.Attrs{{Name: "axis", Value: []int{axis}}}, more...)
	}
	nan := math.NaN()
	return []Sample{
		{Args: f32Types(ir.NS(4, 2)), Attrs: along(1), Batch: 2, Data: map[int][]float64{0: {2, 1, 0, 5, 2, 1, 0, 4, nan, 1, nan, 0, nan, 1, math.Inf(-1), nan}}},
		{Args: []ir.Type{ir.T(ir.I32, ir.NS(2, 3))}, Attrs: along(-1), Batch: 2, Data: map[int][]float64{0: {3, 1, 3, 0, 2, 0, -1, -1, -1, 7, 7, 7}}},
		{Args: []ir.Type{ir.T(ir.I64, ir.S(3, 2, 2))}, Attrs: along(0, ir.Attr{Name: "batch_dims", Value: 0}), Data: map[int][]float64{0: {1, 2, 3, 4, 1, 2, 3, 3, 1, 2, 3, 4}}},
		{Args: f32Types(ir.NS(5)), Attrs: along(1), Batch: 1, Data: map[int][]float64{0: {0, 3, math.Copysign(0, -1), 3, 1}}},
	}
}
