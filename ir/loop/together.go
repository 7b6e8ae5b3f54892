package loop

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
					hit = hit || x.Buf.Overlaps(s.To.Buf) && (x.Buf != s.To.Buf || !Apart(s.To, n.AllAxes(steps...), x, m.AllAxes(others...)))
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

// Apart reports whether an access over some axes and one over others, both to one buffer, never meet: in some dimension the ranges of their indices are apart.
func Apart(a Access, axes []Axis, b Access, others []Axis) bool {
	for d := range a.Index {
		if a.computed(d) || b.computed(d) {
			continue
		}
		alo, ahi, aok := a.Index[d].Span(axes)
		blo, bhi, bok := b.Index[d].Span(others)
		if aok && bok && (ahi < blo || bhi < alo) {
			return true
		}
	}
	return false
}

// computed reports whether the index in dimension d depends on data.
func (a Access) computed(d int) bool { return d < len(a.Dyn) && a.Dyn[d] != nil }

// Span returns the least and the greatest value of an index over such axes; ok is false where it depends on a symbol.
func (a Affine) Span(axes []Axis) (lo, hi int, ok bool) {
	lo, hi = a.Const, a.Const
	for _, t := range a.Terms {
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
