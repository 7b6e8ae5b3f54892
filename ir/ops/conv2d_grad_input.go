package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// convGradAttrs are what the gradients of a convolution know of it besides the extents of its input or kernel.
var convGradAttrs = []AttrDef{
	{Name: "stride", Doc: "of the convolution", Default: []int{1}},
	{Name: "pads", Doc: "the border [top, left, bottom, right]", Default: []int{0, 0, 0, 0}},
	{Name: "dilation", Doc: "of the convolution", Default: []int{1}},
	{Name: "groups", Doc: "of the convolution", Default: 1},
}

// Conv2DGradInput is the gradient of a convolution with respect to its image.
var Conv2DGradInput = Register(&Operator{
	Name: "conv2d_grad_input",
	Doc: "The gradient of conv2d with respect to its image: from that of its result [N,H',W',filters] and the kernel [kh,kw,C/groups,filters] to [N,H,W,C]. " +
		"It is a convolution of stride 1 with the kernel turned around, over the gradient with its elements stride apart and zeros between and around them.",
	Formula:  "dx[n,i,j,c] = Σ dy[n,y,x,f] * w[u,v,c,f] over all y*stride + u*dilation - top = i, x*stride + v*dilation - left = j",
	Example:  "dx = conv2d_grad_input(dy, w, size=[28, 28])",
	Category: "gradient",
	Internal: true,
	Args:     []Arg{{Name: "dy", Doc: "gradient of the result, f32[N,H',W',filters]"}, {Name: "w", Doc: "the kernel, f32[kh,kw,C/groups,filters]"}},
	Attrs:    append([]AttrDef{{Name: "size", Doc: "height and width of the image", Kind: []int{}}}, convGradAttrs...),
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x, _, err := convGradInput(args[0], args[1], a)
		if err != nil {
			return nil, err
		}
		return []ir.Type{x}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		dy, k := args[0], args[1]
		size := a.Ints("size")
		gy, gx := newNaiveAxis(size[0], k.Shape[0], 0, a), newNaiveAxis(size[1], k.Shape[1], 1, a)
		perGroup := k.Shape[3] / a.Int("groups")
		dx := NewTensor(ir.F32, dy.Shape[0], size[0], size[1], k.Shape[2]*a.Int("groups"))
		eachIndex(dy.Shape, func(ix []int) {
			eachIndex(k.Shape[:3], func(t []int) {
				i, j := gy.input(ix[1], t[0]), gx.input(ix[2], t[1])
				if i >= 0 && i < size[0] && j >= 0 && j < size[1] {
					c := ix[3]/perGroup*k.Shape[2] + t[2]
					dx.Data[dx.at([]int{ix[0], i, j, c})] += dy.Data[dy.at(ix)] * k.Data[k.at([]int{t[0], t[1], t[2], ix[3]})]
				}
			})
		})
		return []*Tensor{dx}
	},
	// The operator is linear in both operands, so that its gradients are the other two operators of the family.
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		dy, k, g := op.Args[0], op.Args[1], grads[0]
		if g == nil {
			return make([]*ir.Value, 2)
		}
		return []*ir.Value{
			b.Must("conv2d", dy.Name+".grad", []*ir.Value{g, k}, op.Attrs[1:]...),
			b.Must("conv2d_grad_weight", k.Name+".grad", []*ir.Value{g, dy}, append([]ir.Attr{{Name: "kernel", Value: []int{k.Type.Shape[0].Size, k.Type.Shape[1].Size}}}, op.Attrs[1:]...)...),
		}
	},
	Lower:   lowerConv2DGradInput,
	Samples: convGradInputSamples,
})

// convGradInput returns the type of the image and the geometry of the convolution.
func convGradInput(dy, k ir.Type, a ir.Attrs) (ir.Type, window, error) {
	size := a.Ints("size")
	if len(size) != 2 {
		return ir.Type{}, window{}, fmt.Errorf("conv2d_grad_input takes height and width as its size, not %v", size)
	}
	if err := image("conv2d_grad_input", dy); err != nil {
		return ir.Type{}, window{}, err
	}
	if len(k.Shape) != 4 || !k.Shape[2].Static() || a.Int("groups") < 1 {
		return ir.Type{}, window{}, fmt.Errorf("conv2d_grad_input needs a kernel f32[kh,kw,C/groups,filters] and at least one group, not %v and %d", k, a.Int("groups"))
	}
	channels, ok := k.Shape[2].Mul(ir.D(a.Int("groups")))
	x := ir.T(ir.F32, ir.Shape{dy.Shape[0], ir.D(size[0]), ir.D(size[1]), channels})
	if _, fits := x.Shape.Elems(); !ok || !fits {
		return ir.Type{}, window{}, fmt.Errorf("conv2d_grad_input would give %v, more than the %d elements that a tensor may have", x, ir.MaxElems)
	}
	w, err := convWindow(x, k, a)
	if err != nil {
		return ir.Type{}, window{}, err
	}
	if want := ir.T(ir.F32, ir.Shape{dy.Shape[0], ir.D(w.out[0]), ir.D(w.out[1]), k.Shape[3]}); !dy.Equal(want) {
		return ir.Type{}, window{}, fmt.Errorf("conv2d_grad_input needs a gradient %v for the image %v and the kernel %v, not %v", want, x, k, dy)
	}
	return x, w, w.checkScratch("conv2d_grad_input", dy.Shape[0], channels.Size, k.Shape[3].Size)
}

func lowerConv2DGradInput(l *Lowering, op *ir.Op) {
	dy, k, dx := op.Args[0], op.Args[1], op.Results[0]
	_, w, err := convGradInput(dy.Type, k.Type, op.Attrs)
	if err != nil {
		panic("ops: conv2d_grad_input: " + err.Error())
	}
	groups := op.Attrs.Int("groups")
	perGroup := k.Type.Shape[2].Size
	axes := []loop.Axis{{Name: "n", Extent: dx.Type.Shape[0]}, axis("y", w.in[0]), axis("x", w.in[1])}
	if groups > 1 {
		axes = append(axes, axis("g", groups))
	}
	axes = append(axes, axis("c", perGroup))
	from := scatter(l, l.Buf(dy), "spread", w.spreadBack(), 0)
	back := window{kernel: w.kernel, stride: [2]int{1, 1}, dilation: w.dilation}
	n, see, tap := back.nest(axes, groups, axis("f", k.Type.Shape[3].Size/groups))
	if n.Form == loop.Window {
		for i := range tap {
			tap[i] = loop.At(w.kernel[i]-1).Plus(len(axes)+i, -1, 0)
		}
	}
	c, f := len(axes)-1, len(n.Axes)+len(n.Red)-1
	filter := channel(f, groups, k.Type.Shape[3].Size/groups)
	n.Value = loop.E(loop.Mul, loop.Read(from, loop.Ax(0), see[0], see[1], filter), loop.Read(l.Buf(k), tap[0], tap[1], loop.Ax(c), filter))
	n.Stores = []loop.Store{storeAt(l.Buf(dx), loop.Total(ir.F32), loop.Ax(0), loop.Ax(1), loop.Ax(2), channel(c, groups, perGroup))}
	l.Emit(n)
}

var convGradInputSamples = []Sample{
	{Args: f32Types(ir.NS(3, 3, 2), ir.S(3, 3, 1, 2)), Attrs: ir.Attrs{{Name: "size", Value: []int{5, 5}}}},
	{Args: f32Types(ir.NS(3, 3, 4), ir.S(3, 2, 3, 4)), Attrs: ir.Attrs{{Name: "size", Value: []int{8, 4}}, {Name: "stride", Value: []int{2, 1}}}, Batch: 1},
	{Args: f32Types(ir.NS(3, 3, 6), ir.S(3, 3, 2, 6)), Attrs: ir.Attrs{{Name: "size", Value: []int{5, 6}}, {Name: "stride", Value: []int{2}}, {Name: "pads", Value: []int{1, 0, 2, 1}}, {Name: "groups", Value: 2}}},
	{Args: f32Types(ir.NS(4, 3, 7), ir.S(1, 1, 5, 7)), Attrs: ir.Attrs{{Name: "size", Value: []int{4, 3}}}},
	{Args: f32Types(ir.NS(3, 3, 3), ir.S(1, 1, 2, 3)), Attrs: ir.Attrs{{Name: "size", Value: []int{5, 6}}, {Name: "stride", Value: []int{2}}}},
	{Args: f32Types(ir.NS(7, 6, 3), ir.S(3, 3, 1, 3)), Attrs: ir.Attrs{{Name: "size", Value: []int{7, 6}}, {Name: "pads", Value: []int{2, 1, 2, 1}}, {Name: "dilation", Value: []int{2, 1}}, {Name: "groups", Value: 3}}},
	{Args: f32Types(ir.NS(2, 4, 2), ir.S(2, 2, 1, 2)), Attrs: ir.Attrs{{Name: "size", Value: []int{2, 3}}, {Name: "pads", Value: []int{3, 2, 0, 4}}, {Name: "stride", Value: []int{3, 2}}}},
}
