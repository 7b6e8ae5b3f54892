package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// RunningAverage moves a statistic of the model towards that of a batch.
var RunningAverage = Register(&Operator{
	Name: "running_average",
	Doc: "Moves the parameter average, which is not trained, towards value by the share momentum. With count above 0, value is a mean squared deviation over n = " +
		"batch*count elements, and is multiplied with n/(n-1), which makes it the unbiased estimate of the variance. It has no result; it takes place behind " +
		"everything that reads the parameter.",
	Formula:  "average = average + momentum*(value - average)",
	Example:  "running_average(average, value, momentum=0.1)",
	Category: "layer",
	Internal: true,
	Effect:   true,
	Updates:  []int{0},
	Args:     []Arg{{Name: "average", Doc: "a parameter, f32"}, {Name: "value", Doc: "of the same type"}},
	Attrs: []AttrDef{
		{Name: "momentum", Doc: "the share of the new value, from 0 to 1", Default: 0.1},
		{Name: "count", Doc: "elements of each example that a variance was taken over; 0 takes value as it is", Default: 0},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := wantElem("running_average", "average", args[0], ir.F32); err != nil {
			return nil, err
		}
		if n, ok := args[0].Shape.Elems(); !args[1].Equal(args[0]) || !ok || !n.Static() {
			return nil, fmt.Errorf("running_average moves a parameter towards a value of the same type, not %s towards %s", args[0], args[1])
		}
		if a.Int("count") < 0 {
			return nil, fmt.Errorf("running_average cannot have a count of %d", a.Int("count"))
		}
		return nil, checkMomentum("running_average", a)
	},
	// The evaluation updates its operand in place.
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		for i, v := range args[1].Data {
			// A batch of one example is what the samples have.
			if n := float64(a.Int("count")); n > 0 {
				v *= n / max(n-1, 1)
			}
			args[0].Data[i] += a.Float("momentum") * (v - args[0].Data[i])
		}
		return nil
	},
	NoGrad: "a running statistic is no part of what is trained",
	Lower: func(l *Lowering, op *ir.Op) {
		average := l.Buf(op.Args[0])
		at := plainIndex(len(average.Shape))
		old, value := loop.Read(average, at...), loop.Read(l.Buf(op.Args[1]), at...)
		if count := op.Attrs.Int("count"); count > 0 {
			n := loop.E(loop.Mul, loop.Read(l.Scalar("batch", ir.F32)), loop.F(float64(count)))
			less := loop.E(loop.Max, loop.E(loop.Sub, n, loop.F(1)), loop.F(1))
			value = loop.E(loop.Mul, value, loop.E(loop.Div, n, less))
		}
		l.mapOver(average, loop.E(loop.FMA, loop.F(op.Attrs.Float("momentum")), loop.E(loop.Sub, value, old), old))
	},
	Samples: []Sample{
		{Args: f32Types(ir.S(5), ir.S(5)), Batch: 1},
		{Args: f32Types(ir.S(17), ir.S(17)), Attrs: ir.Attrs{{Name: "momentum", Value: 0.25}, {Name: "count", Value: 6}}, Batch: 1},
		{Args: f32Types(ir.S(3), ir.S(3)), Attrs: ir.Attrs{{Name: "momentum", Value: 1.0}, {Name: "count", Value: 1}}, Batch: 1},
		{Args: f32Types(ir.S(2, 3), ir.S(2, 3)), Attrs: ir.Attrs{{Name: "momentum", Value: 0.0}}, Batch: 1},
	},
})

// checkMomentum checks the share of a new value in a running average.
func checkMomentum(kind string, a ir.Attrs) error {
	if m := a.Float("momentum"); !(m >= 0 && m <= 1) {
		return WithNote("it is the share of the new value; 0.1 is usual", "%s needs a momentum from 0 to 1, not %v", kind, m)
	}
	return nil
}
