package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// MaxNorm bounds the norm of a parameter.
var MaxNorm = Register(&Operator{
	Name: "max_norm",
	Doc: "Scales a parameter down, after the optimizer, where its norm over axes is above limit (Srebro and Shraibman, Rank, Trace-Norm and Max-Norm, 2005). " +
		"Without axes these are all but the last, so that the norm is that of the weights that come into one unit.",
	Formula:  "n = sqrt(Σ w²); w = n > limit ? w*limit/n : w",
	Example:  "max_norm(@hidden.dense.weight, limit=3)",
	Category: "gradient",
	Internal: true, Effect: true,
	Args: []Arg{{Name: "w", Doc: "a parameter in f32"}},
	Attrs: []AttrDef{
		{Name: "limit", Doc: "the largest norm, above 0", Default: 3.0},
		{Name: "axes", Doc: "axes of one norm; none for all but the last", Default: []int{}},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if x := a.Float("limit"); !(float32(x) > 0 && x <= math.MaxFloat32) {
			return nil, WithNote("3 is usual", "max_norm needs a limit above 0, not %v", x)
		}
		if err := wantElem("max_norm", "w", args[0], ir.F32); err != nil {
			return nil, err
		}
		if n, ok := args[0].Shape.Elems(); !ok || !n.Static() {
			return nil, fmt.Errorf("max_norm takes a parameter, whose extents are known, not %v", args[0])
		}
		_, err := normAxes(a, args[0].Shape)
		return nil, err
	},
	Eval:   func(args []*Tensor, a ir.Attrs) []*Tensor { return nil },
	NoGrad: "it changes a parameter and is no part of the model",
	Lower: func(l *Lowering, op *ir.Op) {
		w := l.Buf(op.Args[0])
		axes, _ := normAxes(op.Attrs, w.Shape)
		n := &loop.Nest{Form: loop.Reduce, Name: w.Name + ".norm", Fold: loop.FoldSum}
		var kept ir.Shape
		var out, at []loop.Affine
		index := make([]loop.Affine, len(w.Shape)) // of w in the sum
		for i, d := range w.Shape {
			if slices.Contains(axes, i) {
				index[i] = loop.Ax(len(w.Shape) - len(axes) + len(n.Red))
				n.Red = append(n.Red, axis(fmt.Sprintf("r%d", i), d.Size))
				continue
			}
			index[i] = loop.Ax(len(n.Axes))
			out, at = append(out, loop.Ax(len(n.Axes))), append(at, loop.Ax(i))
			kept = append(kept, d)
			n.Axes = append(n.Axes, axis(fmt.Sprintf("i%d", i), d.Size))
		}
		sums := l.Func.NewBuffer(w.Name+".norm", ir.T(ir.F32, kept), loop.Temp, op.Pos)
		x := loop.Read(w, index...)
		n.Value, n.Stores = loop.E(loop.Mul, x, x), []loop.Store{storeAt(sums, loop.Total(ir.F32), out...)}
		l.Emit(n)
		limit, norm := loop.F(op.Attrs.Float("limit")), loop.E(loop.Sqrt, loop.Read(sums, at...))
		factor := loop.E(loop.Select, loop.E(loop.Less, limit, norm), loop.E(loop.Div, limit, norm), loop.F(1))
		here := plainIndex(len(w.Shape))
		l.Emit(&loop.Nest{Form: loop.Map, Name: w.Name, Axes: axesOf(w.Shape), Stores: []loop.Store{storeAt(w, loop.E(loop.Mul, loop.Read(w, here...), factor), here...)}})
	},
	Samples: []Sample{
		{Args: f32Types(ir.S(3, 5)), NoGrad: true},
		{Args: f32Types(ir.S(7)), Attrs: ir.Attrs{{Name: "limit", Value: 0.5}}, NoGrad: true},
		{Args: f32Types(ir.S(3, 2, 4, 5)), Attrs: ir.Attrs{{Name: "limit", Value: 1.0}}, NoGrad: true},
		{Args: f32Types(ir.S(3, 2, 4, 5)), Attrs: ir.Attrs{{Name: "axes", Value: []int{3, 1}}}, NoGrad: true},
		{Args: f32Types(nil), NoGrad: true},
		{Args: f32Types(ir.S(1, 1)), NoGrad: true},
	},
})

// normAxes returns the axes of one norm: those named, or all but the last.
func normAxes(a ir.Attrs, s ir.Shape) ([]int, error) {
	axes := a.Ints("axes")
	if len(axes) == 0 {
		for i := range max(1, len(s)-1) {
			axes = append(axes, i)
		}
	}
	if len(s) == 0 {
		return nil, nil
	}
	return plainAxes("max_norm", axes, s)
}
