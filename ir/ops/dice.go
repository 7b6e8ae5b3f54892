package ops

import "github.com/dlc-ml/dlc/ir"

// Dice is a loss of segmentation (Milletari, Navab, Ahmadi, "V-Net", 2016).
var Dice = Register(overlap{
	Operator: Operator{
		Name:    "dice",
		Doc:     "A loss of segmentation that counts how well a predicted mask covers the right one, so that small objects count as much as large ones: 1 less the Dice coefficient of each example.",
		Formula: "y = mean_n (1 - (2 * Σ pred*target + smooth) / (Σ pred + Σ target + smooth))",
		Example: "loss = dice(sigmoid(mask), inside)",
	},
	share: func(both, sums, smooth float64) float64 { return (2*both + smooth) / (sums + smooth) },
	ratio: func(b *Builder, both, sums *ir.Value, smooth float64) (above, below *ir.Value) {
		return b.offset(b.scaled(both, 2), smooth), b.offset(sums, smooth)
	},
}.operator())
