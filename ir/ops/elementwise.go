package ops

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// elementwise is an operator that is one scalar expression, applied at every point of its operands, which broadcast. The rest
// of the literal follows from it.
type elementwise struct {
	Operator // all but Infer, Eval, Grad and Lower

	// takes lists the element types of the operands, which are all of one; nil means the floating-point types.
	takes []ir.DType
	// condition says that the first operand is a truth value, whatever the type of the others.
	condition bool
	// gives is the element type of the result; Invalid means that of the operands.
	gives ir.DType

	// value is the meaning in float64, where truth values are 0 and 1; the result is brought to the element type by [narrowed].
	value func(x []float64) float64
	// ints is the meaning for whole numbers and truth values, where float64 does not hold it; the result wraps around.
	ints func(x []int64) int64
	// expr is the same as nodes of the loop IR over cells, f32 or i32; the result, which may be a truth value, is brought to the element
	// type by [narrow].
	expr func(x []*loop.Expr) *loop.Expr
	// grad returns the gradient of each operand at the shape of the result; what broadcasting added is summed afterwards. All values are
	// f32, whatever floating-point type the operator works on. nil leaves Operator.Grad nil.
	grad func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value

	// by, where the operator has attributes, returns the functions above and gives for them.
	by func(a ir.Attrs) elementwise
	// check refuses attributes that make no sense.
	check func(a ir.Attrs) error
	// plain leaves out the samples that follow from takes, where the literal's own say more.
	plain bool
}

// The sets of element types that operators take.
var (
	floats   = []ir.DType{ir.F32, ir.F16, ir.BF16}
	integers = []ir.DType{ir.I32, ir.I64, ir.I8, ir.U8}
	numbers  = slices.Concat(floats, integers)
	truths   = []ir.DType{ir.Bool}
)

// operator derives the literal.
func (e elementwise) operator() *Operator {
	o := e.Operator
	if e.takes == nil {
		e.takes = floats
	}
	o.Infer = e.infer
	o.Eval = func(args []*Tensor, a ir.Attrs) []*Tensor { return []*Tensor{e.with(a).eval(args)} }
	o.Lower = func(l *Lowering, op *ir.Op) {
		out := l.Buf(op.Results[0])
		x := make([]*loop.Expr, len(op.Args))
		for i, v := range op.Args {
			x[i] = loop.Read(l.Buf(v), stretchIndex(v.Type.Shape, out.Shape)...)
		}
		l.mapOver(out, narrow(e.with(op.Attrs).expr(x), op.Results[0].Type.Elem))
	}
	if o.NoGrad == "" {
		o.Grad = e.gradient
	}
	if !e.plain {
		o.Samples = append(slices.Clip(o.Samples), e.typedSamples()...)
	}
	return &o
}

// with returns e with its functions for the given attributes.
func (e elementwise) with(a ir.Attrs) elementwise {
	if e.by == nil {
		return e
	}
	f := e.by(a)
	f.Operator, f.takes, f.condition = e.Operator, e.takes, e.condition
	if f.gives == ir.Invalid {
		f.gives = e.gives
	}
	return f
}

func (e elementwise) infer(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
	if e.check != nil {
		if err := e.check(a); err != nil {
			return nil, err
		}
	}
	shapes := make([]ir.Shape, len(args))
	common := args[0]
	for i, t := range args {
		shapes[i] = t.Shape
		name := e.Args[min(i, len(e.Args)-1)].Name
		if e.condition && i == 0 {
			if err := wantElem(e.Name, name, t, ir.Bool); err != nil {
				return nil, WithNote("a comparison such as less(a, b) gives truth values, and cast(x, to=\"bool\") makes them of numbers", "%v", err)
			}
			common = args[1]
			continue
		}
		if err := wantElem(e.Name, name, t, e.takes...); err != nil {
			return nil, err
		}
		if t.Elem != common.Elem {
			to := common.Elem
			if t.Elem.Float() {
				to = t.Elem
			}
			return nil, WithNote("cast(x, to=\""+to.String()+"\") makes them alike", "%s wants operands of one element type, not %s and %s", e.Name, common, t)
		}
	}
	s, err := broadcast(e.Name, shapes...)
	if err != nil {
		return nil, err
	}
	elem := common.Elem
	if g := e.with(a).gives; g != ir.Invalid {
		elem = g
	}
	return []ir.Type{ir.T(elem, s)}, nil
}

func (e elementwise) eval(args []*Tensor) *Tensor {
	rank := 0
	for _, t := range args {
		rank = max(rank, len(t.Shape))
	}
	shape := make([]int, rank)
	for i := range shape {
		shape[i] = 1
		for _, t := range args {
			if at := i - (rank - len(t.Shape)); at >= 0 && t.Shape[at] != 1 {
				shape[i] = t.Shape[at]
			}
		}
	}
	common := args[len(args)-1].Elem
	elem := common
	if e.gives != ir.Invalid {
		elem = e.gives
	}
	out := NewTensor(elem, shape...)
	x, k := make([]float64, len(args)), make([]int64, len(args))
	n := 0
	eachIndex(shape, func(ix []int) {
		for i, t := range args {
			x[i] = t.Data[t.at(ix)]
			k[i] = int64(x[i])
		}
		if e.ints != nil && !common.Float() {
			out.Data[n] = wrapped(elem, e.ints(k))
		} else {
			out.Data[n] = narrowed(elem, e.value(x))
		}
		n++
	})
	return out
}

// gradient computes in f32 and gives each operand's gradient the operand's own type; whole numbers and truth values have none.
func (e elementwise) gradient(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
	list := make([]*ir.Value, len(op.Args))
	if grads[0] == nil {
		return list
	}
	x := make([]*ir.Value, len(op.Args))
	for i, v := range op.Args {
		x[i] = b.wide(v)
	}
	for i, g := range e.with(op.Attrs).grad(b, x, b.wide(op.Results[0]), b.wide(grads[0])) {
		if t := op.Args[i].Type; g != nil && t.Elem.Float() {
			list[i] = b.cast(sumTo(b, g, t), t.Elem)
		}
	}
	return list
}

// wide is v with its floating-point elements as f32.
func (b *Builder) wide(v *ir.Value) *ir.Value {
	if v.Type.Elem.Float() {
		return b.cast(v, ir.F32)
	}
	return v
}

// cast is v with another element type.
func (b *Builder) cast(v *ir.Value, to ir.DType) *ir.Value {
	if v.Type.Elem == to {
		return v
	}
	return b.Must("cast", v.Name, []*ir.Value{v}, ir.Attr{Name: "to", Value: to.String()})
}

// sumTo sums a gradient over what broadcasting added to an operand of type t.
func sumTo(b *Builder, g *ir.Value, t ir.Type) *ir.Value {
	if lead := len(g.Type.Shape) - len(t.Shape); lead > 0 {
		axes := make([]int, lead)
		for i := range axes {
			axes[i] = i
		}
		g = b.Must("reduce_sum", g.Name, []*ir.Value{g}, ir.Attr{Name: "axes", Value: axes})
	}
	var ones []int
	for i, d := range t.Shape {
		if d != g.Type.Shape[i] {
			ones = append(ones, i)
		}
	}
	if ones != nil {
		g = b.Must("reduce_sum", g.Name, []*ir.Value{g}, ir.Attr{Name: "axes", Value: ones}, ir.Attr{Name: "keep_dims", Value: true})
	}
	return g
}

// scalar appends a constant f32[], which broadcasts to any shape.
func (b *Builder) scalar(x float64) *ir.Value {
	return b.Must("constant", "c", nil, ir.Attr{Name: "value", Value: x}, ir.Attr{Name: "shape", Value: []int{}})
}

// apply is Must for an operator without attributes.
func (b *Builder) apply(kind string, args ...*ir.Value) *ir.Value { return b.Must(kind, kind, args) }

// above refuses an attribute that is not above a bound.
func above(op string, a ir.Attrs, name string, bound float64) error {
	if x := a.Float(name); !(x > bound) {
		return fmt.Errorf("%s needs %s above %g, not %g", op, name, bound, x)
	}
	return nil
}
