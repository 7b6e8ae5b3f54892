package ops

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// convGradAttrs are what the gradients of a convolution know of it besides the extents of its input or kernel.
var convGradAttrs = []AttrDef{
	{Name: "stride", Doc: "of the convolution", Default: []int{1}},
	{Name: "pads", Doc: "the border of the convolution, before each axis and then behind each", Default: []int{}},
	{Name: "dilation", Doc: "of the convolution", Default: []int{1}},
	{Name: "groups", Doc: "of the convolution", Default: 1},
}

// convolutionGradInput is the gradient of a convolution over so many axes with respect to its input.
type convolutionGradInput struct {
	axes    int
	formula string
	samples []Sample
}

// convName is the name of the convolution over so many axes.
func convName(axes int) string { return fmt.Sprintf("conv%dd", axes) }

func (c convolutionGradInput) name() string { return convName(c.axes) + "_grad_input" }

// operator makes the literal.
func (c convolutionGradInput) operator() *Operator {
	form, kernel := forms[c.axes], kernelForms[c.axes]
	size := []string{1: "28", 2: "28, 28", 3: "8, 28, 28"}[c.axes]
	return &Operator{
		Name: c.name(),
		Doc: "The gradient of " + convName(c.axes) + " with respect to its input: from that of its result and the kernel " + kernel + " to " + form.form + ". It is a convolution " +
			"of stride 1 with the kernel turned around; that of a convolution with a stride is one for each phase of the stride, with the taps that reach it.",
		Formula:  c.formula,
		Example:  "dx = " + c.name() + "(dy, w, size=[" + size + "])",
		Category: "gradient",
		Internal: true,
		Args:     []Arg{{Name: "dy", Doc: "gradient of the result, " + form.form + " with filters for C"}, {Name: "w", Doc: "the kernel, f32" + kernel}},
		Attrs:    append([]AttrDef{{Name: "size", Doc: "the sides of the input", Kind: []int{}}}, convGradAttrs...),
		Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
			x, _, err := c.geometry(args[0], args[1], a)
			if err != nil {
				return nil, err
			}
			return []ir.Type{x}, nil
		},
		Eval: evalConvGradInput,
		// The operator is linear in both operands, so that its gradients are the other two operators of the family.
		Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
			dy, k, g := op.Args[0], op.Args[1], grads[0]
			if g == nil {
				return make([]*ir.Value, 2)
			}
			conv := convName(c.axes)
			return []*ir.Value{
				b.Must(conv, dy.Name+".grad", []*ir.Value{g, k}, op.Attrs[1:]...),
				b.Must(conv+"_grad_weight", k.Name+".grad", []*ir.Value{g, dy}, append([]ir.Attr{{Name: "kernel", Value: kernelSides(k.Type)}}, op.Attrs[1:]...)...),
			}
		},
		Lower:   c.lower,
		Samples: c.samples,
	}
}

func evalConvGradInput(args []*Tensor, a ir.Attrs) []*Tensor {
	dy, k, size := args[0], args[1], a.Ints("size")
	axes := len(size)
	w := newNaiveWindow(size, k.Shape[:axes], a)
	perGroup, channels := k.Shape[axes+1]/a.Int("groups"), k.Shape[axes]
	dx := NewTensor(ir.F32, slices.Concat(dy.Shape[:1], size, []int{channels * a.Int("groups")})...)
	place := make([]int, axes)
	eachIndex(dy.Shape, func(ix []int) {
		f := ix[axes+1]
		eachIndex(k.Shape[:axes+1], func(t []int) {
			if w.input(ix[1:], t, place) {
				at := slices.Concat(ix[:1], place, []int{f/perGroup*channels + t[axes]})
				dx.Data[dx.at(at)] += dy.Data[dy.at(ix)] * k.Data[k.at(slices.Concat(t, []int{f}))]
			}
		})
	})
	return []*Tensor{dx}
}

// geometry returns the type of the input and the geometry of the convolution.
func (c convolutionGradInput) geometry(dy, k ir.Type, a ir.Attrs) (ir.Type, window, error) {
	size := a.Ints("size")
	if len(size) != c.axes {
		return ir.Type{}, window{}, fmt.Errorf("%s takes %d sides as its size, not %v", c.name(), c.axes, size)
	}
	if err := spatial(c.name(), dy, c.axes); err != nil {
		return ir.Type{}, window{}, err
	}
	if len(k.Shape) != c.axes+2 || !k.Shape[c.axes].Static() || a.Int("groups") < 1 {
		return ir.Type{}, window{}, fmt.Errorf("%s needs a kernel f32%s and at least one group, not %v and %d", c.name(), kernelForms[c.axes], k, a.Int("groups"))
	}
	channels, ok := k.Shape[c.axes].Mul(ir.D(a.Int("groups")))
	x := ir.T(ir.F32, spanned(dy.Shape[0], size, channels))
	if _, fits := x.Shape.Elems(); !ok || !fits {
		return ir.Type{}, window{}, fmt.Errorf("%s would give %v, more than the %d elements that a tensor may have", c.name(), x, ir.MaxElems)
	}
	w, err := convWindow(convName(c.axes), c.axes, x, k, a)
	if err != nil {
		return ir.Type{}, window{}, err
	}
	if want := ir.T(ir.F32, spanned(dy.Shape[0], w.out, k.Shape[c.axes+1])); !dy.Equal(want) {
		return ir.Type{}, window{}, fmt.Errorf("%s needs a gradient %v for the input %v and the kernel %v, not %v", c.name(), want, x, k, dy)
	}
	return x, w, w.checkScratch(c.name(), dy.Shape[0], channels.Size, k.Shape[c.axes+1].Size)
}

func (c convolutionGradInput) lower(l *Lowering, op *ir.Op) {
	dy, k, dx := op.Args[0], op.Args[1], op.Results[0]
	_, w, err := c.geometry(dy.Type, k.Type, op.Attrs)
	if err != nil {
		panic("ops: " + c.name() + ": " + err.Error())
	}
	groups := op.Attrs.Int("groups")
	back := w.turnedAround()
	if m, ok := newWinograd(back, groups, k.Type.Shape[c.axes+1].Size, k.Type.Shape[c.axes].Size); ok {
		tap := func(u, v int) *loop.Expr {
			return loop.Read(l.Buf(k), loop.At(2-u), loop.At(2-v), loop.Ax(1), loop.Ax(0))
		}
		m.convolve(l, l.Buf(dx), l.Buf(dy), back.before, tap, func(sum *loop.Expr) *loop.Expr { return sum })
		return
	}
	w.lowerPhases(l, l.Buf(dy), l.Buf(k), l.Buf(dx), groups)
}
