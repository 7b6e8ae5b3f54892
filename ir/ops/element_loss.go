package ops

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// elementLoss is a loss that is one scalar expression of a prediction and a target, at every element of both. The rest of the literal
// follows from it.
type elementLoss struct {
	Operator        // Name, Doc, Formula, Example, ONNX, Attrs beside reduction, and samples beside the common ones
	hint     string // what to use where the target is no f32

	// check refuses attributes for predictions of a type; nil where any will do.
	check func(pred ir.Type, a ir.Attrs) error
	// value is the loss of one element in float64; expr is the same as nodes of the loop IR. x is prediction and target, and with perLast the
	// element of that attribute.
	value func(x []float64, a ir.Attrs) float64
	expr  func(x []*loop.Expr, a ir.Attrs) *loop.Expr
	// grad returns the derivatives of each element by prediction and target.
	grad func(b *Builder, x []*ir.Value, a ir.Attrs) (pred, target *ir.Value)
	// perLast names an attribute of floats: one for all, or one for each place in the last axis.
	perLast string
	// rows says that the elements of the last axis belong to one distribution: they are summed, and the mean is over rows.
	rows bool
	// whole says that there is no reduction to choose: a metric that becomes a number only over all examples.
	whole bool
	// ignores says that there is an attribute ignore: targets that do not count. A mean is over the others, and 0 where there are none.
	ignores bool

	kinks  float64       // see Sample.Kinks
	ranges [2][2]float64 // of the samples' operands; zero for the default
}

// lossReduction says what a loss gives.
var lossReduction = AttrDef{Name: "reduction", Default: "mean", Values: []string{"mean", "sum", "none"},
	Doc: "mean or sum over the whole batch; none gives a number for each example, the mean within it"}

// operator derives the literal.
func (e elementLoss) operator() *Operator {
	o := e.Operator
	if o.Category == "" {
		o.Category = "loss"
	}
	if o.Args == nil {
		o.Args = []Arg{{Name: "pred", Doc: "f32, any shape"}, {Name: "target", Doc: "f32, the shape of pred"}}
	}
	if !e.whole {
		o.Attrs = append(slices.Clone(o.Attrs), lossReduction)
	}
	if e.ignores {
		o.Attrs = append(slices.Clone(o.Attrs), ignoreAttr)
	}
	if e.rows {
		o.Attrs[len(o.Attrs)-1].Doc = "mean or sum over all rows of the batch; none gives a number for each row"
	}
	o.Infer = e.infer
	o.Eval = func(args []*Tensor, a ir.Attrs) []*Tensor { return []*Tensor{e.eval(args, a)} }
	o.Lower = e.lower
	if e.grad != nil {
		o.Grad = e.backward
	}
	o.Samples = append(e.samples(), o.Samples...)
	return &o
}

func (e elementLoss) infer(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
	p, t := args[0], args[1]
	if err := wantElem(e.Name, "pred", p, ir.F32); err != nil {
		return nil, err
	}
	if err := wantElem(e.Name, "target", t, ir.F32); err != nil {
		return nil, WithNote(e.hint, "%s", err)
	}
	if !p.Equal(t) {
		return nil, WithNote("bring them to one shape with reshape, or with dense in front of the prediction", "%s wants operands of one shape, not %s and %s", e.Name, p, t)
	}
	if e.perLast != "" {
		last := 1
		if r := len(p.Shape); r > 0 {
			last = p.Shape[r-1].Size
		}
		if n := len(a.Floats(e.perLast)); n != 1 && n != last {
			return nil, fmt.Errorf("%s of %s wants one number for %s, or %d, not %d", e.Name, p, e.perLast, last, n)
		}
	}
	if e.rows && len(p.Shape) == 0 {
		return nil, fmt.Errorf("%s needs an axis along which the numbers are one distribution, but its operands are %s", e.Name, p)
	}
	if e.check != nil {
		if err := e.check(p, a); err != nil {
			return nil, err
		}
	}
	return []ir.Type{ir.T(ir.F32, e.result(p.Shape, a))}, nil
}

// reductionOf is the attribute, which metrics of a whole data set do without.
func reductionOf(a ir.Attrs) string {
	if r, ok := a.Get("reduction").(string); ok {
		return r
	}
	return "mean"
}

// result is the shape that the loss of operands of shape s has.
func (e elementLoss) result(s ir.Shape, a ir.Attrs) ir.Shape {
	switch {
	case reductionOf(a) != "none":
		return nil
	case e.rows:
		return s[:len(s)-1]
	}
	return s[:min(1, len(s))]
}

// within is the axes that are folded for one number of reduction "none".
func (e elementLoss) within(rank int) []int {
	var axes []int
	for i := 1; i < rank; i++ {
		axes = append(axes, i)
	}
	if e.rows {
		axes = []int{rank - 1}
	}
	return axes
}

func (e elementLoss) eval(args []*Tensor, a ir.Attrs) *Tensor {
	p, t := args[0], args[1]
	rank := len(p.Shape)
	last := 1
	if rank > 0 {
		last = p.Shape[rank-1]
	}
	if e.ignores && len(a.Ints("ignore")) > 0 {
		return e.evalCounted(p, t, a)
	}
	each := make([]float64, len(p.Data))
	for i := range each {
		x := []float64{p.Data[i], t.Data[i]}
		if e.perLast != "" {
			w := a.Floats(e.perLast)
			x = append(x, w[i%last%len(w)])
		}
		each[i] = e.value(x, a)
	}
	if reductionOf(a) == "none" {
		y := NewTensor(ir.F32, p.Shape[:min(1, rank)]...)
		if e.rows {
			y = NewTensor(ir.F32, p.Shape[:rank-1]...)
		}
		per := volume(p.Shape[len(y.Shape):])
		for i, v := range each {
			if !e.rows {
				v /= float64(per)
			}
			y.Data[i/per] += v
		}
		return y
	}
	y := NewTensor(ir.F32)
	for _, v := range each {
		y.Data[0] += v
	}
	if reductionOf(a) == "mean" {
		n := len(each)
		if e.rows {
			n /= last
		}
		y.Data[0] /= float64(n)
	}
	return y
}

func (e elementLoss) lower(l *Lowering, op *ir.Op) {
	p, t, y := l.Buf(op.Args[0]), l.Buf(op.Args[1]), l.Buf(op.Results[0])
	s := p.Shape
	axes, over := mustAxes(nil, s), ir.Shape{}
	switch reductionOf(op.Attrs) {
	case "mean":
		if over = s; e.rows {
			over = s[:len(s)-1]
		}
	case "none":
		if axes = e.within(len(s)); !e.rows {
			over = s[min(1, len(s)):]
		}
	}
	var weights *loop.Buffer
	if e.perLast != "" {
		if w := op.Attrs.Floats(e.perLast); len(w) > 1 {
			weights = l.Table(e.perLast, ir.T(ir.F32, ir.S(len(w))), w)
		}
	}
	value := func(at []loop.Affine) *loop.Expr {
		x := []*loop.Expr{loop.Read(p, at...), loop.Read(t, at...)}
		switch {
		case weights != nil:
			x = append(x, loop.Read(weights, at[len(at)-1]))
		case e.perLast != "":
			x = append(x, loop.F(op.Attrs.Floats(e.perLast)[0]))
		}
		return e.expr(x, op.Attrs)
	}
	if e.ignores && len(op.Attrs.Ints("ignore")) > 0 {
		l.meanOfCounted(y, t, axes, op.Attrs, value)
		return
	}
	l.foldAxes(y, false, s, axes, loop.FoldSum, value, func(total *loop.Expr) *loop.Expr { return l.over(total, over) })
}

// meanOfCounted emits the mean, or the sum, of value over the targets that are not ignored.
func (l *Lowering) meanOfCounted(y, target *loop.Buffer, axes []int, a ir.Attrs, value func(at []loop.Affine) *loop.Expr) {
	total, count := l.Temp("total", ir.T(ir.F32, y.Shape)), l.Temp("count", ir.T(ir.F32, y.Shape))
	unless := func(x func(at []loop.Affine) *loop.Expr) func(at []loop.Affine) *loop.Expr {
		return func(at []loop.Affine) *loop.Expr {
			v := x(at)
			for _, k := range a.Ints("ignore") {
				v = loop.E(loop.Select, loop.E(loop.Eq, loop.Read(target, at...), loop.F(float64(k))), loop.F(0), v)
			}
			return v
		}
	}
	l.foldAxes(total, false, target.Shape, axes, loop.FoldSum, unless(value), asIs)
	l.foldAxes(count, false, target.Shape, axes, loop.FoldSum, unless(func([]loop.Affine) *loop.Expr { return loop.F(1) }), asIs)
	at := plainIndex(len(y.Shape))
	sum := loop.Read(total, at...)
	if reductionOf(a) != "sum" {
		sum = loop.E(loop.Div, sum, loop.E(loop.Max, loop.Read(count, at...), loop.F(1)))
	}
	l.mapOver(y, sum)
}

// evalCounted is the evaluation where some targets do not count.
func (e elementLoss) evalCounted(p, t *Tensor, a ir.Attrs) *Tensor {
	y := NewTensor(ir.F32)
	if reductionOf(a) == "none" {
		y = NewTensor(ir.F32, p.Shape[:min(1, len(p.Shape))]...)
	}
	counts := make([]float64, len(y.Data))
	for i, v := range t.Data {
		k := i / max(1, len(t.Data)/len(y.Data))
		if slices.ContainsFunc(a.Ints("ignore"), func(x int) bool { return v == float64(x) }) {
			continue
		}
		y.Data[k] += e.value([]float64{p.Data[i], v}, a)
		counts[k]++
	}
	for k, n := range counts {
		if reductionOf(a) != "sum" && n > 0 {
			y.Data[k] /= n
		}
	}
	return y
}

// backward is Grad: the derivative of each element times the share of the loss's gradient that reaches it.
func (e elementLoss) backward(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
	if grads[0] == nil {
		return []*ir.Value{nil, nil}
	}
	x := slices.Clone(op.Args)
	if e.perLast != "" {
		if w := op.Attrs.Floats(e.perLast); len(w) > 1 {
			x = append(x, b.Must("literal", e.perLast, nil, ir.Attr{Name: "data", Value: w}))
		} else {
			x = append(x, b.scalar(w[0]))
		}
	}
	dp, dt := e.grad(b, x, op.Attrs)
	share := e.share(b, op, grads[0])
	list := []*ir.Value{b.apply("mul", dp, share), nil}
	if dt != nil {
		list[1] = b.apply("mul", dt, share)
	}
	return list
}

// share spreads the gradient of the result over the elements.
func (e elementLoss) share(b *Builder, op *ir.Op, dy *ir.Value) *ir.Value {
	pred := op.Args[0]
	s := pred.Type.Shape
	expand := func(mean bool, axes []int) *ir.Value {
		return b.Must("expand", "each", []*ir.Value{dy, pred}, ir.Attr{Name: "axes", Value: axes}, ir.Attr{Name: "mean", Value: mean})
	}
	switch reductionOf(op.Attrs) {
	case "none":
		axes := e.within(len(s))
		if len(axes) == 0 {
			return dy
		}
		return expand(!e.rows, axes)
	case "sum":
		return expand(false, []int{})
	}
	each := expand(true, []int{})
	if e.rows {
		each = b.apply("mul", each, b.scalar(float64(s[len(s)-1].Size)))
	}
	return each
}

// samples are operands of every rank, with every reduction.
func (e elementLoss) samples() []Sample {
	by := func(r string) ir.Attrs { return ir.Attrs{{Name: "reduction", Value: r}} }
	list := []Sample{
		{Args: f32Types(ir.NS(5), ir.NS(5))},
		{Args: f32Types(ir.NS(4, 3), ir.NS(4, 3)), Batch: 2},
		{Args: f32Types(ir.S(5), ir.S(5))},
		{Args: f32Types(ir.NS(3, 7), ir.NS(3, 7)), Batch: 1, Attrs: by("sum")},
		{Args: f32Types(ir.NS(2, 5), ir.NS(2, 5)), Batch: 2, Attrs: by("none")},
		{Args: f32Types(ir.NS(9), ir.NS(9)), Attrs: by("none")},
	}
	if !e.rows {
		list = append(list, Sample{Args: f32Types(ir.NS(), ir.NS())}, Sample{Args: f32Types(nil, nil)},
			Sample{Args: f32Types(ir.NS(), ir.NS()), Batch: 5, Attrs: by("none")})
	}
	if e.whole {
		list = slices.DeleteFunc(list, func(s Sample) bool { return s.Attrs != nil })
	}
	for i := range list {
		list[i].Kinks = e.kinks
		list[i].Range = map[int][2]float64{}
		for k, r := range e.ranges {
			if r != [2]float64{} {
				list[i].Range[k] = r
			}
		}
	}
	return list
}

// difference is prediction less target.
func difference(x []*loop.Expr) *loop.Expr { return loop.E(loop.Sub, x[0], x[1]) }

// both is the derivative of a function of prediction less target, by either.
func (b *Builder) both(d *ir.Value) (pred, target *ir.Value) { return d, b.apply("neg", d) }
