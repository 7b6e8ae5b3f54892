package ops

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// convolutionGradWeight is the gradient of a convolution over so many axes with respect to its kernel.
type convolutionGradWeight struct {
	axes    int
	formula string
	samples []Sample
}

func (c convolutionGradWeight) name() string { return convName(c.axes) + "_grad_weight" }

// operator makes the literal.
func (c convolutionGradWeight) operator() *Operator {
	form, kernel := forms[c.axes], kernelForms[c.axes]
	side := []string{1: "3", 2: "3, 3", 3: "3, 3, 3"}[c.axes]
	return &Operator{
		Name: c.name(),
		Doc: "The gradient of " + convName(c.axes) + " with respect to its kernel: from its input " + form.form + " and the gradient of its result to " + kernel +
			". The sum runs over the batch, then the sides of the result, outermost first.",
		Formula:  c.formula,
		Example:  "dw = " + c.name() + "(x, dy, kernel=[" + side + "])",
		Category: "gradient",
		Internal: true,
		Args:     []Arg{{Name: "x", Doc: form.name + ", " + form.form}, {Name: "dy", Doc: "gradient of the result, " + form.form + " with filters for C"}},
		Attrs:    append([]AttrDef{{Name: "kernel", Doc: "the sides of the kernel", Kind: []int{}}}, convGradAttrs...),
		Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
			k, _, err := c.geometry(args[0], args[1], a)
			if err != nil {
				return nil, err
			}
			return []ir.Type{k}, nil
		},
		Eval: evalConvGradWeight,
		// As for the other gradient, the operator is linear in both operands.
		Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
			x, dy, g := op.Args[0], op.Args[1], grads[0]
			if g == nil {
				return make([]*ir.Value, 2)
			}
			conv := convName(c.axes)
			return []*ir.Value{
				b.Must(conv+"_grad_input", x.Name+".grad", []*ir.Value{dy, g}, append([]ir.Attr{{Name: "size", Value: sides(x.Type)}}, op.Attrs[1:]...)...),
				b.Must(conv, dy.Name+".grad", []*ir.Value{x, g}, op.Attrs[1:]...),
			}
		},
		Lower:   c.lower,
		Samples: c.samples,
	}
}

func evalConvGradWeight(args []*Tensor, a ir.Attrs) []*Tensor {
	x, dy, kernel := args[0], args[1], a.Ints("kernel")
	axes := len(x.Shape) - 2
	if len(kernel) == 1 {
		kernel = slices.Repeat(kernel, axes)
	}
	w := newNaiveWindow(x.Shape[1:axes+1], kernel, a)
	channels, perGroup := x.Shape[axes+1]/a.Int("groups"), dy.Shape[axes+1]/a.Int("groups")
	dw := NewTensor(ir.F32, slices.Concat(kernel, []int{channels, dy.Shape[axes+1]})...)
	place := make([]int, axes)
	eachIndex(dy.Shape, func(ix []int) {
		f := ix[axes+1]
		eachIndex(dw.Shape[:axes+1], func(t []int) {
			if w.input(ix[1:], t, place) {
				from := slices.Concat(ix[:1], place, []int{f/perGroup*channels + t[axes]})
				dw.Data[dw.at(slices.Concat(t, []int{f}))] += x.Data[x.at(from)] * dy.Data[dy.at(ix)]
			}
		})
	})
	return []*Tensor{dw}
}

// geometry returns the type of the kernel and the geometry of the convolution.
func (c convolutionGradWeight) geometry(x, dy ir.Type, a ir.Attrs) (ir.Type, window, error) {
	for _, t := range []ir.Type{x, dy} {
		if err := spatial(c.name(), t, c.axes); err != nil {
			return ir.Type{}, window{}, err
		}
	}
	kernel, err := perAxis(c.name(), "kernel", a.Ints("kernel"), c.axes)
	if err != nil {
		return ir.Type{}, window{}, err
	}
	groups, channels, filters := a.Int("groups"), x.Shape[c.axes+1].Size, dy.Shape[c.axes+1].Size
	if err := checkGroups(c.name(), channels, filters, groups); err != nil {
		return ir.Type{}, window{}, err
	}
	k := ir.T(ir.F32, ir.S(append(slices.Clone(kernel), channels/groups, filters)...))
	if _, ok := k.Shape.Elems(); !ok {
		return ir.Type{}, window{}, fmt.Errorf("%s would give %v, more than the %d elements that a tensor may have", c.name(), k, ir.MaxElems)
	}
	w, err := convWindow(convName(c.axes), c.axes, x, k, a)
	if err != nil {
		return ir.Type{}, window{}, err
	}
	if want := ir.T(ir.F32, spanned(x.Shape[0], w.out, ir.D(filters))); !dy.Equal(want) {
		return ir.Type{}, window{}, fmt.Errorf("%s needs a gradient %v for the input %v and the kernel %v, not %v", c.name(), want, x, k, dy)
	}
	return k, w, w.checkScratch(c.name(), x.Shape[0], channels)
}

func (c convolutionGradWeight) lower(l *Lowering, op *ir.Op) {
	x, dy, dw := op.Args[0], op.Args[1], op.Results[0]
	k, w, err := c.geometry(x.Type, dy.Type, op.Attrs)
	if err != nil {
		panic("ops: " + c.name() + ": " + err.Error())
	}
	groups := op.Attrs.Int("groups")
	channels, filters := k.Shape[c.axes].Size, k.Shape[c.axes+1].Size/groups
	if m, ok := newWinograd(w, groups, channels, filters); ok {
		m.gradWeight(l, l.Buf(dw), l.Buf(x), l.Buf(dy), w.before)
		return
	}
	n := &loop.Nest{Form: loop.Window, Fold: loop.FoldSum}
	tap := make([]loop.Affine, c.axes)
	if w.pointwise() {
		n.Form = loop.Contract
	} else {
		n.Axes, tap = w.tapLoops(), plainIndex(c.axes)
	}
	ch := len(n.Axes)
	n.Axes = append(n.Axes, axis("c", channels))
	in, out := loop.Ax(ch), loop.Ax(ch+1)
	if groups > 1 {
		n.Axes = append(n.Axes, axis("g", groups))
		in, out = in.Plus(ch+1, channels, 0), loop.Affine{}.Plus(ch+1, filters, 0).Plus(ch+2, 1, 0)
	}
	n.Axes = append(n.Axes, axis("f", filters))
	n.Red = loops(x.Type.Shape[0], w.out)
	r := len(n.Axes)
	see, grad := []loop.Affine{loop.Ax(r)}, []loop.Affine{loop.Ax(r)}
	for i := range w.out {
		grad = append(grad, loop.Ax(r+1+i))
		if n.Form == loop.Window {
			see = append(see, w.slide(i, r+1+i, i))
		} else {
			see = append(see, loop.Ax(r+1+i))
		}
	}
	from := scatter(l, l.Buf(x), "padded", w.framed(), 0)
	n.Value = loop.E(loop.Mul, loop.Read(from, append(see, in)...), loop.Read(l.Buf(dy), append(grad, out)...))
	n.Stores = []loop.Store{storeAt(l.Buf(dw), loop.Total(ir.F32), append(tap, loop.Ax(ch), out)...)}
	l.Emit(n)
}
