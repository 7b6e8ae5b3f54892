package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// scattering is an operator that writes updates to the places of a tensor that indices name. The rest of the literal follows from it.
type scattering struct {
	Operator // Name, Doc, Formula, Example, Attrs but reduction, ONNX, Samples

	pick func(op string, x, idx ir.Type, a ir.Attrs) (picking, error)
	// gather is the operator that reads what this one writes.
	gather string
	// each is pick for the evaluation: it calls visit with the number of each update and its place in a tensor of shape x.
	each func(x []int, idx *Tensor, a ir.Attrs, visit func(n, at int))
}

// reductionAttr says what a scatter does where an update meets what is there.
var reductionAttr = AttrDef{Name: "reduction", Doc: "what becomes of what is there: it is replaced (none), or the update is added to it, multiplied by it, or the lesser or greater of both stays",
	Default: "none", Values: []string{"none", "add", "mul", "min", "max"}}

// operator derives the literal.
func (s scattering) operator() *Operator {
	o := s.Operator
	o.Category = "tensor"
	o.Args = []Arg{{Name: "x", Doc: "any shape; f32 or integers, any type without a reduction"}, indexArg, {Name: "updates", Doc: "of the type of x"}}
	o.Attrs = append(o.Attrs, reductionAttr)
	o.Infer = func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) { return s.infer(args, a) }
	o.Eval = func(args []*Tensor, a ir.Attrs) []*Tensor { return []*Tensor{s.eval(args, a)} }
	o.Grad = func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil || !op.Args[0].Type.Elem.Float() {
			return make([]*ir.Value, 3)
		}
		dx, du := s.grad(b, op, grads[0])
		return []*ir.Value{dx, nil, du}
	}
	o.Lower = s.lower
	return &o
}

func (s scattering) infer(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
	x, idx, u := args[0], args[1], args[2]
	allowed := everyElem
	if a.Str("reduction") != "none" {
		allowed = []ir.DType{ir.F32, ir.I32, ir.I64}
	}
	if err := wantElem(s.Name, "x", x, allowed...); err != nil {
		return nil, err
	}
	if err := wantIndices(s.Name, idx); err != nil {
		return nil, err
	}
	p, err := s.pick(s.Name, x, idx, a)
	if err != nil {
		return nil, err
	}
	if want := ir.T(x.Elem, p.points); !u.Equal(want) {
		return nil, fmt.Errorf("%s of %s with indices %s wants updates %s, not %s", s.Name, x, idx, want, u)
	}
	return args[:1], nil
}

func (s scattering) eval(args []*Tensor, a ir.Attrs) *Tensor {
	x, u := args[0], args[2]
	y := NewTensor(x.Elem, x.Shape...)
	copy(y.Data, x.Data)
	s.each(x.Shape, args[1], a, func(n, at int) {
		old, v := y.Data[at], u.Data[n]
		switch a.Str("reduction") {
		case "add":
			v += old
		case "mul":
			v *= old
		case "min":
			v = min(v, old)
		case "max":
			v = max(v, old)
		}
		y.Data[at] = narrowed(x.Elem, v)
	})
	return y
}

// lower copies x and then writes one update after the other, in their order.
func (s scattering) lower(l *Lowering, op *ir.Op) {
	y, u := l.Buf(op.Results[0]), l.Buf(op.Args[2])
	p := mustPick(s.pick, op.Args[0], op.Args[1], op.Attrs)
	l.firstOf(y, l.Buf(op.Args[0]))
	to := p.access(y, l.Buf(op.Args[1]))
	v := loop.Read(u, plainIndex(len(p.points))...)
	reduction := op.Attrs.Str("reduction")
	if code, ok := map[string]loop.Code{"mul": loop.Mul, "min": loop.Min, "max": loop.Max}[reduction]; ok {
		v = loop.E(code, readAt(to), v)
	}
	l.Emit(p.each(y.Name, loop.Store{To: to, Expr: v, Add: reduction == "add"}))
}

// grad returns the gradients of x and of the updates.
func (s scattering) grad(b *Builder, op *ir.Op, dy *ir.Value) (dx, du *ir.Value) {
	x, idx, u, y := op.Args[0], op.Args[1], op.Args[2], op.Results[0]
	place := op.Attrs[:len(op.Attrs)-1]
	pick := func(v *ir.Value) *ir.Value { return b.Must(s.gather, u.Name, []*ir.Value{v, idx}, place...) }
	scatter := func(how string, to, v *ir.Value) *ir.Value {
		return b.Must(s.Name, x.Name, []*ir.Value{to, idx, v}, append(place[:len(place):len(place)], ir.Attr{Name: "reduction", Value: how})...)
	}
	switch op.Attrs.Str("reduction") {
	case "none":
		return scatter("none", dy, b.zeros(u)), b.Must(s.Name+"_grad", u.Name, []*ir.Value{dy, idx}, place...)
	case "add":
		return dy, pick(dy)
	case "mul":
		ones := b.Must("expand", "ones", []*ir.Value{b.scalar(1), x})
		return b.apply("mul", dy, scatter("mul", ones, u)), b.apply("div", pick(b.apply("mul", dy, y)), u)
	}
	// An extreme passes the gradient on to what equals it, in equal shares.
	hitX, hitU := b.cast(b.apply("equal", x, y), ir.F32), b.cast(b.apply("equal", u, pick(y)), ir.F32)
	share := b.apply("div", dy, scatter("add", hitX, hitU))
	return b.apply("mul", hitX, share), b.apply("mul", hitU, pick(share))
}

// updateGrad derives the literal of the gradient of a scatter without a reduction for its updates.
func (s scattering) updateGrad() *Operator {
	name := s.Name + "_grad"
	return &Operator{
		Name: name,
		Doc: "The gradient of " + s.Name + " without a reduction for its updates: that of the place where an update was written; zero where a later update was written to the same place. " +
			"Both cases are told apart by writing the number of each update in the same order.",
		Formula:  "du[t] = dy[place of t], or 0",
		Example:  "du = " + name + "(dy, indices)",
		Category: "gradient",
		Internal: true,
		Args:     []Arg{{Name: "dy", Doc: "the gradient of the result"}, indexArg},
		Attrs:    s.Attrs,
		Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
			if err := wantElem(name, "dy", args[0], ir.F32); err != nil {
				return nil, err
			}
			if err := wantIndices(name, args[1]); err != nil {
				return nil, err
			}
			p, err := s.pick(name, args[0], args[1], a)
			if err != nil {
				return nil, err
			}
			return []ir.Type{ir.T(ir.F32, p.points)}, nil
		},
		Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
			last := map[int]int{}
			points := 0
			s.each(args[0].Shape, args[1], a, func(n, at int) { last[at] = n; points = n + 1 })
			du := &Tensor{Elem: ir.F32, Data: make([]float64, points)}
			if du.Shape = args[1].Shape; s.gather == "gather_nd" {
				du.Shape = ndShape(args[0].Shape, args[1].Shape, a)
			}
			for at, n := range last {
				du.Data[n] = args[0].Data[at]
			}
			return []*Tensor{du}
		},
		NoGrad: "second derivatives are not taken",
		Lower: func(l *Lowering, op *ir.Op) {
			p := mustPick(s.pick, op.Args[0], op.Args[1], op.Attrs)
			dy, idx, du := l.Buf(op.Args[0]), l.Buf(op.Args[1]), l.Buf(op.Results[0])
			last := l.Temp("last", ir.T(ir.I32, op.Args[0].Type.Shape))
			l.mapOver(last, loop.I(0))
			number := loop.IndexOf(numbering(p.points))
			l.Emit(p.each(last.Name, loop.Store{To: p.access(last, idx), Expr: number}))
			kept := loop.E(loop.Eq, readAt(p.access(last, idx)), number)
			l.Emit(p.each(du.Name, storeAt(du, loop.E(loop.Select, kept, readAt(p.access(dy, idx)), loop.F(0)), plainIndex(len(p.points))...)))
		},
		Samples: []Sample{s.Samples[0].withoutUpdates()},
	}
}

// withoutUpdates is a sample of a scatter as one of its gradient.
func (s Sample) withoutUpdates() Sample {
	s.Args = s.Args[:2]
	return s
}

// numbering is the row-major number of a point of a nest over s.
func numbering(s ir.Shape) loop.Affine {
	a, n := loop.At(0), 1
	for i := len(s) - 1; i >= 0; i-- {
		a = a.Plus(i, n, 0)
		n *= s[i].Size
	}
	return a
}
