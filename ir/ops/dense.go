package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Dense is the fully connected layer.
var Dense = Register(&Operator{
	Name: "dense",
	Doc: "Fully connected layer: the product of the last axis of x [N,..,in] with a matrix [in,units], plus a bias [units]. Each output is one chain of " +
		"fused multiply-adds over the inputs; the bias is added last.",
	Formula:  "y[..,u] = bias[u] + Σ x[..,i] * w[i,u]",
	Example:  "hidden = features |> flatten |> dense(64) |> relu",
	Category: "layer",
	Args: []Arg{
		{Name: "x", Doc: "f32[N,..,in]"},
		{Name: "w", Doc: "f32[in,units]"},
		{Name: "bias", Doc: "f32[units]", Optional: true},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x, w := args[0], args[1]
		if err := features("dense", x); err != nil {
			return nil, err
		}
		in := x.Shape[len(x.Shape)-1]
		if w.Elem != ir.F32 || len(w.Shape) != 2 || !w.Shape[1].Static() {
			return nil, fmt.Errorf("dense needs a matrix f32[in,units], not %v", w)
		}
		if w.Shape[0] != in {
			return nil, fmt.Errorf("dense has a matrix %v, whose %v rows do not fit the %v features of its input %v", w, w.Shape[0], in, x)
		}
		if len(args) == 3 && !args[2].Equal(ir.T(ir.F32, w.Shape[1:])) {
			return nil, fmt.Errorf("dense has %v units, but its bias is %v", w.Shape[1], args[2])
		}
		y := append(append(ir.Shape{}, x.Shape[:len(x.Shape)-1]...), w.Shape[1])
		if _, ok := y.Elems(); !ok {
			return nil, WithNote("use fewer units", "dense would give %v, more than the %d elements that a tensor may have", y, ir.MaxElems)
		}
		return []ir.Type{ir.T(ir.F32, y)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, w := args[0], args[1]
		in, units := w.Shape[0], w.Shape[1]
		y := NewTensor(ir.F32, append(append([]int{}, x.Shape[:len(x.Shape)-1]...), units)...)
		for r := range len(x.Data) / in {
			for u := range units {
				sum := 0.0
				for i := range in {
					sum += x.Data[r*in+i] * w.Data[i*units+u]
				}
				if len(args) == 3 {
					sum += args[2].Data[u]
				}
				y.Data[r*units+u] = sum
			}
		}
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		x, w, dy := op.Args[0], op.Args[1], grads[0]
		if dy == nil {
			return make([]*ir.Value, len(op.Args))
		}
		list := []*ir.Value{
			b.Must("matmul", x.Name+".grad", []*ir.Value{dy, w}, ir.Attr{Name: "transpose_b", Value: true}),
			b.Must("dense_grad_weight", w.Name+".grad", []*ir.Value{x, dy}),
		}
		if len(op.Args) == 3 {
			list = append(list, sumTo(b, dy, op.Args[2].Type))
		}
		return list
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x, w := op.Args[0], op.Args[1]
		lead := len(x.Type.Shape) - 1
		unit, in := loop.Ax(lead), loop.Ax(lead+1)
		sum := loop.Total(ir.F32)
		if len(op.Args) == 3 {
			sum = loop.E(loop.Add, sum, loop.Read(l.Buf(op.Args[2]), unit))
		}
		l.Emit(&loop.Nest{
			Form:   loop.Contract,
			Axes:   append(axesOf(x.Type.Shape[:lead]), axis("unit", w.Type.Shape[1].Size)),
			Red:    []loop.Axis{axis("in", w.Type.Shape[0].Size)},
			Fold:   loop.FoldSum,
			Value:  loop.E(loop.Mul, loop.Read(l.Buf(x), append(plainIndex(lead), in)...), loop.Read(l.Buf(w), in, unit)),
			Stores: []loop.Store{storeAt(l.Buf(op.Results[0]), sum, plainIndex(lead+1)...)},
		})
	},
	Layer: &Layer{
		Doc:   "makes the parameters weight [in,units], uniform in ±sqrt(6/in) at the start, and, unless bias=false, bias [units], zero",
		Attrs: []AttrDef{{Name: "units", Doc: "number of outputs", Kind: 0}, {Name: "bias", Doc: "whether to add a learned number to each unit", Default: true}},
		Build: buildDense,
	},
	ONNX: ONNX{Name: "Gemm", Min: 1, Max: 13, Note: "alpha and beta are multiplied into the matrix and the bias; transposed operands are transposed"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(4), ir.S(4, 5), ir.S(5))},
		{Args: f32Types(ir.NS(7), ir.S(7, 1)), Batch: 1},
		{Args: f32Types(ir.NS(2, 3), ir.S(3, 4), ir.S(4))},
		{Args: f32Types(ir.NS(2, 1, 3), ir.S(3, 2)), Batch: 1},
		{Args: f32Types(ir.S(5, 3), ir.S(3, 9), ir.S(9))},
	},
})

// features checks that the last axis of an operand of a dense layer is known.
func features(kind string, x ir.Type) error {
	if x.Elem != ir.F32 {
		return WithNote(`cast(x, to="f32") makes such numbers of them`, "%s needs features f32[N,..,in], but its input is %v", kind, x)
	}
	if len(x.Shape) < 2 || !x.Shape[len(x.Shape)-1].Static() || x.Shape[len(x.Shape)-1].Size < 1 {
		return WithNote("reshape brings a number for each example into the form f32[1]", "%s needs features f32[N,..,in], but its input is %v", kind, x)
	}
	return nil
}

func buildDense(b *Builder, x []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
	if len(x) != 1 {
		return nil, fmt.Errorf("dense takes one operand, not %d", len(x))
	}
	t := x[0].Type
	if n := len(t.Shape); n >= 4 {
		// Legal for the operator, but in a model it is a flatten forgotten.
		count, ok := t.Shape[1:].Elems()
		note := "put flatten before it, or global_avg_pool"
		if ok {
			note = fmt.Sprintf("put flatten before it for %v features, or global_avg_pool for %v", count, t.Shape[n-1])
		}
		return nil, WithNote(note, "dense needs features in one axis, but its input is %v", t)
	}
	if err := features("dense", t); err != nil {
		return nil, err
	}
	in, units := t.Shape[len(t.Shape)-1].Size, a.Int("units")
	if units < 1 || units > ir.MaxElems {
		return nil, WithNote("the first argument is the number of outputs: dense(10)", "dense cannot have %d units", units)
	}
	w := ir.T(ir.F32, ir.S(in, units))
	if _, ok := w.Shape.Elems(); !ok {
		return nil, WithNote("use fewer units, or bring the input down by pooling", "dense would have a matrix %v of more than %d elements", w, ir.MaxElems)
	}
	args, err := b.weights(x[0], w, in, a.Bool("bias"))
	if err != nil {
		return nil, err
	}
	return b.Ops("dense", "dense", args)
}
