package ops

import (
	"github.com/dlc-ml/dlc/ir"
)

// margins is a loss that asks for a margin between right and wrong: hinge and squared_hinge.
type margins struct {
	Operator
	squared bool
}

func (m margins) operator() *Operator {
	o := m.Operator
	o.Category = "loss"
	o.Args = []Arg{{Name: "scores", Doc: "f32[N, …, C]: a score for each class; or any shape: a score for each yes-or-no question"},
		{Name: "label", Doc: "i32[N, …]: the right class, 0 … C-1; or f32 of the shape of scores: 1 for yes, -1 for no"}}
	o.Attrs = []AttrDef{{Name: "margin", Doc: "how far on the right side is far enough", Default: 1.0}, lossReduction}
	o.Attrs[1].Doc = "mean or sum over the whole batch; none gives a number for each label, or the mean of the questions of each example"
	o.Expand = func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		x, label := args[0], args[1]
		if label.Type.Elem == ir.F32 && label.Type.Equal(x.Type) {
			each := m.over(b, b.apply("sub", b.scalar(a.Float("margin")), b.apply("mul", label, x)))
			if a.Str("reduction") == "none" {
				each = b.inExample("reduce_mean", each)
			}
			return b.reduced(each, a)
		}
		if _, err := inferClasses(o.Name, x.Type, label.Type); err != nil {
			return nil, err
		}
		classes := x.Type.Shape[len(x.Type.Shape)-1].Size
		right := b.Must("one_hot", "right", []*ir.Value{label}, ir.Attr{Name: "depth", Value: classes})
		wrong := b.apply("sub", b.scalar(1), right)
		score := b.sumLast(b.apply("mul", x, right), true)
		each := m.over(b, b.offset(b.apply("sub", x, score), a.Float("margin")))
		rows := b.scaled(b.sumLast(b.apply("mul", each, wrong), false), 1/float64(classes))
		return b.reduced(rows, a)
	}
	o.Eval = func(args []*Tensor, a ir.Attrs) []*Tensor { return m.eval(args[0], args[1], a) }
	labelled := classSamples()
	for i := range labelled {
		labelled[i].Kinks = 0.02
	}
	sides := []float64{1, -1, 1, 1, -1, -1, 1, -1, 1, 1, -1, 1}
	o.Samples = byReduction(append(labelled,
		Sample{Args: f32Types(ir.NS(4), ir.NS(4)), Kinks: 0.03, Data: map[int][]float64{1: sides}},
		Sample{Args: f32Types(ir.NS(3, 2), ir.NS(3, 2)), Batch: 2, Kinks: 0.03, Data: map[int][]float64{1: sides}, Attrs: ir.Attrs{{Name: "margin", Value: 0.5}}},
		Sample{Args: f32Types(ir.NS(), ir.NS()), Batch: 12, Kinks: 0.03, Data: map[int][]float64{1: sides}},
		Sample{Args: f32Types(ir.S(4), ir.S(4)), Kinks: 0.03, Data: map[int][]float64{1: sides[:4]}},
	))
	return &o
}

// over is what lies over 0, squared or not.
func (m margins) over(b *Builder, x *ir.Value) *ir.Value {
	x = b.apply("relu", x)
	if m.squared {
		x = b.apply("square", x)
	}
	return x
}

func (m margins) eval(x, label *Tensor, a ir.Attrs) []*Tensor {
	over := func(v float64) float64 {
		v = max(0, v)
		if m.squared {
			v *= v
		}
		return v
	}
	if label.Elem == ir.F32 {
		each := NewTensor(ir.F32, x.Shape...)
		for i, v := range x.Data {
			each.Data[i] = over(a.Float("margin") - label.Data[i]*v)
		}
		if a.Str("reduction") == "none" && len(x.Shape) > 0 {
			rows := NewTensor(ir.F32, x.Shape[0])
			per := volume(x.Shape[1:])
			for i, v := range each.Data {
				rows.Data[i/per] += v / float64(per)
			}
			each = rows
		}
		return evalReduced(each, a)
	}
	rows := NewTensor(ir.F32, label.Shape...)
	eachRow(x, label, func(i int, row []float64, class int) {
		for c, v := range row {
			if c != class {
				rows.Data[i] += over(a.Float("margin")-row[class]+v) / float64(len(row))
			}
		}
	})
	return evalReduced(rows, a)
}
