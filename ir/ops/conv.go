package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// convAttrs are the attributes of a convolution.
var convAttrs = append(append([]AttrDef{}, windowAttrs...),
	AttrDef{Name: "dilation", Doc: "distance between two taps of the kernel: one number, or one for each axis", Default: []int{1}},
	AttrDef{Name: "groups", Doc: "number of groups of channels that see nothing of each other; as many as channels makes the convolution depthwise", Default: 1},
)

// convLayerAttrs are the attributes of the layer.
var convLayerAttrs = append([]AttrDef{
	{Name: "filters", Doc: "number of output channels", Kind: 0},
	{Name: "kernel", Doc: "side of the kernel: one number, or one for each axis", Default: []int{3}},
}, append(append([]AttrDef{}, convAttrs...), AttrDef{Name: "bias", Doc: "whether to add a learned number to each filter", Default: true})...)

// convolution is a convolution over so many axes. The rest of the literal follows from it.
type convolution struct {
	Operator // Name, Doc, Formula, Example, Samples
	axes     int
}

// kernelForms are how kernels look, by the number of axes.
var kernelForms = []string{1: "[k,C/groups,filters]", 2: "[kh,kw,C/groups,filters]", 3: "[kd,kh,kw,C/groups,filters]"}

// operator derives the literal.
func (c convolution) operator() *Operator {
	o := c.Operator
	form, kernel := forms[c.axes], kernelForms[c.axes]
	o.Category = "layer"
	o.Args = []Arg{{Name: "x", Doc: form.name + ", " + form.form}, {Name: "w", Doc: "the kernel, f32" + kernel}, {Name: "bias", Doc: "f32[filters]", Optional: true}}
	o.Attrs = convAttrs
	o.Infer, o.Eval, o.Grad, o.Lower = c.infer, evalConv, c.grad, c.lower
	o.Layer = &Layer{
		Doc: "makes the parameters weight " + kernel + ", uniform in ±sqrt(6/inputs of a filter) at the start, and, unless bias=false, " +
			"bias [filters], zero",
		Attrs: convLayerAttrs,
		Build: c.build,
	}
	o.ONNX = ONNX{Name: "Conv", Min: 1, Max: 22,
		Attrs: map[string]string{"stride": "strides", "pads": "pads", "dilation": "dilations", "groups": "group", "padding": "auto_pad"},
		Note:  []string{1: "one spatial axis; NCL and OIL are transposed to NLC and ", 2: "two spatial axes; NCHW and OIHW are transposed to NHWC and ", 3: "three spatial axes; NCDHW and OIDHW are transposed to NDHWC and "}[c.axes] + kernel}
	return &o
}

func (c convolution) infer(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
	w, err := convWindow(c.Name, c.axes, args[0], args[1], a)
	if err != nil {
		return nil, err
	}
	filters := args[1].Shape[c.axes+1]
	if len(args) == 3 && !args[2].Equal(ir.T(ir.F32, ir.Shape{filters})) {
		return nil, fmt.Errorf("%s has %v filters, but its bias is %v", c.Name, filters, args[2])
	}
	s := spanned(args[0].Shape[0], w.out, filters)
	if _, ok := s.Elems(); !ok {
		return nil, WithNote("use fewer filters or a larger stride", "%s would give %v, more than the %d elements that a tensor may have", c.Name, s, ir.MaxElems)
	}
	return []ir.Type{ir.T(ir.F32, s)}, w.checkScratch(c.Name, args[0].Shape[0], args[0].Shape[c.axes+1].Size, filters.Size)
}

// convWindow checks the operands of a convolution over so many axes and works out its geometry.
func convWindow(kind string, axes int, x, k ir.Type, a ir.Attrs) (window, error) {
	if err := spatial(kind, x, axes); err != nil {
		return window{}, err
	}
	ok := k.Elem == ir.F32 && len(k.Shape) == axes+2
	for i := 0; ok && i < len(k.Shape); i++ {
		ok = k.Shape[i].Static() && k.Shape[i].Size > 0
	}
	if !ok {
		return window{}, fmt.Errorf("%s needs a kernel f32%s, not %v", kind, kernelForms[axes], k)
	}
	channels, filters, groups := x.Shape[axes+1].Size, k.Shape[axes+1].Size, a.Int("groups")
	if err := checkGroups(kind, channels, filters, groups); err != nil {
		return window{}, err
	}
	if k.Shape[axes].Size != channels/groups {
		return window{}, fmt.Errorf("%s has an input of %d channels in %d groups, so its kernel needs %d channels, not %d: %v", kind, channels, groups, channels/groups, k.Shape[axes].Size, k)
	}
	padding, _ := a.Get("padding").(string) // the gradients have only pads
	return newWindow(kind, sides(x), motion{kernel: kernelSides(k), stride: a.Ints("stride"), dilation: a.Ints("dilation"), padding: padding, pads: a.Ints("pads")})
}

// kernelSides are the sides of a kernel.
func kernelSides(k ir.Type) []int {
	var list []int
	for _, d := range k.Shape[:len(k.Shape)-2] {
		list = append(list, d.Size)
	}
	return list
}

func checkGroups(kind string, channels, filters, groups int) error {
	if groups < 1 {
		return WithNote("groups=1 joins all channels", "%s needs at least 1 group, not %d", kind, groups)
	}
	if channels%groups != 0 || filters%groups != 0 {
		return WithNote("both must be multiples of groups", "%s cannot divide %d channels and %d filters into %d groups", kind, channels, filters, groups)
	}
	return nil
}

// evalConv is the definition, with the border looked at point by point.
func evalConv(args []*Tensor, a ir.Attrs) []*Tensor {
	x, k := args[0], args[1]
	axes := len(x.Shape) - 2
	w := newNaiveWindow(x.Shape[1:axes+1], k.Shape[:axes], a)
	filters, channels := k.Shape[axes+1], k.Shape[axes]
	perGroup := filters / a.Int("groups")
	y := NewTensor(ir.F32, slices.Concat(x.Shape[:1], w.outs(), []int{filters})...)
	place := make([]int, axes)
	eachIndex(y.Shape, func(ix []int) {
		sum, f := 0.0, ix[axes+1]
		eachIndex(k.Shape[:axes], func(taps []int) {
			if !w.input(ix[1:], taps, place) {
				return
			}
			for c := range channels {
				from := slices.Concat(ix[:1], place, []int{f/perGroup*channels + c})
				sum += x.Data[x.at(from)] * k.Data[k.at(slices.Concat(taps, []int{c, f}))]
			}
		})
		if len(args) == 3 {
			sum += args[2].Data[f]
		}
		y.Data[y.at(ix)] = sum
	})
	return []*Tensor{y}
}

func (c convolution) grad(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
	x, k, dy := op.Args[0], op.Args[1], grads[0]
	if dy == nil {
		return make([]*ir.Value, len(op.Args))
	}
	w := c.must(x.Type, k.Type, op.Attrs)
	list := []*ir.Value{
		b.Must(c.Name+"_grad_input", x.Name+".grad", []*ir.Value{dy, k}, w.gradAttrs("size", w.in, op.Attrs)...),
		b.Must(c.Name+"_grad_weight", k.Name+".grad", []*ir.Value{x, dy}, w.gradAttrs("kernel", w.kernel, op.Attrs)...),
	}
	if len(op.Args) == 3 {
		list = append(list, sumTo(b, dy, op.Args[2].Type))
	}
	return list
}

func (c convolution) must(x, k ir.Type, a ir.Attrs) window {
	w, err := convWindow(c.Name, c.axes, x, k, a)
	if err != nil {
		panic("ops: " + c.Name + ": " + err.Error())
	}
	return w
}

// gradAttrs are the attributes of the two gradients of a convolution: the extents that their operands do not show, and the same
// geometry with its border written out.
func (w window) gradAttrs(name string, extents []int, a ir.Attrs) []ir.Attr {
	return []ir.Attr{
		{Name: name, Value: extents},
		{Name: "stride", Value: w.stride},
		{Name: "pads", Value: w.pads()},
		{Name: "dilation", Value: w.dilation},
		{Name: "groups", Value: a.Int("groups")},
	}
}

func (c convolution) lower(l *Lowering, op *ir.Op) {
	x, k := op.Args[0], op.Args[1]
	w := c.must(x.Type, k.Type, op.Attrs)
	groups, channels := op.Attrs.Int("groups"), k.Type.Shape[c.axes].Size
	perGroup := k.Type.Shape[c.axes+1].Size / groups
	if m, ok := newWinograd(w, groups, channels, perGroup); ok {
		tap := func(u, v int) *loop.Expr { return loop.Read(l.Buf(k), loop.At(u), loop.At(v), loop.Ax(0), loop.Ax(1)) }
		m.convolve(l, l.Buf(op.Results[0]), l.Buf(x), w.before, tap, func(sum *loop.Expr) *loop.Expr {
			if len(op.Args) == 3 {
				sum = loop.E(loop.Add, sum, loop.Read(l.Buf(op.Args[2]), loop.Ax(3)))
			}
			return sum
		})
		return
	}
	axes := loops(x.Type.Shape[0], w.out)
	group := len(axes)
	if groups > 1 {
		axes = append(axes, axis("g", groups))
	}
	axes = append(axes, axis("f", perGroup))
	n, see, tap := w.nest(axes, groups, axis("c", channels))
	in, filter := len(n.Axes)+len(n.Red)-1, channel(len(axes)-1, group, groups, perGroup)
	from := scatter(l, l.Buf(x), "padded", w.framed(), 0)
	load := loop.Read(from, slices.Concat([]loop.Affine{loop.Ax(0)}, see, []loop.Affine{channel(in, group, groups, channels)})...)
	n.Value = loop.E(loop.Mul, load, loop.Read(l.Buf(k), slices.Concat(tap, []loop.Affine{loop.Ax(in), filter})...))
	sum := loop.Total(ir.F32)
	if len(op.Args) == 3 {
		sum = loop.E(loop.Add, sum, loop.Read(l.Buf(op.Args[2]), filter))
	}
	n.Stores = []loop.Store{storeAt(l.Buf(op.Results[0]), sum, append(plainIndex(c.axes+1), filter)...)}
	l.Emit(n)
}

func (c convolution) build(b *Builder, x []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
	if len(x) != 1 {
		return nil, fmt.Errorf("%s takes one operand, not %d", c.Name, len(x))
	}
	if err := spatial(c.Name, x[0].Type, c.axes); err != nil {
		return nil, err
	}
	filters, groups, channels := a.Int("filters"), a.Int("groups"), x[0].Type.Shape[c.axes+1].Size
	if filters < 1 || filters > ir.MaxElems {
		return nil, WithNote("the first argument is the number of filters: "+c.Name+"(16)", "%s cannot have %d filters", c.Name, filters)
	}
	kernel, err := perAxis(c.Name, "kernel", a.Ints("kernel"), c.axes)
	if err != nil {
		return nil, err
	}
	if err := checkGroups(c.Name, channels, filters, groups); err != nil {
		return nil, err
	}
	t := ir.T(ir.F32, ir.S(append(slices.Clone(kernel), channels/groups, filters)...))
	n, ok := t.Shape.Elems()
	if !ok {
		return nil, WithNote("use fewer filters or a smaller kernel", "%s would have a kernel %v of more than %d elements", c.Name, t, ir.MaxElems)
	}
	var attrs []ir.Attr
	for _, d := range convAttrs {
		attrs = append(attrs, ir.Attr{Name: d.Name, Value: a.Get(d.Name)})
	}
	// Everything is checked before a parameter is made, so that an error leaves the module as it was.
	if _, err := convWindow(c.Name, c.axes, x[0].Type, t, attrs); err != nil {
		return nil, err
	}
	args, err := b.weights(x[0], t, n.Size/filters, a.Bool("bias"))
	if err != nil {
		return nil, err
	}
	return b.Ops(c.Name, c.Name, args, attrs...)
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
