package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
)

// GlobalLpPool takes the p-norm of each channel over the whole image.
var GlobalLpPool = Register(&Operator{
	Name:     "global_lp_pool",
	Doc:      "The p-norm of each channel over all places: f32[N,H,W,C] becomes f32[N,C], whatever the size of the image; so for a sequence [N,L,C] or a volume [N,D,H,W,C].",
	Formula:  "y[n, c] = (Σ_h,w |x[n, h, w, c]|^p)^(1/p)",
	Example:  "logits = features |> global_lp_pool |> dense(10)",
	Category: "pooling",
	Args:     []Arg{{Name: "x", Doc: "f32[N,H,W,C], f32[N,L,C] or f32[N,D,H,W,C]"}},
	Attrs:    lpPoolAttrs[len(lpPoolAttrs)-1:],
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		y := evalGlobal(args[0], 0, func(acc, v float64) float64 { return acc + math.Pow(math.Abs(v), a.Float("p")) })
		for i, v := range y.Data {
			y.Data[i] = math.Pow(v, 1/a.Float("p"))
		}
		return []*Tensor{y}
	},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		x := args[0].Type
		if err := places("global_lp_pool", x); err != nil {
			return nil, err
		}
		y, err := b.Op("lp_pool", "global_lp_pool", args, ir.Attr{Name: "size", Value: sides(x)}, ir.Attr{Name: "p", Value: a.Float("p")})
		if err != nil {
			return nil, err
		}
		last := len(x.Shape) - 1
		y, err = b.eachAs(y, x.Shape[last].Size)
		return []*ir.Value{y}, err
	},
	ONNX: ONNX{Name: "GlobalLpPool", Min: 1, Max: 22, Attrs: map[string]string{"p": "p"}, Note: "channels are transposed from the second axis to the last; the axes of extent 1 that ONNX keeps are added by a reshape"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(3, 5, 2)), Kinks: poolGap},
		{Args: f32Types(ir.NS(4, 3)), Attrs: ir.Attrs{{Name: "p", Value: 1.0}}, Batch: 1, Kinks: poolGap},
		{Args: f32Types(ir.NS(2, 3, 2, 1)), Attrs: ir.Attrs{{Name: "p", Value: 3.0}}, Batch: 1, Kinks: poolGap},
	},
})
