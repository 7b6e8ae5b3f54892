package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
)

// SequenceMax is the greatest element over the steps that count.
var SequenceMax = Register(&Operator{
	Name:     "sequence_max",
	Doc:      "The greatest element over the steps of each example that count: from x [N,T,..] to [N,..]. It is minus infinity where none counts.",
	Formula:  "y[n, ..] = max_{t < lengths[n]} x[n, t, ..]",
	Example:  "peak = y |> sequence_max(T)",
	Category: "reduction",
	Args:     []Arg{{Name: "x", Doc: "f32[N,T,..]"}, lengthsArg},
	Expand: func(b *Builder, args []*ir.Value, _ ir.Attrs) ([]*ir.Value, error) {
		masked, err := b.counted("sequence_max", args[0], args[1], math.Inf(-1))
		if err != nil {
			return nil, err
		}
		return b.Ops("reduce_max", "sequence_max", []*ir.Value{masked}, ir.Attr{Name: "axes", Value: []int{1}})
	},
	Eval: func(args []*Tensor, _ ir.Attrs) []*Tensor {
		return []*Tensor{evalSequence(args[0], args[1], math.Inf(-1), math.Max, func(acc float64, _ int) float64 { return acc })}
	},
	Samples: sequenceSamples(0.01),
})
