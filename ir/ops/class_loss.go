package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// classLoss is a loss of scores against the right class: Σ_c q_c s_c for each row, where s_c is the surprise at class c and q_c its weighted
// share of the target. The rest of the literal, and its gradient's, follows.
type classLoss struct {
	Operator      // Name, Doc, Formula, Example, ONNX, Args
	softmax  bool // scores are raw, so that s_c = ln Σ exp(x) - x_c; else they are logarithms of probabilities and s_c = -x_c
}

// classAttrs are the attributes of a classLoss; smoothing is one of those with softmax.
func (c classLoss) classAttrs() []AttrDef {
	list := []AttrDef{{Name: "weights", Doc: "how much each class counts: one number a class, or none for 1", Default: []float64{}}, ignoreAttr}
	if c.softmax {
		list = append(list, AttrDef{Name: "smoothing", Doc: "the share of each target that is spread evenly over all classes", Default: 0.0})
	}
	r := lossReduction
	r.Doc = "mean over the rows that count, by their weights, or sum; none gives a number for each row"
	return append(list, r)
}

// operator derives the literal.
func (c classLoss) operator() *Operator {
	o := c.Operator
	o.Category = "loss"
	o.Attrs = c.classAttrs()
	o.Infer = func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		rows, err := c.check(args[0], args[1], a)
		if err != nil || a.Str("reduction") == "none" {
			return []ir.Type{ir.T(ir.F32, rows)}, err
		}
		return []ir.Type{ir.T(ir.F32, nil)}, nil
	}
	o.Eval = func(args []*Tensor, a ir.Attrs) []*Tensor { return []*Tensor{c.eval(args[0], args[1], a)} }
	o.Lower = func(l *Lowering, op *ir.Op) {
		c.lowering(l, op, l.Buf(op.Args[0]), l.Buf(op.Args[1])).loss(l.Buf(op.Results[0]))
	}
	o.Grad = c.backward
	o.Samples = c.samples()
	return &o
}

// check refuses operands and attributes; it returns the shape of the rows.
func (c classLoss) check(scores, label ir.Type, a ir.Attrs) (ir.Shape, error) {
	if label.Elem == ir.F32 && label.Shape.Equal(scores.Shape) && len(scores.Shape) > 0 {
		if err := wantElem(c.Name, c.Args[0].Name, scores, ir.F32); err != nil {
			return nil, err
		}
		if len(a.Ints("ignore")) > 0 {
			return nil, WithNote("an example whose distribution is all 0 costs nothing", "%s can only ignore labels, not distributions", c.Name)
		}
	} else if _, err := inferClasses(c.Name, scores, label); err != nil {
		return nil, err
	}
	last := len(scores.Shape) - 1
	classes := scores.Shape[last]
	if !classes.Static() {
		return nil, fmt.Errorf("%s needs a score for each class in the last axis, but its scores are %s", c.Name, scores)
	}
	w := a.Floats("weights")
	if len(w) != 0 && len(w) != classes.Size {
		return nil, fmt.Errorf("%s has %d weights for %s classes", c.Name, len(w), classes)
	}
	for _, x := range w {
		if !(x >= 0) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("%s wants weights from 0 up, not %g", c.Name, x)
		}
	}
	if s, ok := a.Get("smoothing").(float64); ok && !(s >= 0 && s <= 1) {
		return nil, fmt.Errorf("%s wants a share from 0 to 1 for smoothing, not %g", c.Name, s)
	}
	return scores.Shape[:last], nil
}

// smoothing is the attribute, where there is one.
func smoothing(a ir.Attrs) float64 {
	s, _ := a.Get("smoothing").(float64)
	return s
}

// evalTarget returns the target of a row by class, weighted, and the weight of the row.
func evalTarget(label *Tensor, row, classes int, a ir.Attrs) (q []float64, weight float64) {
	q = make([]float64, classes)
	weights := a.Floats("weights")
	of := func(k int) float64 {
		if len(weights) == 0 {
			return 1
		}
		return weights[k]
	}
	if label.Elem == ir.F32 {
		copy(q, label.Data[row*classes:])
		weight = 1
	} else {
		k := int(label.Data[row])
		if slices.Contains(a.Ints("ignore"), k) || k < 0 || k >= classes {
			return q, 0
		}
		q[k], weight = 1, of(k)
	}
	s := smoothing(a)
	for k := range q {
		q[k] = ((1-s)*q[k] + s/float64(classes)) * of(k)
	}
	return q, weight
}

func (c classLoss) eval(scores, label *Tensor, a ir.Attrs) *Tensor {
	last := len(scores.Shape) - 1
	classes := scores.Shape[last]
	y := NewTensor(ir.F32, scores.Shape[:last]...)
	total, weights := 0.0, 0.0
	for r := range y.Data {
		x := scores.Data[r*classes : (r+1)*classes]
		q, w := evalTarget(label, r, classes, a)
		top := 0.0
		if c.softmax {
			top = logSumExp(x)
		}
		for k := range q {
			if q[k] != 0 {
				y.Data[r] += q[k] * (top - x[k])
			}
		}
		total += y.Data[r]
		weights += w
	}
	switch a.Str("reduction") {
	case "none":
		return y
	case "mean":
		// Where no row counts it is 0. Where every row does, there is none, and a mean of nothing is NaN.
		if uneven := label.Elem != ir.F32 && len(a.Ints("ignore"))+len(a.Floats("weights")) > 0; weights != 0 || !uneven {
			total /= weights
		}
	}
	return &Tensor{Elem: ir.F32, Shape: []int{}, Data: []float64{total}}
}

// backward is Grad.
func (c classLoss) backward(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
	if grads[0] == nil {
		return []*ir.Value{nil, nil}
	}
	x, label := op.Args[0], op.Args[1]
	dx := b.Must(c.Name+"_grad", x.Name, []*ir.Value{grads[0], x, label}, op.Attrs...)
	if label.Type.Elem != ir.F32 {
		return []*ir.Value{dx, nil}
	}
	// By the target, a distribution, it is the surprise.
	surprise := x
	if c.softmax {
		surprise = b.apply("log_softmax", x)
	}
	surprise = b.apply("mul", b.apply("neg", surprise), b.scalar(1-smoothing(op.Attrs)))
	if w := op.Attrs.Floats("weights"); len(w) > 0 {
		surprise = b.apply("mul", surprise, b.Must("literal", "weights", nil, ir.Attr{Name: "data", Value: w}))
	}
	share := elementLoss{rows: true}.share(b, op, grads[0])
	return []*ir.Value{dx, b.apply("mul", surprise, share)}
}

// gradient derives the literal of the gradient by the scores.
func (c classLoss) gradient(formula string) *Operator {
	o := &Operator{
		Name:     c.Name + "_grad",
		Doc:      "The gradient of " + c.Name + " by its scores, given that of its result, with its attributes.",
		Formula:  formula,
		Example:  "dx = " + c.Name + "_grad(dy, " + c.Args[0].Name + ", label)",
		Category: "gradient", Internal: true,
		Args:   append([]Arg{{Name: "dy", Doc: "the shape of the loss"}}, c.Args...),
		Attrs:  c.classAttrs(),
		NoGrad: "second derivatives of a loss are not supported",
	}
	o.Infer = func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		rows, err := c.check(args[1], args[2], a)
		if err != nil {
			return nil, err
		}
		want := ir.T(ir.F32, nil)
		if a.Str("reduction") == "none" {
			want = ir.T(ir.F32, rows)
		}
		if !args[0].Equal(want) {
			return nil, fmt.Errorf("%s wants %s for dy, not %s", o.Name, want, args[0])
		}
		return args[1:2], nil
	}
	o.Eval = func(args []*Tensor, a ir.Attrs) []*Tensor {
		return []*Tensor{c.evalGradient(args[0], args[1], args[2], a)}
	}
	o.Lower = func(l *Lowering, op *ir.Op) {
		c.lowering(l, op, l.Buf(op.Args[1]), l.Buf(op.Args[2])).gradient(l.Buf(op.Results[0]), l.Buf(op.Args[0]))
	}
	for _, s := range c.samples() {
		dy := ir.T(ir.F32, nil)
		if s.Attrs.Get("reduction") == "none" {
			dy.Shape = s.Args[0].Shape[:len(s.Args[0].Shape)-1]
		}
		t := Sample{Args: append([]ir.Type{dy}, s.Args...), Attrs: s.Attrs, Batch: s.Batch, Data: map[int][]float64{}, Range: map[int][2]float64{}}
		for i, d := range s.Data {
			t.Data[i+1] = d
		}
		for i, r := range s.Range {
			t.Range[i+1] = r
		}
		o.Samples = append(o.Samples, t)
	}
	return o
}

func (c classLoss) evalGradient(dy, scores, label *Tensor, a ir.Attrs) *Tensor {
	classes := scores.Shape[len(scores.Shape)-1]
	rows := len(scores.Data) / classes
	dx := NewTensor(ir.F32, scores.Shape...)
	weights := 0.0
	for r := range rows {
		_, w := evalTarget(label, r, classes, a)
		weights += w
	}
	for r := range rows {
		scale := dy.Data[0]
		switch a.Str("reduction") {
		case "none":
			scale = dy.Data[r]
		case "mean":
			if weights != 0 {
				scale /= weights
			}
		}
		x := scores.Data[r*classes : (r+1)*classes]
		q, _ := evalTarget(label, r, classes, a)
		mass, top := 0.0, logSumExp(x)
		for _, v := range q {
			mass += v
		}
		for k, v := range q {
			d := -v
			if c.softmax {
				d = mass*math.Exp(x[k]-top) - v
			}
			dx.Data[r*classes+k] = d * scale
		}
	}
	return dx
}

// lowering starts the lowering of the loss or its gradient.
func (c classLoss) lowering(l *Lowering, op *ir.Op, x, label *loop.Buffer) *classLowering {
	w := &classLowering{l: l, a: op.Attrs, softmax: c.softmax, x: x, label: label, last: len(x.Shape) - 1}
	w.soft = len(label.Shape) == len(x.Shape)
	if list := op.Attrs.Floats("weights"); len(list) > 0 {
		w.weights = l.Table("weights", ir.T(ir.F32, ir.S(len(list))), list)
	}
	return w
}

// samples have labels and distributions, with every attribute.
func (c classLoss) samples() []Sample {
	with := func(s Sample, attrs ...ir.Attr) Sample {
		s.Attrs = attrs
		return s
	}
	attr := func(name string, v any) ir.Attr { return ir.Attr{Name: name, Value: v} }
	list := classSamples()
	labels := Sample{Args: []ir.Type{ir.T(ir.F32, ir.NS(4)), ir.T(ir.I32, ir.NS())}, Batch: 5, Data: map[int][]float64{1: {3, 0, 9, 1, 2}}}
	places := Sample{Args: []ir.Type{ir.T(ir.F32, ir.NS(3, 5)), ir.T(ir.I32, ir.NS(3))}, Batch: 2, Data: map[int][]float64{1: {0, 4, -1, 3, 1, -1}}}
	none := Sample{Args: labels.Args, Batch: 2, Data: map[int][]float64{1: {9, 9}}}
	soft := Sample{Args: f32Types(ir.NS(6), ir.NS(6)), Range: map[int][2]float64{1: {0, 0.4}}}
	masked := Sample{Args: labels.Args, Batch: 1, NoGrad: true, Data: map[int][]float64{0: {1, math.Inf(-1), 2, 3}, 1: {2}}}
	weights, nine := attr("weights", []float64{0.5, 2, 0, 1.5}), attr("ignore", []int{9})
	list = append(list, with(labels, nine), with(labels, weights, nine), with(labels, weights, nine, attr("reduction", "none")),
		with(labels, nine, attr("reduction", "sum")), with(places, attr("ignore", []int{-1}), attr("reduction", "none")),
		with(none, nine), with(none, nine, weights), soft, with(soft, attr("reduction", "none")), with(soft, attr("reduction", "sum")),
		with(soft, attr("weights", []float64{1, 2, 3, 0.5, 0, 1})), masked)
	if c.softmax {
		smooth := attr("smoothing", 0.1)
		list = append(list, with(labels, smooth, nine), with(labels, smooth, weights, nine), with(labels, smooth, weights, nine, attr("reduction", "none")),
			with(soft, smooth), with(places, smooth, attr("ignore", []int{-1}), attr("reduction", "sum")))
	}
	return list
}
