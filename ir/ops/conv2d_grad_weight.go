package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Conv2DGradWeight is the gradient of a convolution with respect to its kernel.
var Conv2DGradWeight = Register(&Operator{
	Name: "conv2d_grad_weight",
	Doc: "The gradient of conv2d with respect to its kernel: from the image [N,H,W,C] and the gradient of the result [N,H',W',filters] to " +
		"[kh,kw,C/groups,filters]. The sum runs over the batch, then the rows, then the columns of the result.",
	Formula:  "dw[u,v,c,f] = Σ x[n, i*stride + u*dilation - top, j*stride + v*dilation - left, c] * dy[n,i,j,f]",
	Example:  "dw = conv2d_grad_weight(x, dy, kernel=[3, 3])",
	Category: "gradient",
	Internal: true,
	Args:     []Arg{{Name: "x", Doc: "the image, f32[N,H,W,C]"}, {Name: "dy", Doc: "gradient of the result, f32[N,H',W',filters]"}},
	Attrs:    append([]AttrDef{{Name: "kernel", Doc: "height and width of the kernel", Kind: []int{}}}, convGradAttrs...),
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		k, _, err := convGradWeight(args[0], args[1], a)
		if err != nil {
			return nil, err
		}
		return []ir.Type{k}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, dy := args[0], args[1]
		kernel := a.Ints("kernel")
		gy, gx := newNaiveAxis(x.Shape[1], kernel[0], 0, a), newNaiveAxis(x.Shape[2], kernel[1], 1, a)
		channels, perGroup := x.Shape[3]/a.Int("groups"), dy.Shape[3]/a.Int("groups")
		dw := NewTensor(ir.F32, kernel[0], kernel[1], channels, dy.Shape[3])
		eachIndex(dy.Shape, func(ix []int) {
			eachIndex(dw.Shape[:3], func(t []int) {
				i, j := gy.input(ix[1], t[0]), gx.input(ix[2], t[1])
				if i >= 0 && i < x.Shape[1] && j >= 0 && j < x.Shape[2] {
					c := ix[3]/perGroup*channels + t[2]
					dw.Data[dw.at([]int{t[0], t[1], t[2], ix[3]})] += x.Data[x.at([]int{ix[0], i, j, c})] * dy.Data[dy.at(ix)]
				}
			})
		})
		return []*Tensor{dw}
	},
	// As for the other gradient, the operator is linear in both operands.
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		x, dy, g := op.Args[0], op.Args[1], grads[0]
		if g == nil {
			return make([]*ir.Value, 2)
		}
		return []*ir.Value{
			b.Must("conv2d_grad_input", x.Name+".grad", []*ir.Value{dy, g}, append([]ir.Attr{{Name: "size", Value: []int{x.Type.Shape[1].Size, x.Type.Shape[2].Size}}}, op.Attrs[1:]...)...),
			b.Must("conv2d", dy.Name+".grad", []*ir.Value{x, g}, op.Attrs[1:]...),
		}
	},
	Lower:   lowerConv2DGradWeight,
	Samples: convGradWeightSamples,
})

// convGradWeight returns the type of the kernel and the geometry of the convolution.
func convGradWeight(x, dy ir.Type, a ir.Attrs) (ir.Type, window, error) {
	if err := image("conv2d_grad_weight", x); err != nil {
		return ir.Type{}, window{}, err
	}
	if err := image("conv2d_grad_weight", dy); err != nil {
		return ir.Type{}, window{}, err
	}
	kernel, err := pair("conv2d_grad_weight", "kernel", a.Ints("kernel"))
	if err != nil {
		return ir.Type{}, window{}, err
	}
	groups, filters := a.Int("groups"), dy.Shape[3].Size
	if err := checkGroups(x.Shape[3].Size, filters, groups); err != nil {
		return ir.Type{}, window{}, err
	}
	k := ir.T(ir.F32, ir.S(kernel[0], kernel[1], x.Shape[3].Size/groups, filters))
	if _, ok := k.Shape.Elems(); !ok {
		return ir.Type{}, window{}, fmt.Errorf("conv2d_grad_weight would give %v, more than the %d elements that a tensor may have", k, ir.MaxElems)
	}
	w, err := convWindow(x, k, a)
	if err != nil {
		return ir.Type{}, window{}, err
	}
	if want := ir.T(ir.F32, ir.Shape{x.Shape[0], ir.D(w.out[0]), ir.D(w.out[1]), ir.D(filters)}); !dy.Equal(want) {
		return ir.Type{}, window{}, fmt.Errorf("conv2d_grad_weight needs a gradient %v for the image %v and the kernel %v, not %v", want, x, k, dy)
	}
	return k, w, w.checkScratch("conv2d_grad_weight", x.Shape[0], x.Shape[3].Size)
}

func lowerConv2DGradWeight(l *Lowering, op *ir.Op) {
	x, dy, dw := op.Args[0], op.Args[1], op.Results[0]
	k, w, err := convGradWeight(x.Type, dy.Type, op.Attrs)
	if err != nil {
		panic("ops: conv2d_grad_weight: " + err.Error())
	}
	groups := op.Attrs.Int("groups")
	channels, filters := k.Shape[2].Size, k.Shape[3].Size/groups
	n := &loop.Nest{Form: loop.Window, Fold: loop.FoldSum}
	var tap [2]loop.Affine
	if w.pointwise() {
		n.Form = loop.Contract
	} else {
		n.Axes = []loop.Axis{axis("u", w.kernel[0]), axis("v", w.kernel[1])}
		tap = [2]loop.Affine{loop.Ax(0), loop.Ax(1)}
	}
	c := len(n.Axes)
	n.Axes = append(n.Axes, axis("c", channels))
	in, out := loop.Ax(c), loop.Ax(c+1)
	if groups > 1 {
		n.Axes = append(n.Axes, axis("g", groups))
		in, out = in.Plus(c+1, channels, 0), loop.Affine{}.Plus(c+1, filters, 0).Plus(c+2, 1, 0)
	}
	n.Axes = append(n.Axes, axis("f", filters))
	n.Red = []loop.Axis{{Name: "n", Extent: x.Type.Shape[0]}, axis("y", w.out[0]), axis("x", w.out[1])}
	r := len(n.Axes)
	see := [2]loop.Affine{loop.Ax(r + 1), loop.Ax(r + 2)}
	if n.Form == loop.Window {
		see = [2]loop.Affine{w.slide(0, r+1, 0), w.slide(1, r+2, 1)}
	}
	from := scatter(l, l.Buf(x), "padded", w.framed(), 0)
	n.Value = loop.E(loop.Mul, loop.Read(from, loop.Ax(r), see[0], see[1], in), loop.Read(l.Buf(dy), loop.Ax(r), loop.Ax(r+1), loop.Ax(r+2), out))
	n.Stores = []loop.Store{storeAt(l.Buf(dw), loop.Total(ir.F32), tap[0], tap[1], loop.Ax(c), out)}
	l.Emit(n)
}

var convGradWeightSamples = []Sample{
	{Args: f32Types(ir.NS(5, 5, 1), ir.NS(3, 3, 2)), Attrs: ir.Attrs{{Name: "kernel", Value: []int{3, 3}}}},
	{Args: f32Types(ir.NS(8, 4, 3), ir.NS(3, 3, 4)), Attrs: ir.Attrs{{Name: "kernel", Value: []int{3, 2}}, {Name: "stride", Value: []int{2, 1}}}, Batch: 1},
	{Args: f32Types(ir.NS(5, 6, 4), ir.NS(3, 3, 6)), Attrs: ir.Attrs{{Name: "kernel", Value: []int{3, 3}}, {Name: "stride", Value: []int{2}}, {Name: "pads", Value: []int{1, 0, 2, 1}}, {Name: "groups", Value: 2}}},
	{Args: f32Types(ir.NS(4, 3, 5), ir.NS(4, 3, 7)), Attrs: ir.Attrs{{Name: "kernel", Value: []int{1, 1}}}},
	{Args: f32Types(ir.NS(4, 3, 4), ir.NS(4, 3, 6)), Attrs: ir.Attrs{{Name: "kernel", Value: []int{1, 1}}, {Name: "groups", Value: 2}}},
	{Args: f32Types(ir.NS(7, 6, 3), ir.NS(7, 6, 3)), Attrs: ir.Attrs{{Name: "kernel", Value: []int{3, 3}}, {Name: "pads", Value: []int{2, 1, 2, 1}}, {Name: "dilation", Value: []int{2, 1}}, {Name: "groups", Value: 3}}},
}
