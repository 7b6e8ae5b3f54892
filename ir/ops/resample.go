package ops

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// Resample makes each element along an axis a weighted sum of elements of its operand: a sparse matrix, known at compile time, applied along
// the axis. Resizing, borders and repetition are no more than this, and so are their gradients.
var Resample = Register(&Operator{
	Name: "resample",
	Doc: "Applies a sparse matrix to one axis of x. Element o of the result is the sum of counts[o] elements of x, which index names, each times its weight; " +
		"index and weights list those of element 0, then those of element 1, and so on. Without weights all are 1. An element with a count of 0 is fill.",
	Formula:  "y[…, o, …] = Σ_t weights[o, t] * x[…, index[o, t], …]",
	Example:  "y = resample(x, axis=1, counts=[1, 1], index=[0, 0])",
	Category: "tensor",
	Internal: true,
	Args:     []Arg{{Name: "x", Doc: "any shape; any element type where nothing is added or weighted"}},
	Attrs: []AttrDef{
		{Name: "axis", Doc: "the axis, from 0", Kind: 0},
		{Name: "counts", Doc: "how many elements of x each element of the result adds", Kind: []int{}},
		{Name: "index", Doc: "which ones", Kind: []int{}},
		{Name: "weights", Doc: "their weights; empty for 1", Default: []float64{}},
		{Name: "fill", Doc: "the element that adds none", Default: 0.0},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x, axis, counts, index, weights := args[0], a.Int("axis"), a.Ints("counts"), a.Ints("index"), a.Floats("weights")
		if err := wantAny("resample", "x", x); err != nil {
			return nil, err
		}
		if axis < 0 || axis >= len(x.Shape) || !x.Shape[axis].Static() {
			return nil, fmt.Errorf("resample of %s has no axis %d of known extent", x, axis)
		}
		total, sums := 0, len(weights) > 0
		for _, n := range counts {
			if n < 0 || n > len(index)-total {
				return nil, fmt.Errorf("resample: counts and index do not fit together")
			}
			total += n
			sums = sums || n > 1
		}
		if total != len(index) || len(counts) == 0 || len(weights) > 0 && len(weights) != total {
			return nil, fmt.Errorf("resample: counts, index and weights do not fit together")
		}
		if sums && x.Elem != ir.F32 {
			return nil, fmt.Errorf("resample adds elements of f32, not of %s", x)
		}
		for _, i := range index {
			if i < 0 || i >= x.Shape[axis].Size {
				return nil, fmt.Errorf("resample of %s: axis %d has no element %d", x, axis, i)
			}
		}
		s := slices.Clone(x.Shape)
		s[axis] = ir.D(len(counts))
		if _, ok := s.Elems(); !ok {
			return nil, fmt.Errorf("resample: %s has more than %d elements", s, ir.MaxElems)
		}
		return []ir.Type{ir.T(x.Elem, s)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, axis, counts := args[0], a.Int("axis"), a.Ints("counts")
		shape := slices.Clone(x.Shape)
		shape[axis] = len(counts)
		y, at := NewTensor(x.Elem, shape...), 0
		from := make([]int, len(shape))
		for o, n := range counts {
			eachIndex(shape, func(ix []int) {
				if ix[axis] != o {
					return
				}
				copy(from, ix)
				sum := a.Float("fill")
				for t := range n {
					if t == 0 {
						sum = 0
					}
					w := 1.0
					if list := a.Floats("weights"); len(list) > 0 {
						w = list[at+t]
					}
					from[axis] = a.Ints("index")[at+t]
					sum += w * x.Data[x.at(from)]
				}
				y.Data[y.at(ix)] = sum
			})
			at += n
		}
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil}
		}
		axis := op.Attrs.Int("axis")
		m := newSparse(op.Attrs).transposed(op.Args[0].Type.Shape[axis].Size)
		return []*ir.Value{b.resample(op.Args[0].Name+".grad", grads[0], axis, m, 0)}
	},
	Lower: lowerResample,
	Samples: []Sample{
		{Args: f32Types(ir.NS(3)), Attrs: resampled(1, nil, []int{0, 0}, []int{2}, []int{1}, []int{1}, []int{2}, []int{0})},
		{Args: f32Types(ir.NS(4, 3)), Attrs: resampled(1, nil, []int{0}, []int{0}, []int{1}, []int{1}, []int{2}, []int{2}, []int{3}, []int{3}), Batch: 2},
		{Args: f32Types(ir.NS(3, 4)), Attrs: resampled(2, nil, []int{1}, []int{0}, []int{0}, []int{1}, []int{2}, []int{3}, []int{3}, []int{2}), Batch: 1},
		{Args: f32Types(ir.NS(6, 2)), Attrs: resampled(1, []float64{0.5}, []int{0, 1, 2}, []int{1, 2, 3}, []int{2, 3, 4}, []int{3, 4, 5}, nil, []int{5})},
		{Args: f32Types(ir.NS(32, 3)), Attrs: resampled(1, nil, ramp(0, 16), ramp(16, 32)), Batch: 2},
		{Args: f32Types(ir.NS(33, 5)), Attrs: resampled(1, []float64{0.5, -1, 2}, ramp(0, 12), ramp(3, 15), ramp(6, 18), ramp(9, 21), ramp(12, 24)), Batch: 1},
		{Args: f32Types(ir.NS(11, 5)), Attrs: resampled(1, []float64{0.25, 0.75, 1}, []int{0, 1}, []int{0, 1}, []int{1, 2}, []int{3, 4}, []int{3, 4, 5}, []int{6, 9}, []int{5, 10},
			[]int{8}, []int{7, 9}, []int{3, 1}, []int{0}, nil, []int{4, 9}, []int{10, 2})},
		{Args: f32Types(ir.S(11, 3)), Attrs: resampled(0, nil, []int{3}, []int{1}, []int{4}, []int{1}, []int{5}, []int{9}, []int{2}, []int{6}, []int{5}, []int{3}, []int{5}, []int{8}, []int{9}, []int{7})},
		{Args: f32Types(ir.S(40)), Attrs: resampled(0, nil, append(ramp(0, 20), 5), append(ramp(20, 40), 11), []int{3})},
		{Args: []ir.Type{ir.T(ir.I32, ir.S(3))}, Attrs: append(resampled(0, nil, []int{2}, nil, []int{0}), ir.Attr{Name: "fill", Value: 7}), Data: map[int][]float64{0: {1, -2, 3}}},
	},
})

// resampled makes the attributes of a sample: rows of indices, with weights by turns.
func resampled(axis int, weights []float64, rows ...[]int) ir.Attrs {
	var counts, index []int
	var w []float64
	for _, r := range rows {
		counts, index = append(counts, len(r)), append(index, r...)
		for i := range r {
			if len(weights) > 0 {
				w = append(w, weights[i%len(weights)])
			}
		}
	}
	list := ir.Attrs{{Name: "axis", Value: axis}, {Name: "counts", Value: counts}, {Name: "index", Value: index}}
	if w != nil {
		list = append(list, ir.Attr{Name: "weights", Value: w})
	}
	return list
}

// ramp lists the numbers from first up to last, which it leaves out.
func ramp(first, last int) []int {
	var list []int
	for i := first; i < last; i++ {
		list = append(list, i)
	}
	return list
}

// maxRows bounds the rows of a matrix that an operator expands to, since they are listed.
const maxRows = 1 << 20

// sparse is a matrix by rows, of which each lists its entries.
type sparse [][]entry

// entry is one element of a sparse matrix: its column and what it holds.
type entry struct {
	column int
	weight float64
}

// newSparse reads the matrix of a resample.
func newSparse(a ir.Attrs) sparse {
	index, weights := a.Ints("index"), a.Floats("weights")
	var m sparse
	at := 0
	for _, n := range a.Ints("counts") {
		row := make([]entry, n)
		for t := range row {
			row[t] = entry{index[at], 1}
			if len(weights) > 0 {
				row[t].weight = weights[at]
			}
			at++
		}
		m = append(m, row)
	}
	return m
}

// transposed returns the transposed matrix of one with that many columns.
func (m sparse) transposed(columns int) sparse {
	t := make(sparse, columns)
	for o, row := range m {
		for _, e := range row {
			t[e.column] = append(t[e.column], entry{o, e.weight})
		}
	}
	return t
}

// attrs writes the matrix as the attributes of a resample.
func (m sparse) attrs(axis int, fill float64) []ir.Attr {
	counts, index, weights := make([]int, len(m)), []int{}, []float64{}
	plain := true
	for o, row := range m {
		counts[o] = len(row)
		for _, e := range row {
			index, weights = append(index, e.column), append(weights, e.weight)
			plain = plain && e.weight == 1
		}
	}
	if plain {
		weights = []float64{}
	}
	return []ir.Attr{{Name: "axis", Value: axis}, {Name: "counts", Value: counts}, {Name: "index", Value: index}, {Name: "weights", Value: weights},
		{Name: "fill", Value: fill}}
}

// resample applies m to an axis of x. Where m is the identity it returns x.
func (b *Builder) resample(name string, x *ir.Value, axis int, m sparse, fill float64) *ir.Value {
	same := x.Type.Shape[axis] == ir.D(len(m))
	for o, row := range m {
		same = same && len(row) == 1 && row[0] == entry{o, 1}
	}
	if same {
		return x
	}
	return b.Must("resample", name, []*ir.Value{x}, m.attrs(axis, fill)...)
}
