package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// numberElem are the types that can be ordered and reckoned with.
var numberElem = []ir.DType{ir.F32, ir.I32, ir.I64}

// extremeIndex is an operator that finds the place of an extreme along one axis. The rest of the literal follows from it.
type extremeIndex struct {
	Operator // Name, Doc, Formula, Example, ONNX

	fold   loop.Fold
	beyond func(x, best float64) bool // of the evaluation: whether x is more extreme
}

// operator derives the literal.
func (e extremeIndex) operator() *Operator {
	o := e.Operator
	o.Category = "reduction"
	o.Args = []Arg{{Name: "x", Doc: "any shape; f32, i32 or i64"}}
	o.Attrs = []AttrDef{
		{Name: "axis", Doc: "the axis along which to look; -1 is the last", Default: -1},
		{Name: "keep_dims", Doc: "keep that axis with extent 1", Default: false},
		{Name: "select_last_index", Doc: "of equal elements the last counts, not the first", Default: false},
	}
	o.NoGrad = "its result is a whole number"
	o.ONNX.Attrs = map[string]string{"axis": "axis", "keep_dims": "keepdims", "select_last_index": "select_last_index"}
	o.ONNX.Note = "where ONNX leaves them out, axis is 0 and keepdims 1; the result is i32"
	o.Samples = extremeSamples
	o.Infer = func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := wantElem(o.Name, "x", args[0], numberElem...); err != nil {
			return nil, err
		}
		axis, err := plainAxis(o.Name, a.Int("axis"), args[0].Shape)
		if err != nil {
			return nil, err
		}
		return []ir.Type{ir.T(ir.I32, dropAxes(args[0].Shape, []int{axis}, a.Bool("keep_dims")))}, nil
	}
	o.Eval = func(args []*Tensor, a ir.Attrs) []*Tensor { return []*Tensor{e.eval(args[0], a)} }
	o.Lower = e.lower
	return &o
}

func (e extremeIndex) eval(x *Tensor, a ir.Attrs) *Tensor {
	axes := []int{mustAxis(a.Int("axis"), len(x.Shape))}
	at := NewTensor(ir.I32, dropInts(x.Shape, axes, true)...)
	best := NewTensor(ir.F32, at.Shape...)
	n := 0
	eachIndex(x.Shape, func(ix []int) {
		k, i, v := at.at(ix), ix[axes[0]], x.Data[n]
		old := best.Data[k]
		same := v == old || math.IsNaN(v) && math.IsNaN(old)
		if i == 0 || e.beyond(v, old) && !math.IsNaN(old) || math.IsNaN(v) && !math.IsNaN(old) || same && a.Bool("select_last_index") {
			best.Data[k], at.Data[k] = v, float64(i)
		}
		n++
	})
	at.Shape = dropInts(x.Shape, axes, a.Bool("keep_dims"))
	return at
}

// lower folds twice: to the extreme, which is NaN where any element is; then to the first (or last) number of an element that equals it, or
// that is NaN.
func (e extremeIndex) lower(l *Lowering, op *ir.Op) {
	x, y := l.Buf(op.Args[0]), l.Buf(op.Results[0])
	axis := mustAxis(op.Attrs.Int("axis"), len(x.Shape))
	kept := ir.T(x.Elem, dropAxes(x.Shape, []int{axis}, true))
	top := l.Temp("extreme", kept)
	read := func(at []loop.Affine) *loop.Expr { return loop.Read(x, at...) }
	l.foldOne(top, x.Shape, axis, true, e.fold, asIs, read)
	none, fold := math.MaxInt32, loop.FoldMin
	if op.Attrs.Bool("select_last_index") {
		none, fold = math.MinInt32, loop.FoldMax
	}
	finish := asIs
	if !x.Shape[axis].Static() { // of an empty batch the number is 0
		finish = func(at *loop.Expr) *loop.Expr {
			return loop.E(loop.Select, loop.E(loop.Eq, at, loop.I(none)), loop.I(0), at)
		}
	}
	l.foldOne(y, x.Shape, axis, op.Attrs.Bool("keep_dims"), fold, finish, func(at []loop.Affine) *loop.Expr {
		hit := loop.E(loop.Eq, read(at), loop.Read(top, reducedIndexOf(at, axis)...))
		if x.Elem == ir.F32 {
			hit = loop.E(loop.Or, hit, loop.E(loop.NotEq, read(at), read(at)))
		}
		return loop.E(loop.Select, hit, loop.IndexOf(at[axis]), loop.I(none))
	})
}

// reducedIndexOf is an index with 0 in place of one axis.
func reducedIndexOf(at []loop.Affine, axis int) []loop.Affine {
	r := append([]loop.Affine{}, at...)
	r[axis] = loop.At(0)
	return r
}

// foldOne emits a fold over one axis of a nest over s into y, which has that axis with extent 1 or, unless keep is set, lacks it.
func (l *Lowering) foldOne(y *loop.Buffer, s ir.Shape, axis int, keep bool, fold loop.Fold,
	finish func(total *loop.Expr) *loop.Expr, value func(at []loop.Affine) *loop.Expr) {
	n := &loop.Nest{Form: loop.Reduce, Name: y.Name, Fold: fold}
	at := make([]loop.Affine, len(s))
	var to []loop.Affine
	for i, a := range axesOf(s) {
		switch {
		case i != axis:
			at[i] = loop.Ax(len(n.Axes))
			n.Axes = append(n.Axes, a)
			to = append(to, at[i])
		case keep:
			to = append(to, loop.At(0))
		}
	}
	at[axis] = loop.Ax(len(n.Axes))
	n.Red = []loop.Axis{axesOf(s)[axis]}
	n.Value = value(at)
	n.Stores = []loop.Store{storeAt(y, finish(loop.Total(n.Value.Type)), to...)}
	l.Emit(n)
}

var extremeSamples = []Sample{
	{Args: f32Types(ir.NS(5))},
	{Args: f32Types(ir.NS(3, 11)), Attrs: ir.Attrs{{Name: "axis", Value: 1}, {Name: "keep_dims", Value: true}}, Batch: 2},
	{Args: f32Types(ir.NS(4)), Batch: 4, Attrs: ir.Attrs{{Name: "select_last_index", Value: true}},
		Data: map[int][]float64{0: {1, 2, 2, 1, 0, 0, 0, 0, math.NaN(), 1, math.NaN(), 2, math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)}}},
	{Args: f32Types(ir.NS(4)), Batch: 4,
		Data: map[int][]float64{0: {1, 2, 2, 1, 0, math.Copysign(0, -1), 0, 0, 7, 1, math.NaN(), math.NaN(), math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)}}},
	{Args: f32Types(ir.NS(3)), Attrs: ir.Attrs{{Name: "axis", Value: 0}}, Batch: 5},
	{Args: f32Types(ir.S(1))},
	{Args: f32Types(ir.S(2, 1, 3)), Attrs: ir.Attrs{{Name: "axis", Value: 1}, {Name: "keep_dims", Value: true}}},
	{Args: []ir.Type{ir.T(ir.I32, ir.NS(5))}, Batch: 2, Data: map[int][]float64{0: {3, -2147483648, 2147483647, 2147483647, -2147483648, 16777217, 16777216, 16777217, 1, 1}}},
	{Args: []ir.Type{ir.T(ir.I64, ir.S(3))}, Attrs: ir.Attrs{{Name: "select_last_index", Value: true}}, Data: map[int][]float64{0: {-1, -1, -1}}},
}
