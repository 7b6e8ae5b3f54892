package ops

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// Reshape gives a tensor other extents over the same elements.
var Reshape = Register(&Operator{
	Name: "reshape",
	Doc: "The same elements in the same row-major order under other extents. The batch is kept and not written: shape says the extents of one example. " +
		"One extent may be -1, which stands for whatever is left, and 0 takes that of x in the same place. keep=0 reshapes a tensor without a batch as a whole.",
	Formula:  "y[n, shape…] = x[n, …]",
	Example:  "image = x |> reshape([28, 28, 1])",
	Category: "tensor",
	Moves:    true,
	Same:     keepsShape,
	Exact:    true,
	Args:     []Arg{{Name: "x", Doc: "any shape and element type"}},
	Attrs: []AttrDef{
		{Name: "shape", Doc: "the new extents behind the axes that are kept; one may be -1, and 0 keeps an extent", Kind: []int{}},
		{Name: "keep", Doc: "how many leading axes stay as they are: 1 is the batch", Default: 1},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := wantAny("reshape", "x", args[0]); err != nil {
			return nil, err
		}
		s, err := reshaped(args[0].Shape, a.Ints("shape"), a.Int("keep"))
		if err != nil {
			return nil, err
		}
		return []ir.Type{ir.T(args[0].Elem, s)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, keep := args[0], a.Int("keep")
		shape := append(slices.Clone(x.Shape[:keep]), a.Ints("shape")...)
		known, free := 1, -1
		for i, d := range shape {
			switch {
			case d == -1:
				free = i
				continue
			case d == 0:
				shape[i] = x.Shape[i]
			}
			if i >= keep {
				known *= shape[i]
			}
		}
		if free >= 0 {
			shape[free] = volume(x.Shape[keep:]) / known
		}
		return []*Tensor{{Elem: x.Elem, Shape: shape, Data: slices.Clone(x.Data)}}
	},
	Grad:  gradReshape,
	Lower: func(l *Lowering, op *ir.Op) { l.copyReshaped(l.Buf(op.Results[0]), l.Buf(op.Args[0])) },
	ONNX:  ONNX{Name: "Reshape", Min: 5, Max: 25, Note: "the shape must be a constant, its first entry the batch; allowzero has no effect, as no extent is 0"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(12)), Attrs: ir.Attrs{{Name: "shape", Value: []int{3, 4}}}},
		{Args: f32Types(ir.NS(3, 4)), Attrs: ir.Attrs{{Name: "shape", Value: []int{2, -1}}}},
		{Args: f32Types(ir.NS(2, 3, 5)), Attrs: ir.Attrs{{Name: "shape", Value: []int{5, 1, 6}}}, Batch: 2},
		{Args: f32Types(ir.NS(4, 6)), Attrs: ir.Attrs{{Name: "shape", Value: []int{4, 2, 3}}}},
		{Args: f32Types(ir.NS(1)), Attrs: ir.Attrs{{Name: "shape", Value: []int{}}}},
		{Args: f32Types(ir.NS()), Attrs: ir.Attrs{{Name: "shape", Value: []int{1, 1}}}},
		{Args: f32Types(ir.S(4, 9)), Attrs: ir.Attrs{{Name: "shape", Value: []int{6, -1}}, {Name: "keep", Value: 0}}},
		{Args: f32Types(nil), Attrs: ir.Attrs{{Name: "shape", Value: []int{1}}, {Name: "keep", Value: 0}}},
		{Args: f32Types(ir.NS(4, 3, 2)), Attrs: ir.Attrs{{Name: "shape", Value: []int{0, -1}}}},
		{Args: f32Types(ir.S(2, 6)), Attrs: ir.Attrs{{Name: "shape", Value: []int{0, 2, 3}}, {Name: "keep", Value: 0}}},
		{Args: []ir.Type{ir.T(ir.U8, ir.S(6))}, Attrs: ir.Attrs{{Name: "shape", Value: []int{2, 3}}, {Name: "keep", Value: 0}},
			Data: map[int][]float64{0: {7, 1, 0, 255, 2, 3}}},
		{Args: []ir.Type{ir.T(ir.I32, ir.NS(4))}, Attrs: ir.Attrs{{Name: "shape", Value: []int{2, 2}}}, Batch: 1, NoGrad: true,
			Data: map[int][]float64{0: {7, -1, 0, 9}}},
	},
})

// gradReshape puts a gradient back into the shape of the operand.
func gradReshape(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
	x := op.Args[0]
	if grads[0] == nil {
		return []*ir.Value{nil}
	}
	return []*ir.Value{b.reshape(x.Name, grads[0], x)}
}

// reshape gives x the shape of like, which has the same number of elements.
func (b *Builder) reshape(name string, x, like *ir.Value) *ir.Value {
	s := like.Type.Shape
	if len(s) > 0 && !s[0].Static() && x.Type.Shape[0] != s[0] {
		return b.Must("reshape_like", name, []*ir.Value{x, like})
	}
	return b.reshapeTo(name, x, s)
}

// reshapeTo gives x another shape with the same number of elements and the same batch.
func (b *Builder) reshapeTo(name string, x *ir.Value, s ir.Shape) *ir.Value {
	keep, dims := 0, []int{}
	if len(s) > 0 && !s[0].Static() {
		keep = 1
	}
	for _, d := range s[keep:] {
		dims = append(dims, d.Size)
	}
	return b.Must("reshape", name, []*ir.Value{x}, ir.Attr{Name: "shape", Value: dims}, ir.Attr{Name: "keep", Value: keep})
}

// reshaped is the shape that keep leading axes of s and the extents of dims make.
func reshaped(s ir.Shape, dims []int, keep int) (ir.Shape, error) {
	if keep < 0 || keep > len(s) {
		return nil, fmt.Errorf("reshape cannot keep %d axes of %s, which has %d", keep, s, len(s))
	}
	if keep == 0 && len(s) > 0 && !s[0].Static() {
		return nil, WithNote("leave keep out: shape then says the extents of one example", "reshape must keep the batch of %s", s)
	}
	total, ok := s[keep:].Elems()
	if !ok {
		return nil, fmt.Errorf("reshape of %s: more than %d elements", s, ir.MaxElems)
	}
	known, free := ir.D(1), -1
	dims = slices.Clone(dims)
	for i, d := range dims {
		if d == -1 && free < 0 {
			free = i
			continue
		}
		if at := keep + i; d == 0 && at < len(s) && s[at].Static() {
			d = s[at].Size
			dims[i] = d
		}
		if d < 1 {
			return nil, WithNote("extents are whole numbers from 1 up; one of them may be -1 for what is left, and 0 keeps an extent that x has in that place", "reshape cannot have the extent %d in shape=%v", d, dims)
		}
		if known, ok = known.Mul(ir.D(d)); !ok {
			return nil, fmt.Errorf("reshape to shape=%v: more than %d elements", dims, ir.MaxElems)
		}
	}
	if free < 0 && known != total || total.Size%known.Size != 0 {
		return nil, WithNote(fmt.Sprintf("the extents of shape must multiply to %s; write one of them as -1 to have it computed", total),
			"reshape cannot make shape=%v of %s: %s elements do not become %s", dims, s, total, known)
	}
	r := slices.Clone(s[:keep])
	for i, d := range dims {
		if i == free {
			d = total.Size / known.Size
		}
		r = append(r, ir.D(d))
	}
	return r, nil
}
