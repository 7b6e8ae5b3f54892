package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// ReduceLogSumExp takes the logarithm of a sum of exponentials along axes.
var ReduceLogSumExp = Register(&Operator{
	Name: "reduce_log_sum_exp",
	Doc: "The logarithm of the sum of the exponentials of elements over axes, or of all where none are named. The greatest element is taken out of the sum first, so that nothing overflows. " +
		"Its gradient is softmax.",
	Formula:  "y[n] = m[n] + log(Σ_i exp(x[n, i] - m[n])) with m[n] = max_i x[n, i]",
	Example:  "free = logits |> reduce_log_sum_exp(axes=[-1])",
	Category: "reduction",
	Args:     []Arg{{Name: "x", Doc: "f32, any shape"}},
	Attrs:    reductionAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := wantElem("reduce_log_sum_exp", "x", args[0], ir.F32); err != nil {
			return nil, err
		}
		axes, err := plainAxes("reduce_log_sum_exp", a.Ints("axes"), args[0].Shape)
		if err != nil {
			return nil, err
		}
		return []ir.Type{ir.T(ir.F32, dropAxes(args[0].Shape, axes, a.Bool("keep_dims")))}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		most := ReduceMax.Eval(args, a)[0]
		axes := evalAxes(a.Ints("axes"), len(args[0].Shape))
		y := &Tensor{Elem: ir.F32, Shape: dropInts(args[0].Shape, axes, true), Data: make([]float64, len(most.Data))}
		n := 0
		eachIndex(args[0].Shape, func(ix []int) {
			at := y.at(ix)
			if x := args[0].Data[n]; x != most.Data[at] { // also of NaN
				y.Data[at] += math.Exp(x - most.Data[at])
			} else {
				y.Data[at]++
			}
			n++
		})
		for i, m := range most.Data {
			if y.Data[i] = m + math.Log(y.Data[i]); math.IsInf(m, 0) {
				y.Data[i] = m
			}
		}
		y.Shape = most.Shape
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil}
		}
		r := &reduced{op, op.Args[0], op.Results[0]}
		share := b.apply("exp", b.apply("sub", r.x, r.expand(b, r.y, false)))
		return []*ir.Value{b.apply("mul", share, r.expand(b, grads[0], false))}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x, y := l.Buf(op.Args[0]), l.Buf(op.Results[0])
		axes, keep := mustAxes(op.Attrs.Ints("axes"), x.Shape), op.Attrs.Bool("keep_dims")
		most, sum := l.Temp("max", ir.T(ir.F32, y.Shape)), l.Temp("sum", ir.T(ir.F32, y.Shape))
		same := func(total *loop.Expr) *loop.Expr { return total }
		l.foldAxes(most, keep, x.Shape, axes, loop.FoldMax, func(at []loop.Affine) *loop.Expr { return loop.Read(x, at...) }, same)
		l.foldAxes(sum, keep, x.Shape, axes, loop.FoldSum, func(at []loop.Affine) *loop.Expr {
			place := []loop.Affine{}
			for _, ix := range reducedIndex(x.Shape, axes, keep) {
				if len(ix.Terms) > 0 {
					ix = at[ix.Terms[0].Axis]
				}
				place = append(place, ix)
			}
			return loop.E(loop.Exp, loop.E(loop.Sub, loop.Read(x, at...), finite(loop.Read(most, place...))))
		}, same)
		ix := plainIndex(len(y.Shape))
		l.mapOver(y, loop.E(loop.Add, loop.E(loop.Log, loop.Read(sum, ix...)), finite(loop.Read(most, ix...))))
	},
	ONNX: ONNX{Name: "ReduceLogSumExp", Min: 1, Max: 25, Attrs: map[string]string{"axes": "axes", "keep_dims": "keepdims"}, Note: reductionNote},
	Samples: append(reduction{takes: []ir.DType{ir.F32}}.samples(),
		Sample{Args: f32Types(ir.NS(3)), Attrs: ir.Attrs{{Name: "axes", Value: []int{1}}}, Range: map[int][2]float64{0: {90, 200}}},
		Sample{Args: f32Types(ir.NS(2)), Attrs: ir.Attrs{{Name: "axes", Value: []int{1}}}, Batch: 5, NoGrad: true,
			Data: map[int][]float64{0: {math.Inf(-1), math.Inf(-1), math.Inf(1), 2, math.NaN(), 1, math.Inf(-1), 3, 500, -500}}}),
})

// finite is x, or 0 where that is infinite: what is taken out of a sum of exponentials, so that infinity minus infinity does not arise.
func finite(x *loop.Expr) *loop.Expr {
	return loop.E(loop.Select, loop.E(loop.Eq, loop.E(loop.Abs, x), loop.F(math.Inf(1))), loop.F(0), x)
}
