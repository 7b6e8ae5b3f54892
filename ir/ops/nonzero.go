package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// NonZero lists the places of elements that are not zero.
var NonZero = Register(&Operator{
	Name: "nonzero",
	Doc: "The places of the elements of each example that are not 0, in row-major order: a column of whole numbers for each, one for each axis. A compiled program has fixed shapes, so there " +
		"are size columns: those left over are fill, and what does not fit is left out. The second result is how many there are in truth. NaN is not 0.",
	Formula:  "x[n, y[n,0,k], y[n,1,k], …] ≠ 0 for k < count[n]",
	Example:  "places, count = nonzero(mask, size=16)",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "[N,d1,…,dr]; any type"}},
	Attrs: []AttrDef{
		{Name: "size", Doc: "how many places to list at most", Kind: 0},
		{Name: "fill", Doc: "what stands in columns that are left over", Default: -1},
		examplesAttr,
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x, size := args[0], a.Int("size")
		if err := wantElem("nonzero", "x", x, everyElem...); err != nil {
			return nil, err
		}
		b := a.Int("batch_dims")
		if err := examples("nonzero", x, b); err != nil {
			return nil, err
		}
		rank, lead := len(x.Shape)-b, x.Shape[:b]
		if rank == 0 {
			return nil, WithNote("reshape gives it one", "nonzero needs at least one axis in an example, but its operand is %s", x)
		}
		if size < 1 || size > ir.MaxElems {
			return nil, WithNote("it is how many places to list at most", "nonzero cannot have size=%d", size)
		}
		if n := float64(a.Int("fill")); holds(ir.I32, n) != nil {
			return nil, WithNote("places are i32", "nonzero cannot have fill=%v", n)
		}
		s := slices.Concat(lead, ir.S(rank, size))
		if _, ok := s.Elems(); !ok {
			return nil, WithNote("choose a smaller size", "nonzero would give %s, more than %d elements", s, ir.MaxElems)
		}
		return []ir.Type{ir.T(ir.I32, s), ir.T(ir.I32, lead)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, size, b := args[0], a.Int("size"), a.Int("batch_dims")
		rank, one := len(x.Shape)-b, 1
		for _, d := range x.Shape[b:] {
			one *= d
		}
		y, count := NewTensor(ir.I32, slices.Concat(x.Shape[:b], []int{rank, size})...), NewTensor(ir.I32, x.Shape[:b]...)
		for i := range y.Data {
			y.Data[i] = float64(a.Int("fill"))
		}
		n := 0
		eachIndex(x.Shape, func(ix []int) {
			if e := n / one; x.Data[n] != 0 {
				k := int(count.Data[e])
				for d := 0; d < rank && k < size; d++ {
					y.Data[(e*rank+d)*size+k] = float64(ix[b+d])
				}
				count.Data[e]++
			}
			n++
		})
		return []*Tensor{y, count}
	},
	NoGrad: "its results are whole numbers",
	// One nest walks the elements in order and stores the place of each that is not 0 behind those that were found so far; all others go to
	// a column behind the last.
	Lower: func(l *Lowering, op *ir.Op) {
		x, count, size := l.Buf(op.Args[0]), l.Buf(op.Results[1]), op.Attrs.Int("size")
		b, t := op.Attrs.Int("batch_dims"), op.Results[0].Type
		wide := l.Temp("wide", ir.T(ir.I32, slices.Concat(t.Shape[:b+1], ir.S(size+1))))
		l.mapOver(wide, loop.I(op.Attrs.Int("fill")))
		l.mapOver(count, loop.I(0))
		at := plainIndex(len(x.Shape))
		found := loop.Access{Buf: count, Index: at[:b]}
		hit := loop.E(loop.NotEq, loop.Read(x, at...), zeroOf(x.Elem))
		column := loop.E(loop.Select, hit, loop.E(loop.Min, readAt(found), loop.I(size)), loop.I(size))
		var stores []loop.Store
		for d := b; d < len(x.Shape); d++ {
			to := loop.Access{Buf: wide, Index: append(plainIndex(b), loop.At(d-b), loop.At(0)), Dyn: make([]*loop.Expr, b+2)}
			to.Dyn[b+1] = column
			stores = append(stores, loop.Store{To: to, Expr: loop.IndexOf(at[d])})
		}
		stores = append(stores, loop.Store{To: found, Expr: loop.E(loop.Select, hit, loop.I(1), loop.I(0)), Add: true})
		l.Emit(&loop.Nest{Form: loop.Gather, Name: wide.Name, Axes: axesOf(x.Shape), Fold: loop.FoldNone, Stores: stores})
		l.firstOf(l.Buf(op.Results[0]), wide)
	},
	ONNX: ONNX{Name: "NonZero", Min: 9, Max: 25, Note: "size must bound the number of places; the result is i32 and holds size columns"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(5)), Attrs: ir.Attrs{{Name: "size", Value: 3}}, Batch: 3,
			Data: map[int][]float64{0: {0, 1, 0, -2, 0, 1, 1, 1, 1, 1, 0, 0, math.Copysign(0, -1), 0, math.NaN()}}},
		{Args: f32Types(ir.NS(2, 3)), Attrs: ir.Attrs{{Name: "size", Value: 6}}, Batch: 2, Data: map[int][]float64{0: {0, 1, 0, 2, 0, 1, 1, 1, 1, 1, 0, 0}}},
		{Args: []ir.Type{ir.T(ir.Bool, ir.S(2, 2, 2))}, Attrs: ir.Attrs{{Name: "size", Value: 9}, {Name: "fill", Value: 7}, {Name: "batch_dims", Value: 0}},
			Data: map[int][]float64{0: {1, 0, 0, 1, 1, 0, 0, 1}}},
		{Args: []ir.Type{ir.T(ir.I32, ir.S(4))}, Attrs: ir.Attrs{{Name: "size", Value: 1}, {Name: "batch_dims", Value: 0}}, Data: map[int][]float64{0: {0, 0, -5, 1}}},
	},
})

// examplesAttr says how much of a shape is the batch.
var examplesAttr = AttrDef{Name: "batch_dims", Doc: "how many leading axes count the examples: 1 is the batch, 0 where there is none", Default: 1}

// examples checks that b leading axes of t count the examples.
func examples(op string, t ir.Type, b int) error {
	if b < 0 || b > len(t.Shape) {
		return fmt.Errorf("%s cannot have batch_dims=%d for %s, which has %d axes", op, b, t, len(t.Shape))
	}
	if b == 0 && len(t.Shape) > 0 && !t.Shape[0].Static() {
		return WithNote("leave batch_dims out: each example is then taken by itself", "%s cannot take the examples of %s as one", op, t)
	}
	return nil
}

// firstOf copies the elements of x that y has room for.
func (l *Lowering) firstOf(y, x *loop.Buffer) {
	at := plainIndex(len(y.Shape))
	l.Emit(&loop.Nest{Form: loop.Copy, Name: y.Name, Axes: axesOf(y.Shape), Fold: loop.FoldNone, Stores: []loop.Store{storeAt(y, loop.Read(x, at...), at...)}})
}
