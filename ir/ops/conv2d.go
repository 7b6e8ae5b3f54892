package ops

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// convAttrs are the attributes of a convolution.
var convAttrs = append(append([]AttrDef{}, windowAttrs...),
	AttrDef{Name: "dilation", Doc: "distance between two taps of the kernel: one number, or [vertical, horizontal]", Default: []int{1}},
	AttrDef{Name: "groups", Doc: "number of groups of channels that see nothing of each other; as many as channels makes the convolution depthwise", Default: 1},
)

// Conv2D is the two-dimensional convolution (cross-correlation, as everywhere in the field).
var Conv2D = Register(&Operator{
	Name: "conv2d",
	Doc: "Convolution of an image [N,H,W,C] with a kernel [kh,kw,C/groups,filters], giving [N,H',W',filters]. The kernel is not turned around " +
		"(cross-correlation). Each output is one chain of fused multiply-adds over kh, kw and the channels, in this order; the bias [filters] is added last.",
	Formula:  "y[n,i,j,f] = bias[f] + Σ x[n, i*stride + u*dilation - top, j*stride + v*dilation - left, c] * w[u,v,c,f]",
	Example:  `features = image |> conv2d(16, kernel=3, padding="same")`,
	Category: "layer",
	Args: []Arg{
		{Name: "x", Doc: "the image, f32[N,H,W,C]"},
		{Name: "w", Doc: "the kernel, f32[kh,kw,C/groups,filters]"},
		{Name: "bias", Doc: "f32[filters]", Optional: true},
	},
	Attrs: convAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		w, err := convWindow(args[0], args[1], a)
		if err != nil {
			return nil, err
		}
		filters := args[1].Shape[3]
		if len(args) == 3 && !args[2].Equal(ir.T(ir.F32, ir.Shape{filters})) {
			return nil, fmt.Errorf("conv2d has %v filters, but its bias is %v", filters, args[2])
		}
		s := ir.Shape{args[0].Shape[0], ir.D(w.out[0]), ir.D(w.out[1]), filters}
		if _, ok := s.Elems(); !ok {
			return nil, WithNote("use fewer filters or a larger stride", "conv2d would give %v, more than the %d elements that a tensor may have", s, ir.MaxElems)
		}
		return []ir.Type{ir.T(ir.F32, s)}, w.checkScratch("conv2d", args[0].Shape[0], args[0].Shape[3].Size, filters.Size)
	},
	Eval:  evalConv2D,
	Grad:  gradConv2D,
	Lower: lowerConv2D,
	Layer: &Layer{
		Doc:   "makes the parameters weight [kh,kw,C/groups,filters], uniform in ±sqrt(6/(kh*kw*C/groups)) at the start, and, unless bias=false, bias [filters], zero",
		Attrs: convLayerAttrs,
		Build: buildConv2D,
	},
	ONNX: ONNX{Name: "Conv", Min: 1, Max: 22,
		Attrs: map[string]string{"stride": "strides", "pads": "pads", "dilation": "dilations", "groups": "group", "padding": "auto_pad"},
		Note:  "two spatial axes; NCHW and OIHW are transposed to NHWC and [kh,kw,I,O]"},
	Samples: convSamples,
})

var convLayerAttrs = append([]AttrDef{
	{Name: "filters", Doc: "number of output channels", Kind: 0},
	{Name: "kernel", Doc: "side of the kernel: one number, or [vertical, horizontal]", Default: []int{3}},
}, append(append([]AttrDef{}, convAttrs...), AttrDef{Name: "bias", Doc: "whether to add a learned number to each filter", Default: true})...)

// convWindow checks the operands of a convolution and works out its geometry.
func convWindow(x, k ir.Type, a ir.Attrs) (window, error) {
	if err := image("conv2d", x); err != nil {
		return window{}, err
	}
	ok := k.Elem == ir.F32 && len(k.Shape) == 4
	for i := 0; ok && i < 4; i++ {
		ok = k.Shape[i].Static() && k.Shape[i].Size > 0
	}
	if !ok {
		return window{}, fmt.Errorf("conv2d needs a kernel f32[kh,kw,C/groups,filters], not %v", k)
	}
	channels, filters, groups := x.Shape[3].Size, k.Shape[3].Size, a.Int("groups")
	if err := checkGroups(channels, filters, groups); err != nil {
		return window{}, err
	}
	if k.Shape[2].Size != channels/groups {
		return window{}, fmt.Errorf("conv2d has an input of %d channels in %d groups, so its kernel needs %d channels, not %d: %v", channels, groups, channels/groups, k.Shape[2].Size, k)
	}
	padding, _ := a.Get("padding").(string) // the gradients have only pads
	return newWindow("conv2d", side(x), []int{k.Shape[0].Size, k.Shape[1].Size}, a.Ints("stride"), a.Ints("dilation"), padding, a.Ints("pads"))
}

func checkGroups(channels, filters, groups int) error {
	if groups < 1 {
		return WithNote("groups=1 joins all channels", "conv2d needs at least 1 group, not %d", groups)
	}
	if channels%groups != 0 || filters%groups != 0 {
		return WithNote("both must be multiples of groups", "conv2d cannot divide %d channels and %d filters into %d groups", channels, filters, groups)
	}
	return nil
}

// evalConv2D is the definition, with the border looked at point by point.
func evalConv2D(args []*Tensor, a ir.Attrs) []*Tensor {
	x, k := args[0], args[1]
	gy := newNaiveAxis(x.Shape[1], k.Shape[0], 0, a)
	gx := newNaiveAxis(x.Shape[2], k.Shape[1], 1, a)
	filters := k.Shape[3]
	perGroup := filters / a.Int("groups")
	y := NewTensor(ir.F32, x.Shape[0], gy.out, gx.out, filters)
	eachIndex(y.Shape, func(ix []int) {
		sum := 0.0
		for u := range k.Shape[0] {
			for v := range k.Shape[1] {
				i, j := gy.input(ix[1], u), gx.input(ix[2], v)
				if i < 0 || i >= x.Shape[1] || j < 0 || j >= x.Shape[2] {
					continue
				}
				for c := range k.Shape[2] {
					sum += x.Data[x.at([]int{ix[0], i, j, ix[3]/perGroup*k.Shape[2] + c})] * k.Data[k.at([]int{u, v, c, ix[3]})]
				}
			}
		}
		if len(args) == 3 {
			sum += args[2].Data[ix[3]]
		}
		y.Data[y.at(ix)] = sum
	})
	return []*Tensor{y}
}

func gradConv2D(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
	x, k, dy := op.Args[0], op.Args[1], grads[0]
	if dy == nil {
		return make([]*ir.Value, len(op.Args))
	}
	w, err := convWindow(x.Type, k.Type, op.Attrs)
	if err != nil {
		panic("ops: conv2d: " + err.Error())
	}
	list := []*ir.Value{
		b.Must("conv2d_grad_input", x.Name+".grad", []*ir.Value{dy, k}, w.gradAttrs("size", w.in, op.Attrs)...),
		b.Must("conv2d_grad_weight", k.Name+".grad", []*ir.Value{x, dy}, w.gradAttrs("kernel", w.kernel, op.Attrs)...),
	}
	if len(op.Args) == 3 {
		list = append(list, sumTo(b, dy, op.Args[2].Type))
	}
	return list
}

// gradAttrs are the attributes of the two gradients of a convolution: the extents that their operands do not show, and the same
// geometry with its border written out.
func (w window) gradAttrs(name string, extents [2]int, a ir.Attrs) []ir.Attr {
	return []ir.Attr{
		{Name: name, Value: extents[:]},
		{Name: "stride", Value: w.stride[:]},
		{Name: "pads", Value: w.pads()},
		{Name: "dilation", Value: w.dilation[:]},
		{Name: "groups", Value: a.Int("groups")},
	}
}

func lowerConv2D(l *Lowering, op *ir.Op) {
	x, k := op.Args[0], op.Args[1]
	w, err := convWindow(x.Type, k.Type, op.Attrs)
	if err != nil {
		panic("ops: conv2d: " + err.Error())
	}
	groups := op.Attrs.Int("groups")
	perGroup := k.Type.Shape[3].Size / groups
	axes := []loop.Axis{{Name: "n", Extent: x.Type.Shape[0]}, axis("y", w.out[0]), axis("x", w.out[1])}
	if groups > 1 {
		axes = append(axes, axis("g", groups))
	}
	axes = append(axes, axis("f", perGroup))
	n, see, tap := w.nest(axes, groups, axis("c", k.Type.Shape[2].Size))
	c, filter := len(n.Axes)+len(n.Red)-1, channel(len(axes)-1, groups, perGroup)
	from := scatter(l, l.Buf(x), "padded", w.framed(), 0)
	load := loop.Read(from, loop.Ax(0), see[0], see[1], channel(c, groups, k.Type.Shape[2].Size))
	n.Value = loop.E(loop.Mul, load, loop.Read(l.Buf(k), tap[0], tap[1], loop.Ax(c), filter))
	sum := loop.Total(ir.F32)
	if len(op.Args) == 3 {
		sum = loop.E(loop.Add, sum, loop.Read(l.Buf(op.Args[2]), filter))
	}
	n.Stores = []loop.Store{storeAt(l.Buf(op.Results[0]), sum, loop.Ax(0), loop.Ax(1), loop.Ax(2), filter)}
	l.Emit(n)
}

func buildConv2D(b *Builder, x []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
	if len(x) != 1 {
		return nil, fmt.Errorf("conv2d takes one image, not %d operands", len(x))
	}
	if err := image("conv2d", x[0].Type); err != nil {
		return nil, err
	}
	filters, groups, channels := a.Int("filters"), a.Int("groups"), x[0].Type.Shape[3].Size
	if filters < 1 || filters > ir.MaxElems {
		return nil, WithNote("the first argument is the number of filters: conv2d(16)", "conv2d cannot have %d filters", filters)
	}
	kernel, err := pair("conv2d", "kernel", a.Ints("kernel"))
	if err != nil {
		return nil, err
	}
	if err := checkGroups(channels, filters, groups); err != nil {
		return nil, err
	}
	t := ir.T(ir.F32, ir.S(kernel[0], kernel[1], channels/groups, filters))
	if _, ok := t.Shape.Elems(); !ok {
		return nil, WithNote("use fewer filters or a smaller kernel", "conv2d would have a kernel %v of more than %d elements", t, ir.MaxElems)
	}
	var attrs []ir.Attr
	for _, d := range convAttrs {
		attrs = append(attrs, ir.Attr{Name: d.Name, Value: a.Get(d.Name)})
	}
	// Everything is checked before a parameter is made, so that an error leaves the module as it was.
	if _, err := convWindow(x[0].Type, t, attrs); err != nil {
		return nil, err
	}
	fanIn := kernel[0] * kernel[1] * channels / groups
	args, err := b.weights(x[0], t, fanIn, a.Bool("bias"))
	if err != nil {
		return nil, err
	}
	return b.Ops("conv2d", "conv2d", args, attrs...)
}

// weights makes the parameters of a layer, weight and, where wanted, bias of the weight's last extent, and returns the layer's
// operands. Weights start uniform in ±sqrt(6/fanIn) (He et al., Delving Deep into Rectifiers, 2015: the variance 2/fanIn keeps
// the scale of activations through layers with relu), biases at zero.
func (b *Builder) weights(x *ir.Value, t ir.Type, fanIn int, bias bool) ([]*ir.Value, error) {
	w, err := b.Param("weight", t, ir.Init{Kind: "uniform", Scale: math.Sqrt(6 / float64(fanIn))})
	if err != nil {
		return nil, err
	}
	args := []*ir.Value{x, w}
	if bias {
		v, err := b.Param("bias", ir.T(ir.F32, ir.Shape{t.Shape[len(t.Shape)-1]}), ir.Init{Kind: "zeros"})
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	return args, nil
}

var convSamples = []Sample{
	{Args: f32Types(ir.NS(5, 5, 1), ir.S(3, 3, 1, 2))},
	{Args: f32Types(ir.NS(7, 6, 3), ir.S(3, 2, 3, 4), ir.S(4)), Attrs: ir.Attrs{{Name: "stride", Value: []int{2, 1}}, {Name: "padding", Value: "same"}}, Batch: 1},
	{Args: f32Types(ir.NS(5, 6, 4), ir.S(3, 3, 2, 6), ir.S(6)), Attrs: ir.Attrs{{Name: "stride", Value: []int{2}}, {Name: "pads", Value: []int{1, 0, 2, 1}}, {Name: "groups", Value: 2}}},
	{Args: f32Types(ir.NS(4, 3, 5), ir.S(1, 1, 5, 7), ir.S(7))},
	{Args: f32Types(ir.NS(3, 4, 4), ir.S(1, 1, 2, 6)), Attrs: ir.Attrs{{Name: "groups", Value: 2}}, Batch: 1},
	{Args: f32Types(ir.NS(5, 5, 2), ir.S(1, 1, 2, 3)), Attrs: ir.Attrs{{Name: "stride", Value: []int{2}}}},
	{Args: f32Types(ir.NS(7, 6, 3), ir.S(3, 3, 1, 3), ir.S(3)), Attrs: ir.Attrs{{Name: "padding", Value: "same"}, {Name: "dilation", Value: []int{2, 1}}, {Name: "groups", Value: 3}}},
	{Args: f32Types(ir.NS(2, 3, 1), ir.S(2, 2, 1, 2)), Attrs: ir.Attrs{{Name: "pads", Value: []int{3, 2, 0, 4}}, {Name: "stride", Value: []int{3, 2}}}},
	{Args: f32Types(ir.S(2, 6, 5, 2), ir.S(5, 5, 2, 3), ir.S(3)), Attrs: ir.Attrs{{Name: "padding", Value: "same"}}},
}
