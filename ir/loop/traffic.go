package loop

// Bytes is what a nest moves at least: each element that it reads, and each that it writes, once. PerExample is to be multiplied by the batch.
type Bytes struct{ PerExample, Fixed float64 }

// plus is a sum.
func (b Bytes) plus(c Bytes) Bytes { return Bytes{b.PerExample + c.PerExample, b.Fixed + c.Fixed} }

// Traffic counts what a nest reads and writes; a scan in all of its steps together. Caches cannot make it less, so with the bandwidth it bounds the
// nest's speed as its operations do with the peak.
func Traffic(n *Nest) (reads, writes Bytes) { return traffic(n, nil) }

// traffic is Traffic of a nest inside the axes of a scan.
func traffic(n *Nest, outer []Axis) (reads, writes Bytes) {
	axes := append(outer[:len(outer):len(outer)], n.Axes...)
	if n.Form == Scan {
		for _, b := range n.Body {
			r, w := traffic(b, axes)
			reads, writes = reads.plus(r), writes.plus(w)
		}
		return reads, writes
	}
	axes = append(axes, n.Red...)
	var stores []Access
	for _, s := range n.Stores {
		stores = append(stores, s.To)
	}
	return touched(axes, n.Loads()), touched(axes, stores)
}

// touched adds up the elements that accesses meet. Those of one buffer are taken to meet the same ones.
func touched(axes []Axis, list []Access) Bytes {
	most := map[*Buffer]Bytes{}
	var order []*Buffer
	for _, a := range list {
		b, root := elements(axes, a), a.Buf.Root()
		old, seen := most[root]
		if !seen {
			order = append(order, root)
		}
		if !seen || b.PerExample+b.Fixed > old.PerExample+old.Fixed {
			most[root] = b
		}
	}
	var sum Bytes
	for _, b := range order {
		sum = sum.plus(most[b])
	}
	return Bytes{4 * sum.PerExample, 4 * sum.Fixed} // every element lies in a cell of 32 bits
}

// elements counts the distinct elements that one access meets.
func elements(axes []Axis, a Access) Bytes {
	count, scaled := 1.0, false
	used := map[int]bool{}
	for d, ix := range a.Index {
		if d < len(a.Dyn) && a.Dyn[d] != nil {
			continue
		}
		points, span := 1.0, 1.0
		for _, t := range ix.Terms {
			used[t.Axis] = true
			e := axes[t.Axis].Extent
			scaled = scaled || !e.Static()
			points *= float64(e.Size)
			span += float64(max(t.Coef, -t.Coef)) * float64(e.Size-1)
		}
		count *= min(points, span, float64(max(1, a.Buf.Shape[d].Size)))
	}
	// A computed index meets at most one element for each point of the axes that no other index runs along.
	free := 1.0
	for i, x := range axes {
		if !used[i] {
			free *= float64(x.Extent.Size)
		}
	}
	for d, x := range a.Dyn {
		if x != nil {
			count *= min(free, float64(max(1, a.Buf.Shape[d].Size)))
			scaled = scaled || !a.Buf.Shape[d].Static()
			free = 1
		}
	}
	if scaled {
		return Bytes{PerExample: count}
	}
	return Bytes{Fixed: count}
}
