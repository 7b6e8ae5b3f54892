package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Tile repeats a tensor as a whole.
var Tile = Register(&Operator{
	Name:     "tile",
	Doc:      "Repeats x along its last axes, as a whole: [a, b] twice is [a, b, a, b].",
	Formula:  "y[…, r*I + i, …] = x[…, i, …]",
	Example:  "pattern = tile(x, [2, 3])",
	Category: "tensor",
	Spreads:  always,
	Same:     keepsShape,
	Exact:    true,
	Args:     []Arg{{Name: "x", Doc: "any shape and element type"}},
	Attrs:    []AttrDef{{Name: "repeats", Doc: "how often x is repeated along each of its last axes; the batch once", Kind: []int{}}},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x, repeats := args[0], a.Ints("repeats")
		if err := wantAny("tile", "x", x); err != nil {
			return nil, err
		}
		if len(repeats) > len(x.Shape) {
			return nil, WithNote("write one number for each of the last axes; unsqueeze puts in new ones", "tile of %s has %d repeats for %d axes", x, len(repeats), len(x.Shape))
		}
		s := slices.Clone(x.Shape)
		for i, r := range repeats {
			axis := len(s) - len(repeats) + i
			if r < 1 || r > ir.MaxElems {
				return nil, WithNote("1 leaves an axis as it is", "tile cannot repeat %d times", r)
			}
			if !s[axis].Static() && r != 1 {
				return nil, WithNote("write 1 for the batch, or leave it out", "tile cannot repeat the batch of %s", x)
			}
			s[axis].Size *= r // both below 2^31
		}
		if _, ok := s.Elems(); !ok {
			return nil, WithNote("repeat less often", "tile of %s with repeats=%v would have more than %d elements", x, repeats, ir.MaxElems)
		}
		return []ir.Type{ir.T(x.Elem, s)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, repeats := args[0], a.Ints("repeats")
		shape := slices.Clone(x.Shape)
		for i, r := range repeats {
			shape[len(shape)-len(repeats)+i] *= r
		}
		y, from, n := NewTensor(x.Elem, shape...), make([]int, len(shape)), 0
		eachIndex(shape, func(ix []int) {
			for i := range ix {
				from[i] = ix[i] % x.Shape[i]
			}
			y.Data[n] = x.Data[x.at(from)]
			n++
		})
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		x, repeats := op.Args[0], op.Attrs.Ints("repeats")
		if grads[0] == nil {
			return []*ir.Value{nil}
		}
		var split ir.Shape
		axes := []int{}
		for i, d := range x.Type.Shape {
			if k := i - (len(x.Type.Shape) - len(repeats)); k >= 0 && repeats[k] > 1 {
				axes = append(axes, len(split))
				split = append(split, ir.D(repeats[k]))
			}
			split = append(split, d)
		}
		if len(axes) == 0 {
			return grads
		}
		g := b.reshapeTo(x.Name, grads[0], split)
		return []*ir.Value{b.Must("reduce_sum", x.Name, []*ir.Value{g}, ir.Attr{Name: "axes", Value: axes})}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x, y, repeats := l.Buf(op.Args[0]), l.Buf(op.Results[0]), op.Attrs.Ints("repeats")
		var loops ir.Shape
		from, to := make([]loop.Affine, len(x.Shape)), make([]loop.Affine, len(x.Shape))
		for i, d := range x.Shape {
			if k := i - (len(x.Shape) - len(repeats)); k >= 0 && repeats[k] > 1 {
				to[i] = to[i].Plus(len(loops), d.Size, 0)
				loops = append(loops, ir.D(repeats[k]))
			}
			from[i], to[i] = loop.Ax(len(loops)), to[i].Plus(len(loops), 1, 0)
			loops = append(loops, d)
		}
		l.copyTo(y, to, x, from, loops)
	},
	ONNX: ONNX{Name: "Tile", Min: 6, Max: 25, Attrs: map[string]string{"repeats": "repeats"}, Note: "repeats must be constants"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(3)), Attrs: ir.Attrs{{Name: "repeats", Value: []int{2}}}},
		{Args: f32Types(ir.NS(3, 1, 5)), Attrs: ir.Attrs{{Name: "repeats", Value: []int{1, 2, 4, 3}}}, Batch: 2},
		{Args: f32Types(ir.S(2, 3)), Attrs: ir.Attrs{{Name: "repeats", Value: []int{3, 1}}}},
		{Args: f32Types(ir.NS(3)), Attrs: ir.Attrs{{Name: "repeats", Value: []int{1, 1}}}, Batch: 1},
		{Args: f32Types(nil), Attrs: ir.Attrs{{Name: "repeats", Value: []int{}}}},
		{Args: []ir.Type{ir.T(ir.I8, ir.S(2))}, Attrs: ir.Attrs{{Name: "repeats", Value: []int{5}}}, Data: map[int][]float64{0: {-3, 4}}},
	},
})
