package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// ctcRowAttrs are the attributes of the operators that ctc is made of.
var ctcRowAttrs = []AttrDef{
	{Name: "blank", Doc: "the symbol that stands for nothing", Default: 0},
	{Name: "zero_infinity", Doc: "what does not fit costs nothing", Default: false},
	givenAttr,
}

// CTCRows is the cost of each example of ctc.
var CTCRows = Register(&Operator{
	Name:     "ctc_rows",
	Doc:      "The cost of each example of ctc, from logarithms of probabilities.",
	Formula:  "y[n] = -ln Σ_{paths that decode to label[n]} exp(Σ_t scores[n, t, path[t]])",
	Example:  "y = ctc_rows(scores, label)",
	Category: "loss",
	Internal: true,
	Args:     ctcArgs,
	Attrs:    ctcRowAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := wantGiven("ctc_rows", len(args), ctcArgs, a); err != nil {
			return nil, err
		}
		if err := checkCTC("ctc_rows", place(args, a, 4), a); err != nil {
			return nil, err
		}
		return []ir.Type{ir.T(ir.F32, args[0].Shape[:1])}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := place(args, a, 4)
		rows := NewTensor(ir.F32, x[0].Shape[0])
		for n := range rows.Data {
			rows.Data[n] = newAlignment(x, n, a).cost(a)
		}
		return []*Tensor{rows}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		list := make([]*ir.Value, len(op.Args))
		if grads[0] != nil {
			attrs := append(ir.Attrs{}, op.Attrs...)
			if given := op.Attrs.Ints("given"); len(given) > 0 {
				shifted := []int{0}
				for _, i := range given {
					shifted = append(shifted, i+1)
				}
				attrs[2].Value = shifted
			}
			list[0] = b.Must("ctc_rows_grad", op.Args[0].Name, append([]*ir.Value{grads[0]}, op.Args...), attrs...)
		}
		return list
	},
	Lower: func(l *Lowering, op *ir.Op) {
		w := newCTCLowering(l, place(op.Args, op.Attrs, 4), op.Attrs)
		w.forward()
		y := l.Buf(op.Results[0])
		l.Emit(&loop.Nest{Form: loop.Map, Name: y.Name, Axes: axesOf(y.Shape), Fold: loop.FoldNone, Stores: []loop.Store{storeAt(y, w.cost(loop.Ax(0)), loop.Ax(0))}})
	},
	Samples: func() []Sample {
		list := ctcSamples(nil)
		only := Sample{Args: append([]ir.Type{}, list[0].Args...), Batch: 3, Data: map[int][]float64{1: list[0].Data[1], 2: {2, 0, 1}}, Attrs: ir.Attrs{{Name: "given", Value: []int{0, 1, 3}}}}
		only.Args = append(only.Args, ir.T(ir.I32, ir.NS()))
		return append(list, only)
	}(),
})

// CTCRowsGrad is the gradient of ctc_rows.
var CTCRowsGrad = Register(&Operator{
	Name:     "ctc_rows_grad",
	Doc:      "The gradient of ctc_rows by its scores: how probable it is, given the label, that a path has a symbol at a step, by the probabilities of all beginnings and ends of paths.",
	Formula:  "dx[n, t, c] = -dy[n] * P(path[t] == c | label[n])",
	Example:  "dx = ctc_rows_grad(dy, scores, label)",
	Category: "gradient",
	Internal: true,
	Args:     append([]Arg{{Name: "dy", Doc: "f32[N]"}}, ctcArgs...),
	Attrs:    ctcRowAttrs,
	NoGrad:   "second derivatives of a loss are not supported",
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x := place(args, a, 5)
		if err := checkCTC("ctc_rows_grad", x[1:], a); err != nil {
			return nil, err
		}
		if want := ir.T(ir.F32, x[1].Shape[:1]); !x[0].Equal(want) {
			return nil, fmt.Errorf("ctc_rows_grad wants %s for dy, not %s", want, x[0])
		}
		return x[1:2], nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := place(args, a, 5)
		dx := NewTensor(ir.F32, x[1].Shape...)
		steps, classes := x[1].Shape[1], x[1].Shape[2]
		for n, dy := range x[0].Data {
			s := newAlignment(x[1:], n, a)
			total := s.probability()
			if total == 0 {
				continue
			}
			begin, end := s.ways()
			for t := range s.p {
				for i, k := range s.symbols {
					dx.Data[(n*steps+t)*classes+k] -= dy * begin[t][i] * end[t][i] / total
				}
			}
		}
		return []*Tensor{dx}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x := place(op.Args, op.Attrs, 5)
		w := newCTCLowering(l, x[1:], op.Attrs)
		w.forward()
		w.backward()
		w.scatter(l.Buf(op.Results[0]), l.Buf(x[0]))
	},
	Samples: func() []Sample {
		list := ctcSamples(nil)
		for i := range list {
			s := &list[i]
			s.Args = append(f32Types(ir.NS()), s.Args...)
			data := map[int][]float64{}
			for k, d := range s.Data {
				data[k+1] = d
			}
			s.Data = data
		}
		return list
	}(),
})
