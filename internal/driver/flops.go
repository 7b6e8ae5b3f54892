package driver

import (
	"github.com/dlc-ml/dlc/ir/loop"
)

// Flops counts the floating-point operations of a lowered function the way the field does: two for each multiply-add of a contraction
// or convolution, nothing for the rest. perExample is to be multiplied by the batch, fixed is not.
func Flops(f *loop.Func) (perExample, fixed float64) {
	for _, n := range f.Nests {
		p, x := nestFlops(n)
		perExample += p
		fixed += x
	}
	return perExample, fixed
}

// nestFlops is Flops of one nest, and of the body of a scan as often as it runs.
func nestFlops(n *loop.Nest) (perExample, fixed float64) {
	steps, scaled := 1.0, false
	for i := range len(n.Axes) + len(n.Red) {
		d := n.AxisAt(i).Extent
		steps *= float64(d.Size)
		scaled = scaled || !d.Static()
	}
	if n.Form == loop.Scan {
		for _, b := range n.Body {
			p, x := nestFlops(b)
			if scaled { // a symbolic number of steps: count them with the examples
				p, x = p+x, 0
			}
			perExample += p * steps
			fixed += x * steps
		}
		return perExample, fixed
	}
	if n.Fold != loop.FoldSum || n.Value == nil || n.Value.Code != loop.Mul {
		return 0, 0
	}
	if scaled {
		return 2 * steps, 0
	}
	return 0, 2 * steps
}
