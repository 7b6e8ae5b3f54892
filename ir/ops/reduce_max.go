package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir/loop"
)

// ReduceMax finds the largest element along axes.
var ReduceMax = Register(reduction{
	Operator: Operator{
		Name:    "reduce_max",
		Doc:     "The largest element along axes, or of the whole where none are named; NaN where any is. The gradient goes to the elements that equal it, in equal shares.",
		Formula: "y[n] = max_i x[n, i]",
		Example: "peak = x |> reduce_max(axes=[-1])",
		ONNX:    ONNX{Name: "ReduceMax", Min: 1, Max: 25},
		Samples: []Sample{extremeTies},
	},
	takes: numbers,
	fold:  loop.FoldMax,
	start: math.Inf(-1),
	step: func(acc, x float64) float64 {
		if x > acc || x != x {
			return x
		}
		return acc
	},
	kinks: 0.02,
	grad:  shareTies,
}.operator())
