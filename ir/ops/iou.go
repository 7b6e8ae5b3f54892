package ops

import "github.com/dlc-ml/dlc/ir"

// IoU is a loss of segmentation.
var IoU = Register(overlap{
	Operator: Operator{
		Name:    "iou",
		Doc:     "A loss of segmentation: 1 less the soft Jaccard index of each example, which is the overlap of the predicted mask and the right one over what either covers. mean_iou is the metric.",
		Formula: "y = mean_n (1 - (Σ pred*target + smooth) / (Σ pred + Σ target - Σ pred*target + smooth))",
		Example: "loss = iou(sigmoid(mask), inside)",
	},
	share: func(both, sums, smooth float64) float64 { return (both + smooth) / (sums - both + smooth) },
	ratio: func(b *Builder, both, sums *ir.Value, smooth float64) (above, below *ir.Value) {
		return b.offset(both, smooth), b.offset(b.apply("sub", sums, both), smooth)
	},
}.operator())
