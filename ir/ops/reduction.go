package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// reduction is an operator that folds a tensor over axes. The rest of the literal follows from it.
type reduction struct {
	Operator // Name, Doc, Formula, Example, ONNX, and samples beside the common ones

	// takes lists the element types of the operand, which the result has too; nil means the floating-point types.
	takes []ir.DType
	fold  loop.Fold
	mean  bool // divide by the number of elements
	// of is what is folded of each element, and finish what is made of the total; nil leaves them as they are.
	of, finish func(x *loop.Expr) *loop.Expr
	// start, step and end are the same in the evaluation.
	start  float64
	step   func(acc, x float64) float64
	end    func(acc float64) float64
	kinks  float64                                              // see Sample.Kinks
	lo, hi float64                                              // the interval of the samples' values, where not the usual one
	grad   func(b *Builder, r *reduced, dy *ir.Value) *ir.Value // of the operand, given that of the result
}

// reduced is a reduction in the program, as its gradient sees it: all values are f32.
type reduced struct {
	op   *ir.Op
	x, y *ir.Value
}

// expand repeats v, which has the shape of the result, over the shape of the operand.
func (r *reduced) expand(b *Builder, v *ir.Value, mean bool) *ir.Value {
	return b.Must("expand", v.Name, []*ir.Value{v, r.op.Args[0]}, ir.Attr{Name: "axes", Value: r.op.Attrs.Ints("axes")}, ir.Attr{Name: "mean", Value: mean})
}

// reductionAttrs are the attributes that all reductions have.
var reductionAttrs = []AttrDef{
	{Name: "axes", Doc: "the axes to fold, from 0, the batch, or from -1, the last; empty for all", Default: []int{}},
	{Name: "keep_dims", Doc: "keep the folded axes with extent 1", Default: false},
}

// reductionNote is what the ONNX reductions have in common.
const reductionNote = "axes must be constants (an input from opset 18 on); keepdims is 1 where ONNX leaves it out; without axes and with noop_with_empty_axes, nothing is folded"

// operator derives the literal.
func (r reduction) operator() *Operator {
	o := r.Operator
	if r.takes == nil {
		r.takes = floats
	}
	o.Category = "reduction"
	o.Args = []Arg{{Name: "x", Doc: "any shape"}}
	o.Attrs = reductionAttrs
	o.ONNX.Attrs = map[string]string{"axes": "axes", "keep_dims": "keepdims"}
	if o.ONNX.Note == "" {
		o.ONNX.Note = reductionNote
	}
	o.Samples = append(r.samples(), o.Samples...)
	o.Infer = func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := wantElem(o.Name, "x", args[0], r.takes...); err != nil {
			return nil, err
		}
		axes, err := plainAxes(o.Name, a.Ints("axes"), args[0].Shape)
		if err != nil {
			return nil, err
		}
		return []ir.Type{ir.T(args[0].Elem, dropAxes(args[0].Shape, axes, a.Bool("keep_dims")))}, nil
	}
	o.Eval = func(args []*Tensor, a ir.Attrs) []*Tensor { return []*Tensor{r.eval(args[0], a)} }
	o.Lower = r.lower
	if r.grad != nil {
		o.Grad = func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
			x := op.Args[0]
			if grads[0] == nil || !x.Type.Elem.Float() {
				return []*ir.Value{nil}
			}
			g := r.grad(b, &reduced{op, b.wide(x), b.wide(op.Results[0])}, b.wide(grads[0]))
			return []*ir.Value{b.cast(g, x.Type.Elem)}
		}
	}
	return &o
}

func (r reduction) eval(x *Tensor, a ir.Attrs) *Tensor {
	axes := evalAxes(a.Ints("axes"), len(x.Shape))
	kept := NewTensor(x.Elem, dropInts(x.Shape, axes, true)...)
	for i := range kept.Data {
		if kept.Data[i] = r.start; !x.Elem.Float() {
			least, most := bounds(x.Elem)
			kept.Data[i] = min(max(r.start, least), most)
		}
	}
	n := 0
	eachIndex(x.Shape, func(ix []int) {
		at := kept.at(ix)
		kept.Data[at] = r.step(kept.Data[at], x.Data[n])
		n++
	})
	for i := range kept.Data {
		if r.mean {
			kept.Data[i] /= float64(len(x.Data)) / float64(len(kept.Data))
		}
		if r.end != nil {
			kept.Data[i] = r.end(kept.Data[i])
		}
		if x.Elem.Float() {
			kept.Data[i] = narrowed(x.Elem, kept.Data[i])
		} else {
			kept.Data[i] = wrapped(x.Elem, int64(kept.Data[i]))
		}
	}
	return &Tensor{Elem: x.Elem, Shape: dropInts(x.Shape, axes, a.Bool("keep_dims")), Data: kept.Data}
}

func (r reduction) lower(l *Lowering, op *ir.Op) {
	x, y := l.Buf(op.Args[0]), l.Buf(op.Results[0])
	axes := mustAxes(op.Attrs.Ints("axes"), x.Shape)
	finish := func(total *loop.Expr) *loop.Expr {
		if r.mean {
			var dims ir.Shape
			for _, i := range axes {
				dims = append(dims, x.Shape[i])
			}
			total = l.over(total, dims)
		}
		if r.finish != nil {
			total = r.finish(total)
		}
		return narrow(r.ofNothing(total, op.Args[0].Type, axes), op.Results[0].Type.Elem)
	}
	l.foldAxes(y, op.Attrs.Bool("keep_dims"), x.Shape, axes, r.fold, func(at []loop.Affine) *loop.Expr {
		v := loop.Read(x, at...)
		if r.of != nil {
			v = r.of(v)
		}
		return v
	}, finish)
}

// ofNothing brings the extreme of an empty batch, which is where the fold starts, among the values of the element type.
func (r reduction) ofNothing(total *loop.Expr, x ir.Type, axes []int) *loop.Expr {
	if x.Elem.Float() || x.Elem == ir.I32 || x.Elem == ir.I64 || len(axes) == 0 || axes[0] != 0 || x.Shape[0].Static() {
		return total
	}
	least, most := bounds(x.Elem)
	switch r.fold {
	case loop.FoldMax:
		return loop.E(loop.Max, total, loop.I(int(least)))
	case loop.FoldMin:
		return loop.E(loop.Min, total, loop.I(int(most)))
	}
	return total
}

// foldAxes emits nests that fold value over axes of shape s into y, which has the other axes (and, with keep, extent 1 in place of the
// folded ones). value gets the index of each dimension of s; finish makes the stored expression of the total.
// A fold of everything in a batch runs in two steps, for each example and then over the batch, so that examples can be shared out
// and sums stay short.
func (l *Lowering) foldAxes(y *loop.Buffer, keep bool, s ir.Shape, axes []int, fold loop.Fold,
	value func(at []loop.Affine) *loop.Expr, finish func(total *loop.Expr) *loop.Expr) {
	if len(axes) == len(s) && len(s) > 1 && !s[0].Static() {
		rows := l.Temp("rows", ir.T(value(plainIndex(len(s))).Type, s[:1]))
		l.foldAxes(rows, false, s, axes[1:], fold, value, func(total *loop.Expr) *loop.Expr { return total })
		s, axes = s[:1], axes[:1]
		value = func(at []loop.Affine) *loop.Expr { return loop.Read(rows, at...) }
	}
	l.foldNest(y, s, axes, fold, value, finish, func(at []loop.Affine) []loop.Affine {
		to := make([]loop.Affine, 0, len(y.Shape))
		for i := range at {
			switch {
			case !slices.Contains(axes, i):
				to = append(to, at[i])
			case keep:
				to = append(to, loop.Affine{})
			}
		}
		// A batch folded in two steps, with its dimensions kept.
		return append(to, make([]loop.Affine, len(y.Shape)-len(to))...)
	})
}

// foldNest emits one nest that folds value over axes of shape s and stores into y at the index that place makes of that of s. The nest is a
// window where an index adds an axis that is folded to one that is not.
func (l *Lowering) foldNest(y *loop.Buffer, s ir.Shape, axes []int, fold loop.Fold, value func(at []loop.Affine) *loop.Expr,
	finish func(total *loop.Expr) *loop.Expr, place func(at []loop.Affine) []loop.Affine) {
	n := &loop.Nest{Form: loop.Reduce, Name: y.Name, Fold: fold}
	all := axesOf(s)
	at := make([]loop.Affine, len(s))
	for i := range s {
		if !slices.Contains(axes, i) {
			at[i] = loop.Ax(len(n.Axes))
			n.Axes = append(n.Axes, all[i])
		}
	}
	for _, i := range axes {
		at[i] = loop.Ax(len(n.Axes) + len(n.Red))
		n.Red = append(n.Red, all[i])
	}
	total := value(at)
	if len(n.Red) == 0 {
		n.Form, n.Fold = loop.Map, loop.FoldNone
	} else {
		if mixes(total, len(n.Axes)) {
			n.Form = loop.Window
		}
		n.Value, total = total, loop.Total(total.Type)
	}
	n.Stores = []loop.Store{storeAt(y, finish(total), place(at)...)}
	l.Emit(n)
}

// mixes reports whether an index of a load in e adds one of the first axes to a later one.
func mixes(e *loop.Expr, first int) bool {
	found := false
	e.Walk(func(e *loop.Expr) {
		for _, ix := range e.From.Index {
			if n := len(ix.Terms); n > 0 {
				found = found || ix.Terms[0].Axis < first && ix.Terms[n-1].Axis >= first
			}
		}
	})
	return found
}

// samples are operands in several ranks with every kind of axes.
func (r reduction) samples() []Sample {
	attrs := func(keep bool, axes ...int) ir.Attrs {
		return ir.Attrs{{Name: "axes", Value: append([]int{}, axes...)}, {Name: "keep_dims", Value: keep}}
	}
	list := []Sample{}
	if r.takes[0].Float() {
		list = r.f32Samples(attrs)
	}
	for _, d := range r.takes {
		list = append(list, r.typedSamples(d, attrs)...)
	}
	if r.lo < r.hi {
		for i := range list {
			list[i].Range = map[int][2]float64{0: {r.lo, r.hi}}
		}
	}
	return list
}

func (r reduction) f32Samples(attrs func(keep bool, axes ...int) ir.Attrs) []Sample {
	return withKinks([]Sample{
		{Args: f32Types(ir.NS(5)), Attrs: attrs(false, -1)},
		{Args: f32Types(ir.NS(3, 4)), Attrs: attrs(true, 1), Batch: 2},
		{Args: f32Types(ir.NS(2, 3, 2)), Attrs: attrs(false, 2, 0), Batch: 2},
		{Args: f32Types(ir.NS(7)), Attrs: attrs(false, 0)},
		{Args: f32Types(ir.NS(2, 3)), Attrs: attrs(false)},
		{Args: f32Types(ir.NS(2, 3)), Attrs: attrs(true), Batch: 2},
		{Args: f32Types(ir.NS()), Attrs: attrs(false)},
		{Args: f32Types(ir.S(3, 4)), Attrs: attrs(false)},
		{Args: f32Types(ir.S(11)), Attrs: attrs(true, 0)},
		{Args: f32Types(nil), Attrs: attrs(false)},
	}, r.kinks)
}

// typedSamples are operands of an element type other than f32.
func (r reduction) typedSamples(d ir.DType, attrs func(keep bool, axes ...int) ir.Attrs) []Sample {
	x := ir.T(d, ir.S(2, 3))
	switch {
	case d == ir.F32:
	case d.Float():
		return []Sample{{Args: []ir.Type{ir.T(d, ir.NS(7))}, Attrs: attrs(false, 1), NoGrad: true}}
	case d == ir.Bool:
		return []Sample{
			{Args: []ir.Type{x}, Attrs: attrs(false, 1), Data: map[int][]float64{0: {0, 1, 0, 1, 1, 1}}, NoGrad: true},
			{Args: []ir.Type{ir.T(d, ir.NS(2))}, Attrs: attrs(true), Batch: 3, Data: map[int][]float64{0: {0, 0, 0, 0, 0, 0}}, NoGrad: true},
		}
	case d == ir.U8:
		return []Sample{{Args: []ir.Type{x}, Attrs: attrs(false, 0), Data: map[int][]float64{0: {250, 1, 0, 10, 2, 20}}, NoGrad: true}}
	case d.Integer():
		return []Sample{
			{Args: []ir.Type{x}, Attrs: attrs(true, 1), Data: map[int][]float64{0: {-100, 7, 3, 5, -2, 11}}, NoGrad: true},
			{Args: []ir.Type{ir.T(d, ir.NS(2))}, Attrs: attrs(false), Batch: 3, Data: map[int][]float64{0: {-1, 2, 3, -4, 5, 6}}, NoGrad: true},
		}
	}
	return nil
}

// shareTies is the gradient of a reduction to an extreme: it goes to the elements that equal the result, in equal shares.
func shareTies(b *Builder, r *reduced, dy *ir.Value) *ir.Value {
	hit := b.cast(b.apply("equal", r.x, r.expand(b, r.y, false)), ir.F32)
	count := b.Must("reduce_sum", "ties", []*ir.Value{hit}, r.op.Attrs...)
	return b.apply("mul", hit, r.expand(b, b.apply("div", dy, count), false))
}
