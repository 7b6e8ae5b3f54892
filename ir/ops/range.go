package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Range counts.
var Range = Register(&Operator{
	Name:     "range",
	Doc:      "The numbers from start, step apart, up to limit, which is left out.",
	Formula:  "y[i] = start + i*step",
	Example:  "position = range(limit=64)",
	Category: "tensor",
	Attrs: []AttrDef{
		{Name: "start", Doc: "the first number", Default: 0.0},
		{Name: "limit", Doc: "the number before which to stop", Kind: 0.0},
		{Name: "step", Doc: "the distance of two numbers, not 0", Default: 1.0},
		{Name: "elem", Doc: "the element type", Default: "f32", Values: []string{"f32", "i32", "i64"}},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		elem, _ := ir.ParseDType(a.Str("elem"))
		start, step := a.Float("start"), a.Float("step")
		n := math.Ceil((a.Float("limit") - start) / step)
		if !(n >= 1) || step == 0 || math.IsInf(start, 0) {
			return nil, WithNote("a range goes from start up to limit, or down where step is negative", "range from %v to %v in steps of %v has no elements", start, a.Float("limit"), step)
		}
		if n > ir.MaxElems {
			return nil, WithNote("take larger steps", "range from %v to %v in steps of %v would have more than %d elements", start, a.Float("limit"), step, ir.MaxElems)
		}
		for _, x := range []float64{start, step, start + (n-1)*step} {
			if err := holds(elem, x); err != nil {
				return nil, WithNote("elem says the element type", "range: %v", err)
			}
		}
		return []ir.Type{ir.T(elem, ir.S(int(n)))}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		elem, _ := ir.ParseDType(a.Str("elem"))
		t := &Tensor{Elem: elem}
		up := a.Float("step") > 0
		for i := 0; ; i++ {
			x := a.Float("start") + float64(i)*a.Float("step")
			if up && x >= a.Float("limit") || !up && x <= a.Float("limit") {
				break
			}
			t.Data = append(t.Data, x)
		}
		t.Shape = []int{len(t.Data)}
		return []*Tensor{t}
	},
	NoGrad: "it has no operands",
	Lower: func(l *Lowering, op *ir.Op) {
		y := l.Buf(op.Results[0])
		start, step := op.Attrs.Float("start"), op.Attrs.Float("step")
		if y.Elem == ir.I32 {
			l.mapOver(y, loop.IndexOf(loop.At(int(start)).Plus(0, int(step), 0)))
			return
		}
		l.mapOver(y, loop.E(loop.FMA, loop.E(loop.ToF32, loop.IndexOf(loop.Ax(0))), loop.F(step), loop.F(start)))
	},
	ONNX: ONNX{Name: "Range", Min: 11, Max: 25, Attrs: map[string]string{"start": "start", "limit": "limit", "step": "delta"}, Note: "the operands must be constants"},
	Samples: []Sample{
		{Attrs: ir.Attrs{{Name: "limit", Value: 9}}},
		{Attrs: ir.Attrs{{Name: "start", Value: 1.5}, {Name: "limit", Value: -2}, {Name: "step", Value: -0.25}}},
		{Attrs: ir.Attrs{{Name: "start", Value: 10}, {Name: "limit", Value: -7}, {Name: "step", Value: -3}, {Name: "elem", Value: "i32"}}},
		{Attrs: ir.Attrs{{Name: "limit", Value: 1}, {Name: "elem", Value: "i64"}}},
		{Attrs: ir.Attrs{{Name: "limit", Value: 0.5}, {Name: "step", Value: 0.2}}},
	},
})
