package ops

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// Flatten joins axes into two.
var Flatten = Register(&Operator{
	Name: "flatten",
	Doc: "Joins all axes of an example into one, in row-major order: f32[N,H,W,C] becomes f32[N,H*W*C]. The batch is kept. With another axis, those before it are joined too: " +
		"axis=2 makes f32[N*H,W*C].",
	Formula:  "y[n, (h*W + w)*C + c] = x[n, h, w, c]",
	Example:  "h = x |> conv2d(8, kernel=3) |> flatten |> dense(10)",
	Category: "tensor",
	Moves:    true,
	Same:     keepsShape,
	Exact:    true,
	Args:     []Arg{{Name: "x", Doc: "[N, …], any element type"}},
	Attrs:    []AttrDef{{Name: "axis", Doc: "the first axis of those that become the second one of the result; 0, which is for tensors without a batch, leaves 1 before it", Default: 1}},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := wantAny("flatten", "x", args[0]); err != nil {
			return nil, err
		}
		s, axis := args[0].Shape, a.Int("axis")
		if len(s) == 0 && axis == 1 {
			return nil, WithNote("a scalar needs no flattening", "flatten needs at least the batch axis, but its input is %s", args[0])
		}
		if axis < 0 {
			axis += len(s)
		}
		if axis < 0 || axis > len(s) {
			return nil, WithNote(axisNote(s), "flatten has no axis %d: its input %s has %d axes", a.Int("axis"), args[0], len(s))
		}
		if axis == 0 && len(s) > 0 && !s[0].Static() {
			return nil, WithNote("leave axis out to keep the batch", "flatten with axis=0 would move the batch of %s away from the front", args[0])
		}
		rows, ok := s[:axis].Elems()
		cols, ok2 := s[axis:].Elems()
		if !ok || !ok2 {
			return nil, fmt.Errorf("flatten of %s: more than %d elements", args[0], ir.MaxElems)
		}
		return []ir.Type{ir.T(args[0].Elem, ir.Shape{rows, cols})}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, axis, cols := args[0], a.Int("axis"), 1
		if axis < 0 {
			axis += len(x.Shape)
		}
		for _, d := range x.Shape[axis:] {
			cols *= d
		}
		return []*Tensor{{Elem: x.Elem, Shape: []int{len(x.Data) / cols, cols}, Data: slices.Clone(x.Data)}}
	},
	Grad:  gradReshape,
	Lower: func(l *Lowering, op *ir.Op) { l.copyReshaped(l.Buf(op.Results[0]), l.Buf(op.Args[0])) },
	ONNX:  ONNX{Name: "Flatten", Min: 1, Max: 25, Attrs: map[string]string{"axis": "axis"}},
	Samples: []Sample{
		{Args: f32Types(ir.NS(3, 5, 2))},
		{Args: f32Types(ir.NS(4))},
		{Args: f32Types(ir.NS())},
		{Args: f32Types(ir.S(2, 3, 3))},
		{Args: f32Types(ir.NS(3, 5, 2)), Attrs: ir.Attrs{{Name: "axis", Value: 2}}},
		{Args: f32Types(ir.NS(3, 2)), Attrs: ir.Attrs{{Name: "axis", Value: 3}}, Batch: 2},
		{Args: f32Types(ir.NS(3, 2, 4)), Attrs: ir.Attrs{{Name: "axis", Value: -1}}, Batch: 1},
		{Args: f32Types(ir.S(3, 2)), Attrs: ir.Attrs{{Name: "axis", Value: 0}}},
		{Args: f32Types(nil), Attrs: ir.Attrs{{Name: "axis", Value: 0}}},
	},
})
