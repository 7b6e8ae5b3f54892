package loop

// Flops counts the floating-point operations of nests the way the field does: two for each multiply-add of a contraction
// or convolution, nothing for the rest; the body of a scan as often as it runs. perExample is to be multiplied by the batch, fixed is not.
func Flops(nests ...*Nest) (perExample, fixed float64) {
	for _, n := range nests {
		p, x := nestFlops(n)
		perExample += p
		fixed += x
	}
	return perExample, fixed
}

// nestFlops is Flops of one nest.
func nestFlops(n *Nest) (perExample, fixed float64) {
	steps, scaled := 1.0, false
	for i := range len(n.Axes) + len(n.Red) {
		d := n.AxisAt(i).Extent
		steps *= float64(d.Size)
		scaled = scaled || !d.Static()
	}
	if n.Form == Scan {
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
	if n.Fold != FoldSum || n.Value == nil || n.Value.Code != Mul {
		return 0, 0
	}
	if scaled {
		return 2 * steps, 0
	}
	return 0, 2 * steps
}
