package onnx

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// recurrentForm says how a recurrent operator differs from ONNX's: block i of ONNX's gates is the operator's block order[i], and the operands behind the sums and
// the matrix have these places among those of ONNX.
type recurrentForm struct {
	name   string
	order  []int
	places []int
}

// The places of ONNX's operands.
const (
	onnxBias     = 3
	onnxLengths  = 4
	onnxState    = 5
	onnxCell     = 6
	onnxPeephole = 7
)

var _ = registerExport(map[string]exportRow{
	"rnn_steps":  recurrentForm{"RNN", []int{0}, []int{onnxLengths, onnxState}}.export,
	"gru_steps":  recurrentForm{"GRU", []int{1, 0, 2}, []int{onnxBias, onnxLengths, onnxState}}.export,
	"lstm_steps": recurrentForm{"LSTM", []int{0, 3, 1, 2}, []int{onnxLengths, onnxState, onnxCell, onnxPeephole}}.export,
})

// recurrentInput is the input of a recurrent layer, its matrix [I,D·G·H], and the biases of its sums, [D·G·H] each.
type recurrentInput struct {
	x      *ir.Value
	matrix *constant
	biases []*constant
}

// input finds the product that makes the sums, which ONNX has inside of its operator. Where there is none that can be, the sums are the input of an identity.
func (w *exporting) input() recurrentInput {
	in := recurrentInput{}
	v := w.op.Args[0]
	width := v.Type.Shape[2].Size
	for v.Def != nil && v.Def.Kind == "add" && isVector(v.Def.Args[1], width) {
		in.biases, v = append(in.biases, w.elements(v.Def.Args[1])), v.Def.Args[0]
	}
	if d := v.Def; d != nil && d.Kind == "dense" && d.Args[1].Param != nil && (len(d.Args) < 3 || isVector(d.Args[2], width)) {
		if len(d.Args) > 2 {
			in.biases = append(in.biases, w.elements(d.Args[2]))
		}
		in.x, in.matrix = d.Args[0], w.elements(d.Args[1])
		return in
	}
	eye := make([]float64, width*width)
	for i := range width {
		eye[i*width+i] = 1
	}
	return recurrentInput{x: w.op.Args[0], matrix: &constant{t: Float, shape: []int{width, width}, data: eye}}
}

// isVector reports whether a value is a parameter with one axis of this extent.
func isVector(v *ir.Value, n int) bool {
	return v.Param != nil && len(v.Type.Shape) == 1 && v.Type.Shape[0].Size == n
}

// weights are the elements of an operand that ONNX wants in another order, which only a parameter can have.
func (w *exporting) weights(v *ir.Value) *constant {
	if v.Param == nil {
		refuse("its matrices and biases must be parameters, for %s has them in another order", w.op.Kind)
	}
	return w.elements(v)
}

// regrouped brings the blocks of H elements on the last axis to another order. The axis holds as many blocks for each of some directions.
func regrouped(c *constant, hidden int, order []int) *constant {
	n := c.shape[len(c.shape)-1]
	r := *c
	r.data = make([]float64, len(c.data))
	for i := range r.data {
		row, col := i/n, i%n
		block := col / hidden
		from := block/len(order)*len(order) + order[block%len(order)]
		r.data[i] = c.data[row*n+from*hidden+col%hidden]
	}
	return &r
}

// given puts operands at the numbers that attribute given names.
func (w *exporting) given(n int) []*ir.Value {
	full := make([]*ir.Value, n)
	for i, v := range w.op.Args {
		if g := w.op.Attrs.Ints("given"); len(g) > 0 {
			i = g[i]
		}
		full[i] = v
	}
	return full
}

// gateBias is what is added to the gates: for each direction the bias of the input, then that of the state.
type gateBias struct {
	form   recurrentForm
	hidden int
	data   []float64
}

// add adds a bias [D·G·H] of the operator to that of the input, half 0, or of the state, half 1.
func (b gateBias) add(half int, c *constant) {
	block := len(b.form.order) * b.hidden
	for i, x := range regrouped(c, b.hidden, b.form.order).data {
		b.data[(i/block*2+half)*block+i%block] += x
	}
}

// forget adds to the forget gate of an LSTM, which is its second.
func (b gateBias) forget(x float64) {
	c := &constant{shape: []int{len(b.data) / 2}, data: make([]float64, len(b.data)/2)}
	for i := range c.data {
		if i/b.hidden%len(b.form.order) == 1 {
			c.data[i] = x
		}
	}
	b.add(0, c)
}

func (f recurrentForm) export(w *exporting) {
	a := w.op.Attrs
	if a.Bool("record") {
		refuse("it keeps what a gradient needs")
	}
	args := w.given(2 + len(f.places))
	dirs, hidden, gates := w.shape(1)[0].Size, w.shape(1)[1].Size, len(f.order)
	in := w.input()
	inputs := in.matrix.shape[0]
	ordered := func(c *constant) *constant { return regrouped(c, hidden, f.order) }
	store := func(c *constant) string { return w.constant(ir.F32, c.shape, c.data) }

	operands := make([]string, 8)
	operands[0] = w.permuted(in.x, []int{1, 0, 2})
	matrix := ordered(in.matrix).reshaped(inputs, dirs, gates*hidden) // [I,D,GH] to [D,GH,I]
	operands[1] = store(matrix.permuted([]int{1, 2, 0}))
	operands[2] = store(ordered(w.weights(w.op.Args[1])).permuted([]int{0, 2, 1}))
	bias := gateBias{f, hidden, make([]float64, 2*dirs*gates*hidden)}
	for _, b := range in.biases {
		bias.add(0, b)
	}
	if forget, ok := a.Get("forget_bias").(float64); ok {
		bias.forget(forget)
	}
	for i, place := range f.places {
		v := args[2+i]
		if v == nil {
			continue
		}
		switch place {
		case onnxBias:
			bias.add(1, w.weights(v))
		case onnxLengths:
			operands[place] = w.plain(v)
		case onnxPeephole: // i, f, o to i, o, f
			operands[place] = store(regrouped(w.weights(v), hidden, []int{0, 2, 1}))
		default:
			split := append(v.Type.Shape[:1:1], ir.S(dirs, hidden)...)
			operands[place] = w.node("Transpose", []string{w.reshape(w.plain(v), v.Type.Shape, split)}, intsAttr("perm", 1, 0, 2))
		}
	}
	operands[onnxBias] = w.constant(ir.F32, []int{dirs, 2 * gates * hidden}, bias.data)
	for operands[len(operands)-1] == "" {
		operands = operands[:len(operands)-1]
	}
	f.results(w, operands, dirs, hidden)
}

// results brings outputs [T,D,N,H] and states [D,N,H] to the form of the operator.
func (f recurrentForm) results(w *exporting, operands []string, dirs, hidden int) {
	a := w.op.Attrs
	attrs := []*Attribute{intAttr("hidden_size", hidden), textAttr("direction", a.Str("direction"))}
	if after, ok := a.Get("reset_after").(bool); ok {
		attrs = append(attrs, boolAttr("linear_before_reset", after))
	}
	if kind, ok := a.Get("activation").(string); ok {
		word := map[string]string{"tanh": "Tanh", "relu": "Relu"}[kind]
		attrs = append(attrs, &Attribute{Name: "activations", Type: attrStrings, Strings: slices.Repeat([]string{word}, dirs)})
	}
	y := w.nodes(f.name, operands, len(w.op.Results), attrs...)
	for i, name := range y {
		perm := []int{1, 0, 2}
		if i == 0 {
			perm = []int{2, 0, 1, 3}
		}
		to := w.op.Results[i].Type.Shape
		from := append(slices.Clone(to[:len(to)-1]), ir.S(dirs, hidden)...)
		y[i] = w.reshape(w.node("Transpose", []string{name}, intsAttr("perm", perm...)), from, to)
	}
	w.done(y...)
}
