package ops

import (
	"github.com/dlc-ml/dlc/ir"
)

// MaxUnpool puts elements back to where max_pool took them from (Zeiler, Fergus, 2014).
var MaxUnpool = Register(&Operator{
	Name: "max_unpool",
	Doc: "Puts each element of x to the place that max_pool found it at, in an image of zeros: places are the second result of max_pool with indices=true, and size, stride and pads are its attributes. " +
		"Of elements with one place the last stays.",
	Formula:  "y[n, p, c] = x[n, i, c] where places[n, i, c] = p, else 0",
	Example:  "back = max_unpool(small, places, size=2)",
	Category: "pooling",
	Args:     []Arg{{Name: "x", Doc: "f32[N,H',W',C], f32[N,L',C] or f32[N,D',H',W',C]"}, {Name: "places", Doc: "i32, the shape of x: row-major places in one channel of the result"}},
	Attrs: []AttrDef{
		{Name: "size", Doc: "side of the window: one number, or one for each axis", Kind: []int{}},
		{Name: "stride", Doc: "step from one window to the next; the size where it is left out", Default: []int{}},
		{Name: "pads", Doc: "the border, before each axis and then behind each", Default: []int{}},
		{Name: "shape", Doc: "the sides of the result, where they are not those that follow from the others", Default: []int{}},
	},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		x, places := args[0], args[1]
		out, err := unpooled(x.Type, places.Type, a)
		if err != nil {
			return nil, err
		}
		lead, c := x.Type.Shape[:1], x.Type.Shape[len(x.Type.Shape)-1]
		few, many := ir.D(volume(sides(x.Type))), ir.D(volume(out))
		flat := func(v *ir.Value) *ir.Value {
			return b.reshapeTo(v.Name, v, ir.Shape{lead[0], few, c})
		}
		from := flat(x)
		zero := b.Must("broadcast_to", "zeros", []*ir.Value{b.zeros(b.cut("zero", from, 1, 0, 1))}, ir.Attr{Name: "shape", Value: []int{many.Size, c.Size}})
		y := b.Must("scatter_elements", "unpooled", []*ir.Value{zero, flat(places), from}, ir.Attr{Name: "axis", Value: 1})
		return []*ir.Value{b.reshapeTo("unpooled", y, spanned(lead[0], out, c))}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, places := args[0], args[1]
		axes := len(x.Shape) - 2
		out := evalUnpooled(x.Shape[1:axes+1], a)
		shape := append(append([]int{x.Shape[0]}, out...), x.Shape[axes+1])
		y, each, channels := NewTensor(ir.F32, shape...), volume(x.Shape[1:]), x.Shape[axes+1]
		for i, v := range x.Data {
			p := evalPlace(places.Data[i], volume(out))
			y.Data[(i/each*volume(out)+p)*channels+i%channels] = v
		}
		return []*Tensor{y}
	},
	ONNX: ONNX{Name: "MaxUnpool", Min: 9, Max: 22, Attrs: map[string]string{"size": "kernel_shape", "stride": "strides", "pads": "pads"}, Note: pooledNote +
		"; ONNX's places count all elements of the tensor, of which the remainder by those of a channel is ours; output_shape is shape"},
	Samples: []Sample{
		{Args: []ir.Type{ir.T(ir.F32, ir.NS(2, 2, 2)), ir.T(ir.I32, ir.NS(2, 2, 2))}, Batch: 1, Attrs: ir.Attrs{{Name: "size", Value: 2}}, Data: map[int][]float64{1: {0, 5, 3, 2, 12, 8, 15, 11}}},
		{Args: []ir.Type{ir.T(ir.F32, ir.NS(1, 3, 1)), ir.T(ir.I32, ir.NS(1, 3, 1))}, Batch: 2, Attrs: ir.Attrs{{Name: "size", Value: []int{3, 2}}, {Name: "stride", Value: []int{2, 1}}, {Name: "shape", Value: []int{3, 5}}},
			Data: map[int][]float64{1: {0, 6, 14, 3, 3, 7}}},
		{Args: []ir.Type{ir.T(ir.F32, ir.NS(3, 2)), ir.T(ir.I32, ir.NS(3, 2))}, Batch: 1, Attrs: ir.Attrs{{Name: "size", Value: 3}, {Name: "stride", Value: 2}, {Name: "pads", Value: []int{1, 1}}},
			Data: map[int][]float64{1: {0, 1, 2, 3, 4, 4}}},
		{Args: []ir.Type{ir.T(ir.F32, ir.S(1, 1, 2, 1, 3)), ir.T(ir.I32, ir.S(1, 1, 2, 1, 3))}, Attrs: ir.Attrs{{Name: "size", Value: []int{2, 2, 1}}}, Data: map[int][]float64{1: {7, 0, 1, 2, 3, 6}}},
	},
})

// unpooled checks the operands and returns the sides of the result.
func unpooled(x, places ir.Type, a ir.Attrs) ([]int, error) {
	axes := len(x.Shape) - 2
	if axes < 1 || axes > 3 {
		return nil, WithNote("reshape brings other tensors into one of these forms",
			"max_unpool needs a sequence f32[N,L,C], an image f32[N,H,W,C] or a volume f32[N,D,H,W,C], but its input is %v", x)
	}
	if err := spatial("max_unpool", x, axes); err != nil {
		return nil, err
	}
	if !places.Equal(ir.T(ir.I32, x.Shape)) {
		return nil, WithNote("y, places = max_pool(x, 2, indices=true) gives them", "max_unpool needs places %v for %v, not %v", ir.T(ir.I32, x.Shape), x, places)
	}
	size, err := perAxis("max_unpool", "size", a.Ints("size"), axes)
	if err != nil {
		return nil, err
	}
	stride := size
	if s := a.Ints("stride"); len(s) > 0 {
		if stride, err = perAxis("max_unpool", "stride", s, axes); err != nil {
			return nil, err
		}
	}
	pads := a.Ints("pads")
	if len(pads) != 0 && len(pads) != 2*axes {
		return nil, WithNote("write the border before each axis and then behind each", "max_unpool of %v takes %d numbers as its pads, not %d", x, 2*axes, len(pads))
	}
	out := a.Ints("shape")
	if len(out) == 0 {
		for i, n := range sides(x) {
			side := (n-1)*stride[i] + size[i]
			if len(pads) > 0 {
				side -= pads[i] + pads[i+axes]
			}
			out = append(out, side)
		}
	}
	if len(out) != axes {
		return nil, WithNote("write the sides without batch and channels", "max_unpool of %v has %d sides, not %d", x, axes, len(out))
	}
	for _, d := range out {
		if d < 1 || d > ir.MaxElems {
			return nil, WithNote("shape says the sides of the result", "max_unpool of %v cannot give an image with a side of %d", x, d)
		}
	}
	if _, ok := spanned(x.Shape[0], out, x.Shape[axes+1]).Elems(); !ok {
		return nil, WithNote("use a smaller image", "max_unpool of %v would have more than %d elements", x, ir.MaxElems)
	}
	return out, nil
}

// evalUnpooled is the sides of the result in the evaluation.
func evalUnpooled(in []int, a ir.Attrs) []int {
	if s := a.Ints("shape"); len(s) > 0 {
		return s
	}
	size, stride, pads := a.Ints("size"), a.Ints("stride"), a.Ints("pads")
	if len(stride) == 0 {
		stride = size
	}
	var out []int
	for i, n := range in {
		side := (n-1)*stride[i%len(stride)] + size[i%len(size)]
		if len(pads) > 0 {
			side -= pads[i] + pads[i+len(in)]
		}
		out = append(out, side)
	}
	return out
}
