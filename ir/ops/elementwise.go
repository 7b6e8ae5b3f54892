package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// elementwise is an operator that is one scalar expression, applied at every point of its operands, which broadcast. The rest
// of the literal follows from it.
type elementwise struct {
	Operator // all but Infer, Eval, Grad and Lower

	// value is the meaning in float64; expr is the same as nodes of the loop IR.
	value func(x []float64) float64
	expr  func(x []*loop.Expr) *loop.Expr
	// ints is the meaning for i32 (the result wraps around); nil where the operator takes only f32.
	ints func(x []int64) int64
	// grad returns the gradient of each operand at the shape of the result; what broadcasting added is summed afterwards. nil
	// leaves Operator.Grad nil.
	grad func(b *Builder, x []*ir.Value, y, dy *ir.Value) []*ir.Value
}

// operator derives the literal.
func (e elementwise) operator() *Operator {
	o := e.Operator
	o.Infer = func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) { return e.infer(args) }
	o.Eval = func(args []*Tensor, a ir.Attrs) []*Tensor { return []*Tensor{e.eval(args)} }
	o.Lower = func(l *Lowering, op *ir.Op) {
		out := l.Buf(op.Results[0])
		x := make([]*loop.Expr, len(op.Args))
		for i, v := range op.Args {
			x[i] = loop.Read(l.Buf(v), stretchIndex(v.Type.Shape, out.Shape)...)
		}
		l.mapOver(out, e.expr(x))
	}
	if e.grad != nil {
		o.Grad = func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
			if grads[0] == nil {
				return make([]*ir.Value, len(op.Args))
			}
			list := e.grad(b, op.Args, op.Results[0], grads[0])
			for i, g := range list {
				if g != nil {
					list[i] = sumTo(b, g, op.Args[i].Type)
				}
			}
			return list
		}
	}
	return &o
}

func (e elementwise) infer(args []ir.Type) ([]ir.Type, error) {
	allowed := []ir.DType{ir.F32}
	if e.ints != nil {
		allowed = append(allowed, ir.I32)
	}
	shapes := make([]ir.Shape, len(args))
	for i, t := range args {
		if err := wantElem(e.Name, e.Args[i].Name, t, allowed...); err != nil {
			return nil, err
		}
		if t.Elem != args[0].Elem {
			return nil, fmt.Errorf("%s wants operands of one element type, not %s and %s", e.Name, args[0], t)
		}
		shapes[i] = t.Shape
	}
	s, err := broadcast(e.Name, shapes...)
	if err != nil {
		return nil, err
	}
	return []ir.Type{ir.T(args[0].Elem, s)}, nil
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
	out := NewTensor(args[0].Elem, shape...)
	x, k := make([]float64, len(args)), make([]int64, len(args))
	n := 0
	eachIndex(shape, func(ix []int) {
		for i, t := range args {
			x[i] = t.Data[t.at(ix)]
			k[i] = int64(x[i])
		}
		if out.Elem == ir.I32 {
			out.Data[n] = float64(int32(e.ints(k)))
		} else {
			out.Data[n] = e.value(x)
		}
		n++
	})
	return out
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

// unary makes the single operand of an elementwise operator.
var unary = []Arg{{Name: "x", Doc: "any shape"}}

// binary makes the two operands of an elementwise operator.
var binary = []Arg{{Name: "a", Doc: "any shape"}, {Name: "b", Doc: "any shape that broadcasts with a"}}

// f32Types is a list of f32 operand types, for samples.
func f32Types(shapes ...ir.Shape) []ir.Type {
	list := make([]ir.Type, len(shapes))
	for i, s := range shapes {
		list[i] = ir.T(ir.F32, s)
	}
	return list
}
