package ops

import (
	"github.com/dlc-ml/dlc/ir"
)

// ctcArgs are the operands of ctc; its operators take logarithms of probabilities for scores.
var ctcArgs = []Arg{
	{Name: "scores", Doc: "f32[N,T,C]: a score for each symbol at each step, not normalised"},
	{Name: "label", Doc: "i32[N,L]: the right symbols"},
	{Name: "steps", Doc: "i32[N]: how many of the T steps count; all without it", Optional: true},
	{Name: "lengths", Doc: "i32[N]: how many of the L symbols count; all without it", Optional: true},
}

// CTC is the loss of sequences without alignment (Graves et al., "Connectionist Temporal Classification", 2006).
var CTC = Register(&Operator{
	Name: "ctc",
	Doc: "The loss of a sequence of symbols when it is not known at which steps they fall, as in speech and handwriting: the negative logarithm of the probability, over all ways to stretch the label " +
		"over the steps, with blank between symbols where it helps. It takes raw scores and does the softmax over the symbols itself. The mean is over examples, each divided by the length " +
		"of its label. A label that does not fit into its steps costs infinity.",
	Formula:  "y = mean_n (-ln Σ_{paths that decode to label[n]} Π_t softmax(scores[n, t])[path[t]] / max(1, lengths[n]))",
	Example:  "loss = ctc(scores, text, frames, length)",
	Category: "loss",
	Args:     ctcArgs,
	Attrs: []AttrDef{
		{Name: "blank", Doc: "the symbol that stands for nothing", Default: 0},
		{Name: "zero_infinity", Doc: "examples whose label does not fit into their steps cost nothing", Default: false},
		{Name: "reduction", Default: "mean", Values: []string{"mean", "sum", "none"}, Doc: "mean over examples, by the length of the label, or sum; none gives a number for each example"},
	},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		x := make([]*ir.Value, 4)
		copy(x, args)
		if err := checkCTC("ctc", typesOf(x), a); err != nil {
			return nil, err
		}
		x[0] = b.apply("log_softmax", x[0])
		list, given := compact(x)
		rows := b.Must("ctc_rows", "ctc", list, given, ir.Attr{Name: "blank", Value: a.Int("blank")}, ir.Attr{Name: "zero_infinity", Value: a.Bool("zero_infinity")})
		if a.Str("reduction") != "mean" {
			return b.reduced(rows, a)
		}
		if x[3] == nil {
			return b.reduced(b.scaled(rows, 1/float64(x[1].Type.Shape[1].Size)), a)
		}
		lengths := b.apply("max", b.cast(x[3], ir.F32), b.scalar(1))
		return b.reduced(b.apply("div", rows, lengths), a)
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := make([]*Tensor, 4)
		copy(x, args)
		x[0] = evalRows(x[0], 2, func(row []float64) {
			total := logSumExp(row)
			for i := range row {
				row[i] -= total
			}
		})
		rows := NewTensor(ir.F32, x[0].Shape[0])
		for n := range rows.Data {
			s := newAlignment(x, n, a)
			rows.Data[n] = s.cost(a)
			if a.Str("reduction") == "mean" {
				length := x[1].Shape[1]
				if x[3] != nil {
					length = max(1, int(x[3].Data[n]))
				}
				rows.Data[n] /= float64(length)
			}
		}
		return evalReduced(rows, a)
	},
	Samples: ctcSamples([]string{"mean", "sum", "none"}),
})

// typesOf are the types of values, of which some may be nil.
func typesOf(list []*ir.Value) []ir.Type {
	types := make([]ir.Type, len(list))
	for i, v := range list {
		if v != nil {
			types[i] = v.Type
		}
	}
	return types
}

// checkCTC checks the operands, of which missing ones are zero, and the blank.
func checkCTC(name string, t []ir.Type, a ir.Attrs) error {
	x, label := t[0], t[1]
	if err := wantElem(name, "scores", x, ir.F32); err != nil {
		return err
	}
	if err := wantElem(name, "label", label, ir.I32); err != nil {
		return err
	}
	if len(x.Shape) != 3 || !x.Shape[1].Static() || !x.Shape[2].Static() {
		return WithNote("reshape gives each example the form [T,C]", "%s wants scores f32[N,T,C], not %s", name, x)
	}
	if len(label.Shape) != 2 || label.Shape[0] != x.Shape[0] || !label.Shape[1].Static() {
		return WithNote("declare the target as i32[L], with its length as a target i32[]", "%s of %s wants i32[N,L] for label, not %s", name, x, label)
	}
	for i, l := range t[2:] {
		if l.Elem != ir.Invalid && !l.Equal(ir.T(ir.I32, x.Shape[:1])) {
			return WithNote("declare it as i32[]", "%s wants %s for %s, not %s", name, ir.T(ir.I32, x.Shape[:1]), ctcArgs[2+i].Name, l)
		}
	}
	if k := a.Int("blank"); k < 0 || k >= x.Shape[2].Size {
		return WithNote("the scores need one symbol more than there are, for blank", "%s has no symbol %d for blank: there are %s", name, k, x.Shape[2])
	}
	if n, ok := (ir.Shape{ir.D(x.Shape[1].Size + 1), ir.D(2*label.Shape[1].Size + 3)}).Elems(); !ok {
		return WithNote("cut the sequences", "%s of %s and %s has more than %d ways to go, %s", name, x, label, ir.MaxElems, n)
	}
	return nil
}

// ctcSamples are scores and labels with repetitions, of every length, with and without lengths.
func ctcSamples(reductions []string) []Sample {
	types := func(t, c, l, more int) []ir.Type {
		list := []ir.Type{ir.T(ir.F32, ir.NS(t, c)), ir.T(ir.I32, ir.NS(l))}
		return append(list, i32Types(ir.NS(), ir.NS())[:more]...)
	}
	list := []Sample{
		{Args: types(5, 4, 2, 0), Batch: 3, Data: map[int][]float64{1: {1, 2, 3, 3, 2, 1}}},
		{Args: types(7, 3, 3, 2), Batch: 4, Data: map[int][]float64{1: {1, 1, 2, 2, 1, 1, 1, 2, 0, 2, 0, 0}, 2: {7, 6, 3, 1}, 3: {3, 3, 2, 0}}},
		{Args: types(1, 5, 1, 0), Batch: 2, Attrs: ir.Attrs{{Name: "blank", Value: 4}}, Data: map[int][]float64{1: {0, 3}}},
		{Args: types(9, 6, 4, 1), Batch: 1, Attrs: ir.Attrs{{Name: "blank", Value: 2}}, Data: map[int][]float64{1: {5, 0, 0, 1}, 2: {8}}},
		{Args: types(3, 3, 3, 0), Batch: 2, Attrs: ir.Attrs{{Name: "zero_infinity", Value: true}}, Data: map[int][]float64{1: {1, 2, 1, 1, 1, 2}}},
	}
	for i := range list {
		if reductions != nil {
			list[i].Attrs = append(ir.Attrs{{Name: "reduction", Value: reductions[i%3]}}, list[i].Attrs...)
		}
	}
	return list
}
