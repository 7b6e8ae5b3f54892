package loop

import "slices"

// Together reports whether nest i and the one before it are scans that may run at the same time, since none touches what the other writes: the two directions of
// a recurrent layer. A scan is together with one other at most.
func (f *Func) Together(i int) bool {
	if i < 1 || i >= len(f.Nests) {
		return false
	}
	a, b := f.Nests[i-1], f.Nests[i]
	return a.Form == Scan && b.Form == Scan && !f.Together(i-1) && !disturbs(a, b) && !disturbs(b, a)
}

// disturbs reports whether scan a writes what scan b may touch.
func disturbs(a, b *Nest) bool {
	hit := false
	within(a, func(n *Nest, steps []Axis) {
		for _, s := range n.Stores {
			within(b, func(m *Nest, others []Axis) {
				for _, x := range m.Accesses() {
					hit = hit || x.Buf.Root() == s.To.Buf.Root() && (x.Buf != s.To.Buf || !distinct(n, steps, s.To, m, others, x))
				}
			})
		}
	})
	return hit
}

// within calls visit for the nests in the body of a scan, and those in scans of its body, with the axes of the scans around them.
func within(scan *Nest, visit func(n *Nest, steps []Axis)) {
	(&Func{Nests: []*Nest{scan}}).Each(visit)
}

// distinct reports whether two accesses to one buffer never meet: in some dimension the ranges of their indices are apart.
func distinct(n *Nest, steps []Axis, a Access, m *Nest, others []Axis, b Access) bool {
	for d := range a.Index {
		alo, ahi, aok := reach(n, steps, a, d)
		blo, bhi, bok := reach(m, others, b, d)
		if aok && bok && (ahi < blo || bhi < alo) {
			return true
		}
	}
	return false
}

// reach returns the least and the greatest index of an access in dimension d; ok is false where nobody knows.
func reach(n *Nest, steps []Axis, a Access, d int) (lo, hi int, ok bool) {
	if d < len(a.Dyn) && a.Dyn[d] != nil {
		return 0, 0, false
	}
	axes := slices.Concat(steps, n.Axes, n.Red)
	lo, hi = a.Index[d].Const, a.Index[d].Const
	for _, t := range a.Index[d].Terms {
		e := axes[t.Axis].Extent
		if !e.Static() {
			return 0, 0, false
		}
		if w := (e.Size - 1) * t.Coef; w < 0 {
			lo += w
		} else {
			hi += w
		}
	}
	return lo, hi, true
}
