package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// ReduceMin finds the smallest element along axes.
var ReduceMin = Register(reduction{
	Operator: Operator{
		Name:    "reduce_min",
		Doc:     "The smallest element along axes, or of the whole where none are named; NaN where any is. The gradient goes to the elements that equal it, in equal shares.",
		Formula: "y[n] = min_i x[n, i]",
		Example: "low = x |> reduce_min(axes=[-1])",
		ONNX:    ONNX{Name: "ReduceMin", Min: 1, Max: 25},
		Samples: []Sample{extremeTies},
	},
	takes: numbers,
	fold:  loop.FoldMin,
	start: math.Inf(1),
	step: func(acc, x float64) float64 {
		if x < acc || x != x {
			return x
		}
		return acc
	},
	kinks: 0.02,
	grad:  shareTies,
}.operator())

// extremeTies has equal extremes, infinities and NaN.
var extremeTies = Sample{
	Args: f32Types(ir.NS(4)), Attrs: ir.Attrs{{Name: "axes", Value: []int{1}}}, Batch: 4, NoGrad: true,
	Data: map[int][]float64{0: {2, -1, 2, -1, math.Inf(1), 0, math.Inf(-1), 5, 3, math.NaN(), 9, -9, math.Inf(-1), math.Inf(-1), math.Inf(-1), math.Inf(-1)}},
}
