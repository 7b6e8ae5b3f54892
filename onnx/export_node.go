package onnx

import (
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// node appends a node with one output and returns its name.
func (w *exporting) node(op string, in []string, attrs ...*Attribute) string {
	return w.nodes(op, in, 1, attrs...)[0]
}

// nodes appends a node with several outputs.
func (w *exporting) nodes(op string, in []string, outs int, attrs ...*Attribute) []string {
	return w.emit(w.op.Results[0].Name, op, in, outs, attrs...)
}

// apply appends a node without attributes.
func (w *exporting) apply(op string, in ...string) string { return w.node(op, in) }

// in is operand i in the order of its axes.
func (w *exporting) in(i int) string { return w.plain(w.op.Args[i]) }

// shape is the shape of operand i.
func (w *exporting) shape(i int) ir.Shape { return w.op.Args[i].Type.Shape }

// rank is the number of axes of operand i.
func (w *exporting) rank(i int) int { return len(w.shape(i)) }

// done says which values of the graph are the results.
func (w *exporting) done(names ...string) {
	for i, s := range names {
		w.values[w.op.Results[i]] = &exported{plain: s}
	}
}

// doneFirst says which value of the graph is the result with its last axis second.
func (w *exporting) doneFirst(name string) {
	w.values[w.op.Results[0]] = &exported{first: name}
}

// finish is done for a result that has its last axis second where turned says so.
func (w *exporting) finish(turned bool, name string) {
	if turned {
		w.doneFirst(name)
	} else {
		w.done(name)
	}
}

// turned reports whether a value is there with its last axis second only.
func (w *exporting) turned(v *ir.Value) bool {
	e := w.values[v]
	return e != nil && e.plain == "" && len(v.Type.Shape) > 2
}

// aligned are the operands of an operator that works element by element, and whether all of them have their last axis second: so they do where one
// has, and the others can.
func (w *exporting) aligned() (names []string, turned bool) {
	rank := len(w.op.Results[0].Type.Shape)
	turned = slices.ContainsFunc(w.op.Args, w.turned)
	for _, v := range w.op.Args {
		n := len(v.Type.Shape)
		turned = turned && (n == rank || n == 0 || n == 1 && v.Type.Shape[0].Static())
	}
	for _, v := range w.op.Args {
		switch n := len(v.Type.Shape); {
		case !turned || n == 0:
			names = append(names, w.plain(v))
		case n == rank:
			names = append(names, w.first(v))
		default:
			names = append(names, w.channel(v, rank-2))
		}
	}
	return names, turned
}

// channel is a value with one axis that the given number of axes of extent 1 stand behind.
func (w *exporting) channel(v *ir.Value, behind int) string {
	shape := append(slices.Clone(v.Type.Shape), ir.S(slices.Repeat([]int{1}, behind)...)...)
	if v.Param != nil {
		return w.arranged(v, "", shape, nil)
	}
	return w.apply("Reshape", w.plain(v), w.ints(ops.Extents(shape, 1)...))
}

// scalar is an initializer of the element type of operand 0.
func (w *exporting) scalar(v float64) string {
	elem := w.op.Args[0].Type.Elem
	switch {
	case w.float:
		elem = ir.F32
	case !elem.Float():
		low, high := elem.Range()
		v = min(max(v, low), high)
	}
	return w.constant(elem, nil, []float64{v})
}

// mapped are the attributes of an operator as its literal names them in ONNX.
func (w *exporting) mapped(o *ops.Operator) []*Attribute {
	var list []*Attribute
	for _, d := range o.Attrs {
		name, ok := o.ONNX.Attrs[d.Name]
		if !ok {
			continue
		}
		switch v := w.op.Attrs.Get(d.Name).(type) {
		case int:
			list = append(list, intAttr(name, v))
		case bool:
			list = append(list, boolAttr(name, v))
		case float64:
			list = append(list, floatAttr(name, v))
		case string:
			list = append(list, textAttr(name, v))
		case []int:
			list = append(list, intsAttr(name, v...))
		}
	}
	return list
}

// reshape gives a value of the graph a shape. from is what it has: a first extent that stays is not written, so that the batch may be anything.
func (w *exporting) reshape(name string, from, to ir.Shape) string {
	if from.Equal(to) {
		return name
	}
	list := make([]int, len(to))
	for i, d := range to {
		switch {
		case d.Static():
			list[i] = d.Size
		case i < len(from) && from[i] == d:
			list[i] = 0
		default:
			list[i] = -1
		}
	}
	return w.apply("Reshape", name, w.ints(list...))
}

// axes are those that attribute axes names, counted from 0; all where it is empty.
func (w *exporting) axes() []int {
	list := slices.Clone(w.op.Attrs.Ints("axes"))
	if len(list) == 0 {
		return seq(0, w.rank(0))
	}
	for i, a := range list {
		list[i] = axis(a, w.rank(0))
	}
	slices.Sort(list)
	return list
}

// fixed are the extents of a shape without a batch, which others are refused for.
func fixed(s ir.Shape) []int {
	if slices.ContainsFunc(s, func(d ir.Dim) bool { return !d.Static() }) {
		refuse("the batch is among the axes that it works on")
	}
	return ops.Extents(s, 1)
}

// perAxis is an attribute that is one number for all axes or one for each.
func perAxis(list []int, axes int) []int {
	if len(list) == 1 {
		return slices.Repeat(list, axes)
	}
	return list
}

// direct writes an operator as the one that its literal names, with the attributes of that.
func direct(w *exporting) {
	o, in := ops.Lookup(w.op.Kind), []string(nil)
	for i := range w.op.Args {
		in = append(in, w.in(i))
	}
	w.done(w.node(o.ONNX.Name, in, w.mapped(o)...))
}

// element writes an operator that works element by element. Short floats are computed in f32 and rounded once, as dlc does: not all operators
// of ONNX know them.
func element(build func(w *exporting, x []string) string) exportRow {
	return func(w *exporting) {
		in, turned := w.aligned()
		for i, v := range w.op.Args {
			if shortFloat(v.Type.Elem) {
				in[i], w.float = w.cast(in[i], Float), true
			}
		}
		y := build(w, in)
		if elem := w.op.Results[0].Type.Elem; w.float && shortFloat(elem) {
			y = w.cast(y, typeOfElem[elem])
		}
		w.finish(turned, y)
	}
}

func shortFloat(d ir.DType) bool { return d.Float() && d != ir.F32 }

// cast gives a value of the graph another element type.
func (w *exporting) cast(name string, to DataType) string {
	return w.node("Cast", []string{name}, intAttr("to", int(to)))
}

var _ = registerExport(map[string]exportRow{
	"softmax": direct, "log_softmax": direct, "hardmax": direct, "einsum": direct,
	"square":   element(func(w *exporting, x []string) string { return w.apply("Mul", x[0], x[0]) }),
	"rsqrt":    element(func(w *exporting, x []string) string { return w.apply("Reciprocal", w.apply("Sqrt", x[0])) }),
	"exp2":     element(func(w *exporting, x []string) string { return w.apply("Pow", w.scalar(2), x[0]) }),
	"expm1":    element(func(w *exporting, x []string) string { return w.apply("Sub", w.apply("Exp", x[0]), w.scalar(1)) }),
	"log1p":    element(func(w *exporting, x []string) string { return w.apply("Log", w.apply("Add", x[0], w.scalar(1))) }),
	"silu":     element(func(w *exporting, x []string) string { return w.apply("Mul", x[0], w.apply("Sigmoid", x[0])) }),
	"bias_add": element(func(w *exporting, x []string) string { return w.apply("Add", x...) }),
	"relu6":    element(func(w *exporting, x []string) string { return w.apply("Clip", x[0], w.scalar(0), w.scalar(6)) }),
	"not_equal": element(func(w *exporting, x []string) string {
		return w.apply("Not", w.apply("Equal", x...))
	}),
	"select_less": element(func(w *exporting, x []string) string {
		return w.apply("Where", w.apply("Less", x[0], x[1]), x[2], x[3])
	}),
	"cast": element(func(w *exporting, x []string) string {
		return w.cast(x[0], typeOfElem[w.op.Results[0].Type.Elem])
	}),
	"gelu": element(exportGelu),
	"clip": element(func(w *exporting, x []string) string {
		low, high := w.op.Attrs.Float("min"), w.op.Attrs.Float("max")
		in := []string{x[0], "", ""}
		if !math.IsInf(low, -1) {
			in[1] = w.scalar(low)
		}
		if !math.IsInf(high, 1) {
			in[2] = w.scalar(high)
		}
		return w.node("Clip", in)
	}),
	"mod": element(exportMod),
	"neg": element(func(w *exporting, x []string) string {
		if w.op.Args[0].Type.Elem == ir.U8 {
			return w.cast(w.apply("Neg", w.cast(x[0], Int32)), Uint8)
		}
		return w.apply("Neg", x[0])
	}),
	"relu": element(func(w *exporting, x []string) string {
		if w.op.Args[0].Type.Elem == ir.U8 {
			return x[0]
		}
		return w.apply("Relu", x[0])
	}),
	"bitwise_shift": func(*exporting) { refuse("BitShift takes unsigned numbers only") },
	"sequence_mask": func(w *exporting) {
		steps := w.op.Attrs.Int("steps")
		lengths := w.apply("Unsqueeze", w.in(0), w.ints(1))
		w.done(w.apply("Less", w.constant(w.op.Args[0].Type.Elem, []int{1, steps}, floats(seq(0, steps))), lengths))
	},
	"attention_mask": exportAttentionMask,
})

// exportGelu writes the operator in opset 18, which has no Gelu.
func exportGelu(w *exporting, x []string) string {
	if w.op.Attrs.Str("approximate") == "tanh" {
		cube := w.apply("Mul", w.apply("Mul", x[0], w.apply("Mul", x[0], x[0])), w.scalar(0.044715))
		inner := w.apply("Tanh", w.apply("Mul", w.apply("Add", x[0], cube), w.scalar(math.Sqrt(2/math.Pi))))
		return w.apply("Mul", w.apply("Mul", x[0], w.apply("Add", inner, w.scalar(1))), w.scalar(0.5))
	}
	inner := w.apply("Erf", w.apply("Div", x[0], w.scalar(math.Sqrt2)))
	return w.apply("Mul", w.apply("Mul", x[0], w.apply("Add", inner, w.scalar(1))), w.scalar(0.5))
}

// exportMod writes a remainder. That of floats has the sign of the dividend in ONNX; where it should have that of the divisor, which is added.
func exportMod(w *exporting, x []string) string {
	float, fmod := w.op.Args[0].Type.Elem.Float(), w.op.Attrs.Bool("fmod")
	y := w.node("Mod", x, boolAttr("fmod", fmod || float))
	if fmod || !float {
		return y
	}
	zero := w.scalar(0)
	apart := w.apply("Xor", w.apply("Less", y, zero), w.apply("Less", x[1], zero))
	return w.apply("Where", w.apply("And", apart, w.apply("Not", w.apply("Equal", y, zero))), w.apply("Add", y, x[1]), y)
}

// exportAttentionMask puts fill where a key lies behind its query, or behind the length of its example.
func exportAttentionMask(w *exporting) {
	s := w.shape(0)
	queries, keys := s[len(s)-2].Size, s[len(s)-1].Size
	fill, x := w.scalar(w.op.Attrs.Float("fill")), w.in(0)
	if w.op.Attrs.Bool("causal") {
		hidden := make([]float64, queries*keys)
		for t := range queries {
			for k := t + keys - queries + 1; k < keys; k++ {
				if k >= 0 {
					hidden[t*keys+k] = 1
				}
			}
		}
		x = w.apply("Where", w.constant(ir.Bool, []int{queries, keys}, hidden), fill, x)
	}
	if len(w.op.Args) > 1 {
		lengths := w.apply("Unsqueeze", w.in(1), w.ints(seq(1, len(s))...))
		places := w.constant(w.op.Args[1].Type.Elem, []int{keys}, floats(seq(0, keys)))
		x = w.apply("Where", w.apply("GreaterOrEqual", places, lengths), fill, x)
	}
	w.done(x)
}
