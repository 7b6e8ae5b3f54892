package onnx

import (
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

var _ = registerExport(map[string]exportRow{
	"reshape": exportReshape, "flatten": exportReshape, "reshape_like": exportReshape,
	"expand": exportExpandLike,
	"transpose": func(w *exporting) {
		n := w.rank(0)
		perm := make([]int, n)
		for i, p := range w.op.Attrs.Ints("perm") {
			perm[i] = axis(p, n)
		}
		if len(w.op.Attrs.Ints("perm")) == 0 {
			for i := 1; i < n; i++ {
				perm[i] = n - i
			}
		}
		w.done(w.permuted(w.op.Args[0], perm))
	},
	"concat":       exportConcat,
	"slice":        exportSlice,
	"pad":          exportPad,
	"split":        exportSplit,
	"broadcast_to": exportExpand,
	"tile":         exportTile,
	"gather":       exportGather,
	"grid_sample":  exportGridSample,
	"resample":     exportResample,
	"one_hot":      exportOneHot,
	"topk":         exportTopK,
	"sort":         exportSort,
	"cumsum":       exportCumSum,
	"trilu": func(w *exporting) {
		w.done(w.node("Trilu", []string{w.in(0), w.constant(ir.I64, nil, []float64{float64(w.op.Attrs.Int("k"))})}, boolAttr("upper", w.op.Attrs.Bool("upper"))))
	},
	"argmax":          exportExtreme("ArgMax"),
	"argmin":          exportExtreme("ArgMin"),
	"gather_elements": direct,
	"gather_nd": func(w *exporting) {
		w.done(w.node("GatherND", []string{w.in(0), w.wide(1)}, intAttr("batch_dims", w.op.Attrs.Int("batch_dims"))))
	},
	"scatter_elements": direct,
	"scatter_nd": func(w *exporting) {
		if w.op.Attrs.Int("batch_dims") != 0 {
			refuse("ScatterND has no batch_dims")
		}
		w.done(w.node("ScatterND", []string{w.in(0), w.wide(1), w.in(2)}, textAttr("reduction", w.op.Attrs.Str("reduction"))))
	},
	"reverse_sequence": func(w *exporting) {
		w.done(w.node("ReverseSequence", []string{w.in(0), w.wide(1)}, intAttr("batch_axis", 0), intAttr("time_axis", 1)))
	},
	"sinusoidal_positions": func(w *exporting) {
		zeros := ops.NewTensor(ir.F32, ops.Extents(w.shape(0), 1)...)
		t := ops.Lookup(w.op.Kind).Eval([]*ops.Tensor{zeros}, w.op.Attrs)[0]
		w.done(w.apply("Add", w.in(0), w.constant(ir.F32, t.Shape, t.Data)))
	},
	"reduce_sum": exportReduce("ReduceSum"), "reduce_mean": exportReduce("ReduceMean"), "reduce_prod": exportReduce("ReduceProd"),
	"reduce_max": exportReduce("ReduceMax"), "reduce_min": exportReduce("ReduceMin"), "reduce_l1": exportReduce("ReduceL1"), "reduce_l2": exportReduce("ReduceL2"),
	"reduce_sum_square": exportReduce("ReduceSumSquare"), "reduce_log_sum": exportReduce("ReduceLogSum"), "reduce_log_sum_exp": exportReduce("ReduceLogSumExp"),
	"reduce_all": exportReduce("ReduceMin"), "reduce_any": exportReduce("ReduceMax"),
})

// wide is operand i as INT64, which some operators of ONNX want.
func (w *exporting) wide(i int) string {
	if w.op.Args[i].Type.Elem == ir.I64 {
		return w.in(i)
	}
	return w.cast(w.in(i), Int64)
}

// typed gives a value of the graph the element type of a result.
func (w *exporting) typed(name string, result int, have DataType) string {
	if want := typeOfElem[w.op.Results[result].Type.Elem]; want != have {
		return w.cast(name, want)
	}
	return name
}

func exportReshape(w *exporting) {
	w.done(w.reshape(w.in(0), w.shape(0), w.op.Results[0].Type.Shape))
}

// exportConcat joins images with their channels second where they are so.
func exportConcat(w *exporting) {
	n := w.rank(0)
	at := axis(w.op.Attrs.Int("axis"), n)
	turned := !slices.ContainsFunc(w.op.Args, func(v *ir.Value) bool { return !w.turned(v) })
	var in []string
	for i, v := range w.op.Args {
		if turned {
			in = append(in, w.first(v))
		} else {
			in = append(in, w.in(i))
		}
	}
	if turned {
		at = slices.Index(toFirst(n), at)
	}
	w.finish(turned, w.node("Concat", in, intAttr("axis", at)))
}

func exportSlice(w *exporting) {
	a := w.op.Attrs
	starts, ends, axes, steps := a.Ints("starts"), a.Ints("ends"), a.Ints("axes"), a.Ints("steps")
	if len(axes) == 0 {
		axes = seq(w.rank(0)-len(starts), w.rank(0))
	}
	if len(steps) == 0 {
		steps = slices.Repeat([]int{1}, len(starts))
	}
	if len(ends) == 0 {
		for _, s := range steps {
			end := math.MaxInt32
			if s < 0 {
				end = -math.MaxInt32
			}
			ends = append(ends, end)
		}
	}
	w.done(w.apply("Slice", w.in(0), w.ints(starts...), w.ints(ends...), w.ints(axes...), w.ints(steps...)))
}

// exportPad leaves an image whose channels are second as it is.
func exportPad(w *exporting) {
	n, a := w.rank(0), w.op.Attrs
	before, after := a.Ints("before"), a.Ints("after")
	if len(after) == 0 {
		after = before
	}
	mode := a.Str("mode")
	if !slices.Contains([]string{"constant", "reflect", "edge"}, mode) {
		refuse("Pad of opset %d knows no mode %s", ExportOpset, mode)
	}
	lead := make([]int, n-len(before))
	before, after = append(slices.Clone(lead), before...), append(lead, after...)
	turned := w.turned(w.op.Args[0])
	x := ""
	if turned {
		x, before, after = w.first(w.op.Args[0]), chosen(before, toFirst(n)), chosen(after, toFirst(n))
	} else {
		x = w.in(0)
	}
	in := []string{x, w.ints(append(slices.Clone(before), after...)...)}
	if mode == "constant" {
		in = append(in, w.scalar(a.Float("value")))
	}
	w.finish(turned, w.node("Pad", in, textAttr("mode", mode)))
}

// chosen are the elements of a list at some places.
func chosen(list, places []int) []int {
	r := make([]int, len(places))
	for i, p := range places {
		r[i] = list[p]
	}
	return r
}

func exportSplit(w *exporting) {
	at := axis(w.op.Attrs.Int("axis"), w.rank(0))
	var sizes []int
	for _, v := range w.op.Results {
		sizes = append(sizes, v.Type.Shape[at].Size)
	}
	w.done(w.nodes("Split", []string{w.in(0), w.ints(sizes...)}, len(sizes), intAttr("axis", at))...)
}

// exportExpand keeps the batch in front, where what is stretched has fewer axes.
func exportExpand(w *exporting) {
	from, to := w.shape(0), w.op.Results[0].Type.Shape
	x := w.in(0)
	if len(from) > 0 && !from[0].Static() && len(from) < len(to) {
		longer := append(ir.Shape{from[0]}, ir.S(slices.Repeat([]int{1}, len(to)-len(from))...)...)
		x = w.reshape(x, from, append(longer, from[1:]...))
	}
	target := make([]int, len(to))
	for i, d := range to {
		if target[i] = d.Size; !d.Static() {
			target[i] = 1
		}
	}
	w.done(w.apply("Expand", x, w.ints(target...)))
}

// exportExpandLike repeats x along axes that it lacks or has with extent 1.
func exportExpandLike(w *exporting) {
	if w.op.Attrs.Bool("mean") {
		refuse("it divides by the number of repetitions")
	}
	to := slices.Clone(w.op.Results[0].Type.Shape)
	axes := w.op.Attrs.Ints("axes")
	if len(axes) == 0 {
		axes = seq(0, len(to))
	}
	for _, a := range axes {
		to[axis(a, len(to))] = ir.D(1)
	}
	w.done(w.apply("Expand", w.reshape(w.in(0), w.shape(0), to), w.apply("Shape", w.in(1))))
}

func exportTile(w *exporting) {
	repeats := w.op.Attrs.Ints("repeats")
	x := w.in(0)
	if more := len(repeats) - w.rank(0); more > 0 {
		refuse("it adds axes")
	}
	repeats = append(slices.Repeat([]int{1}, w.rank(0)-len(repeats)), repeats...)
	w.done(w.apply("Tile", x, w.ints(repeats...)))
}

// exportGather writes the choice that each row of a batch makes for itself as one of elements by their places.
func exportGather(w *exporting) {
	at, batch := axis(w.op.Attrs.Int("axis"), w.rank(0)), w.op.Attrs.Int("batch_dims")
	switch batch {
	case 0:
		w.done(w.node("Gather", []string{w.in(0), w.in(1)}, intAttr("axis", at)))
	case at:
		places := w.apply("Unsqueeze", w.wide(1), w.ints(-1))
		w.done(w.node("GatherND", []string{w.in(0), places}, intAttr("batch_dims", batch)))
	default:
		refuse("GatherND takes the axis right behind its %d batch_dims only, not axis %d", batch, at)
	}
}

func exportGridSample(w *exporting) {
	a := w.op.Attrs
	if w.rank(0) != 4 {
		refuse("GridSample of opset %d takes images only", ExportOpset)
	}
	mode := map[string]string{"linear": "bilinear", "cubic": "bicubic", "nearest": "nearest"}[a.Str("mode")]
	w.doneFirst(w.node("GridSample", []string{w.first(w.op.Args[0]), w.in(1)}, textAttr("mode", mode), textAttr("padding_mode", a.Str("padding_mode")),
		boolAttr("align_corners", a.Bool("align_corners"))))
}

// exportResample writes samples of an axis as a choice of elements, where each is one element, and as a product with the matrix of their weights.
func exportResample(w *exporting) {
	a, n := w.op.Attrs, w.rank(0)
	at, counts, index, weights := a.Int("axis"), a.Ints("counts"), a.Ints("index"), a.Floats("weights")
	if len(weights) == 0 && !slices.ContainsFunc(counts, func(c int) bool { return c != 1 }) {
		w.done(w.node("Gather", []string{w.in(0), w.ints(index...)}, intAttr("axis", at)))
		return
	}
	if slices.Contains(counts, 0) && a.Float("fill") != 0 {
		refuse("it fills what lies outside of its input with %v", a.Float("fill"))
	}
	in, k := w.shape(0)[at].Size, 0
	matrix := make([]float64, in*len(counts))
	for o, c := range counts {
		for range c {
			weight := 1.0
			if len(weights) > 0 {
				weight = weights[k]
			}
			matrix[index[k]*len(counts)+o] += weight
			k++
		}
	}
	order := append(slices.Delete(seq(0, n), at, at+1), at)
	back := slices.Insert(seq(0, n-1), at, n-1)
	y := w.apply("MatMul", w.permuted(w.op.Args[0], order), w.constant(ir.F32, []int{in, len(counts)}, matrix))
	w.done(w.node("Transpose", []string{y}, intsAttr("perm", back...)))
}

func exportOneHot(w *exporting) {
	a := w.op.Attrs
	depth := w.constant(ir.I64, nil, []float64{float64(a.Int("depth"))})
	values := w.constant(w.op.Results[0].Type.Elem, []int{2}, []float64{a.Float("off"), a.Float("on")})
	x, to := w.wide(0), w.op.Results[0].Type.Shape
	if len(to) == 1 { // ONNX wants an axis
		x = w.apply("Unsqueeze", x, w.ints(0))
		w.done(w.apply("Squeeze", w.node("OneHot", []string{x, depth, values}, intAttr("axis", 1)), w.ints(0)))
		return
	}
	w.done(w.node("OneHot", []string{x, depth, values}, intAttr("axis", a.Int("axis"))))
}

func exportTopK(w *exporting) {
	a := w.op.Attrs
	y := w.nodes("TopK", []string{w.in(0), w.ints(a.Int("k"))}, 2, intAttr("axis", a.Int("axis")), boolAttr("largest", a.Bool("largest")), boolAttr("sorted", true))
	w.done(y[0], w.typed(y[1], 1, Int64))
}

func exportSort(w *exporting) {
	at := axis(w.op.Attrs.Int("axis"), w.rank(0))
	y := w.nodes("TopK", []string{w.in(0), w.ints(fixed(w.shape(0)[at : at+1])...)}, 2, intAttr("axis", at), boolAttr("largest", w.op.Attrs.Bool("descending")), boolAttr("sorted", true))
	if len(w.op.Results) > 1 {
		y[1] = w.typed(y[1], 1, Int64)
	}
	w.done(y[:len(w.op.Results)]...)
}

func exportCumSum(w *exporting) {
	at := w.constant(ir.I64, nil, []float64{float64(w.op.Attrs.Int("axis"))})
	w.done(w.node("CumSum", []string{w.in(0), at}, boolAttr("exclusive", w.op.Attrs.Bool("exclusive")), boolAttr("reverse", w.op.Attrs.Bool("reverse"))))
}

func exportExtreme(name string) exportRow {
	return func(w *exporting) {
		a := w.op.Attrs
		y := w.node(name, []string{w.in(0)}, intAttr("axis", a.Int("axis")), boolAttr("keepdims", a.Bool("keep_dims")), boolAttr("select_last_index", a.Bool("select_last_index")))
		w.done(w.typed(y, 0, Int64))
	}
}

// exportReduce folds axes, in 32 bits, which every reduction knows.
func exportReduce(name string) exportRow {
	return func(w *exporting) {
		x, v := "", w.op.Args[0]
		axes, keep := w.axes(), w.op.Attrs.Bool("keep_dims")
		if w.turned(v) && !keep && len(axes) == w.rank(0)-2 && axes[0] == 1 && axes[len(axes)-1] == w.rank(0)-2 {
			x, axes = w.first(v), seq(2, w.rank(0)) // all but the batch and the channels
		} else {
			x = w.plain(v)
		}
		have := typeOfElem[v.Type.Elem]
		switch elem := v.Type.Elem; {
		case shortFloat(elem):
			x, have = w.cast(x, Float), Float
		case elem == ir.Bool || elem == ir.I8 || elem == ir.U8:
			x, have = w.cast(x, Int32), Int32
		}
		in := []string{x}
		if len(axes) > 0 {
			in = append(in, w.ints(axes...))
		}
		w.done(w.typed(w.node(name, in, boolAttr("keepdims", keep)), 0, have))
	}
}
