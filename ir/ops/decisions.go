package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Metrics of classification are made from decisions: what was predicted at each place of an example, and what is right. Their operators
// give these as rows, f32[N,2,M]: M predictions and then M labels of each example; the counting is done by package runtime, over all
// examples.

// decisionArgs are the operands of what compares decisions with labels.
var decisionArgs = []Arg{
	{Name: "scores", Doc: "f32[N, …, C]: a score for each class; or f32[N] or f32[N, …, L]: a score for each of L yes-or-no questions"},
	{Name: "label", Doc: "i32[N, …]: the right class, 0 … C-1; or i32 or f32 of the shape of scores: 1 for yes, 0 for no"},
}

var (
	thresholdAttr = AttrDef{Name: "threshold", Doc: "of yes-or-no scores, those above it say yes; 0.5 is for probabilities, 0 for raw scores", Default: 0.5}
	ignoreAttr    = AttrDef{Name: "ignore", Doc: "labels that mark a place that does not count", Default: []int{}}
	averageAttr   = AttrDef{Name: "average", Default: "macro", Values: []string{"macro", "micro", "weighted"},
		Doc: "how classes are put together: macro is the mean over the classes that occur, weighted the mean over labels, micro counts all decisions alike"}
)

// inferDecisions checks scores and labels and returns how many places an example has; yesNo is the form in which both have one shape.
func inferDecisions(name string, scores, label ir.Type) (places int, yesNo bool, err error) {
	if err := wantElem(name, "scores", scores, ir.F32); err != nil {
		return 0, false, err
	}
	if len(scores.Shape) == 0 || scores.Shape[0].Static() {
		return 0, false, fmt.Errorf("%s needs scores for each example of the batch, but they are %s", name, scores)
	}
	if yesNo = scores.Shape.Equal(label.Shape); yesNo {
		err = wantElem(name, "label", label, ir.F32, ir.I32)
	} else {
		_, err = inferClasses(name, scores, label)
	}
	if err != nil {
		return 0, false, err
	}
	n, _ := label.Shape[1:].Elems()
	return n.Size, yesNo, nil
}

// inferPairs is Infer of operators that give decisions as rows.
func inferPairs(name string) func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
	return func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		n, _, err := inferDecisions(name, args[0], args[1])
		if err != nil {
			return nil, err
		}
		if 2*n > ir.MaxElems {
			return nil, fmt.Errorf("%s of %s has more than %d decisions for an example", name, args[0], ir.MaxElems)
		}
		return []ir.Type{ir.T(ir.F32, ir.NS(2, n))}, nil
	}
}

// evalPairs is their evaluation.
func evalPairs(args []*Tensor, a ir.Attrs) []*Tensor {
	scores, label := args[0], args[1]
	n := label.Shape[0]
	places := volume(label.Shape[1:])
	y := NewTensor(ir.F32, n, 2, places)
	for i, right := range label.Data {
		at := i/places*2*places + i%places
		if len(scores.Shape) == len(label.Shape) {
			if scores.Data[i] > a.Float("threshold") {
				y.Data[at] = 1
			}
		} else {
			c := scores.Shape[len(scores.Shape)-1]
			y.Data[at] = float64(firstBest(scores.Data[i*c : i*c+c]))
		}
		y.Data[at+places] = evalLabel(right, a.Ints("ignore"))
	}
	return []*Tensor{y}
}

// evalLabel is a label, or -1 for one that is ignored.
func evalLabel(v float64, ignore []int) float64 {
	for _, x := range ignore {
		if v == float64(x) {
			return -1
		}
	}
	return v
}

// firstBest is the place of the highest score, the first of equals, and past the end where one is NaN.
func firstBest(row []float64) int {
	best := 0
	for c, v := range row {
		if math.IsNaN(v) {
			return len(row)
		}
		if v > row[best] {
			best = c
		}
	}
	return best
}

// lowerPairs is their lowering.
func lowerPairs(l *Lowering, op *ir.Op) {
	x, label, y := l.Buf(op.Args[0]), l.Buf(op.Args[1]), l.Buf(op.Results[0])
	at := plainIndex(len(label.Shape))
	var predicted *loop.Expr
	if len(x.Shape) == len(label.Shape) {
		yes := loop.E(loop.Less, loop.F(op.Attrs.Float("threshold")), loop.Read(x, at...))
		predicted = loop.E(loop.Select, yes, loop.F(1), loop.F(0))
	} else {
		best := l.Temp("best", ir.T(ir.F32, label.Shape))
		l.firstBest(best, x, asIs)
		predicted = loop.Read(best, at...)
	}
	place := flatPlace(label.Shape)
	l.Emit(&loop.Nest{
		Form: loop.Map, Name: y.Name, Axes: axesOf(label.Shape), Fold: loop.FoldNone,
		Stores: []loop.Store{
			storeAt(y, predicted, loop.Ax(0), loop.At(0), place),
			storeAt(y, countedLabel(label, at, op.Attrs.Ints("ignore")), loop.Ax(0), loop.At(1), place),
		},
	})
}

// firstBest emits, for each row of scores, what finish makes of the number of the class with the highest score, into y. Of equals the first
// counts; where a NaN is the maximum there is none, and the number of classes stays.
func (l *Lowering) firstBest(y, x *loop.Buffer, finish func(first *loop.Expr) *loop.Expr) {
	last := len(x.Shape) - 1
	_, top := l.shifted(x, last)
	l.foldAxes(y, false, x.Shape, []int{last}, loop.FoldMin,
		func(at []loop.Affine) *loop.Expr {
			number := loop.E(loop.ToF32, loop.IndexOf(at[last]))
			return loop.E(loop.Select, loop.E(loop.Eq, loop.Read(x, at...), top(at)), number, loop.F(float64(x.Shape[last].Size)))
		}, finish)
}

// countedLabel is a label as f32, or -1 for one that is ignored.
func countedLabel(label *loop.Buffer, at []loop.Affine, ignore []int) *loop.Expr {
	raw := loop.Read(label, at...)
	v := raw
	if label.Elem != ir.F32 {
		v = loop.E(loop.ToF32, raw)
	}
	for _, x := range ignore {
		c := loop.F(float64(x))
		if label.Elem != ir.F32 {
			c = loop.I(x)
		}
		v = loop.E(loop.Select, loop.E(loop.Eq, raw, c), loop.F(-1), v)
	}
	return v
}

// flatPlace is the row-major place of a point within its example, in a nest over s.
func flatPlace(s ir.Shape) loop.Affine {
	a := loop.At(0)
	stride := 1
	for i := len(s) - 1; i > 0; i-- {
		if s[i].Size > 1 {
			a = a.Plus(i, stride, 0)
		}
		stride *= s[i].Size
	}
	return a
}

// counting is an operator that gives decisions for counting; the rest of the literal follows.
type counting struct {
	Operator
	attrs []AttrDef // beside threshold and ignore
}

func (c counting) operator() *Operator {
	o := c.Operator
	o.Category = "metric"
	o.Args = decisionArgs
	o.Attrs = append(slices.Clone(c.attrs), thresholdAttr, ignoreAttr)
	o.Metric = &Metric{Reduce: "rows", Finish: o.Name}
	o.NoGrad = "it counts, so it is constant almost everywhere; train on cross_entropy, or for yes-or-no questions on bce_logits"
	if o.Infer == nil {
		o.Infer = inferPairs(o.Name)
	}
	o.Eval, o.Lower = evalPairs, lowerPairs
	o.Samples = append(decisionSamples(), o.Samples...)
	return &o
}

// decisionSamples are scores and labels of both forms.
func decisionSamples() []Sample {
	nan, inf := math.NaN(), math.Inf(1)
	list := classSamples()
	list = slices.DeleteFunc(list, func(s Sample) bool { return s.Args[0].Shape[0].Static() })
	ignore := ir.Attrs{{Name: "ignore", Value: []int{255, -7}}}
	return append(list,
		Sample{Args: []ir.Type{ir.T(ir.F32, ir.NS(3)), ir.T(ir.I32, ir.NS())}, Batch: 4, Attrs: ignore,
			Data: map[int][]float64{0: {1, 1, 0, 2, nan, 3, -inf, inf, inf, -1, -1, -1}, 1: {0, 255, -7, 2}}},
		Sample{Args: []ir.Type{ir.T(ir.F32, ir.NS(2, 3, 2)), ir.T(ir.I32, ir.NS(2, 3))}, Batch: 1, Attrs: ignore,
			Data: map[int][]float64{1: {0, 1, 1, 255, 0, 1}}},
		Sample{Args: []ir.Type{ir.T(ir.F32, ir.NS()), ir.T(ir.I32, ir.NS())}, Batch: 5,
			Data: map[int][]float64{0: {0.5, 0.75, nan, inf, 0.1}, 1: {1, 0, 1, 1, 0}}},
		Sample{Args: []ir.Type{ir.T(ir.F32, ir.NS(3)), ir.T(ir.F32, ir.NS(3))}, Batch: 2, Attrs: ir.Attrs{{Name: "threshold", Value: 0.0}},
			Data: map[int][]float64{1: {1, 0, 0, 1, 1, 0}}},
	)
}
