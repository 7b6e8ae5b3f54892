package loop

import "slices"

// Touch is what some nests read and write, those in the bodies of scans included. What says whether two nests may change places is Disturbs.
type Touch struct {
	Reads, Writes []*Buffer // each once, in the order of the first access
}

// TouchOf returns what the nests touch together.
func TouchOf(nests ...*Nest) *Touch {
	t := &Touch{}
	for _, n := range nests {
		t.Add(n)
	}
	return t
}

// Touches keeps what nests touch, which passes ask for many times. Who rewrites a nest deletes its entry.
type Touches map[*Nest]*Touch

// Of returns what n touches.
func (t Touches) Of(n *Nest) *Touch {
	if t[n] == nil {
		t[n] = TouchOf(n)
	}
	return t[n]
}

// Add puts in what one more nest touches. A store that adds reads too.
func (t *Touch) Add(n *Nest) {
	n.Walk(func(n *Nest) {
		for _, a := range n.Loads() {
			t.Reads = insert(t.Reads, a.Buf)
		}
		for _, s := range n.Stores {
			t.Writes = insert(t.Writes, s.To.Buf)
			if s.Add {
				t.Reads = insert(t.Reads, s.To.Buf)
			}
		}
	})
}

func insert(list []*Buffer, b *Buffer) []*Buffer {
	if slices.Contains(list, b) {
		return list
	}
	return append(list, b)
}

// Disturbs reports whether the nests of one write what those of the other touch: they must then keep their order.
func (t *Touch) Disturbs(o *Touch) bool {
	return Clash(t.Writes, o.Reads) != nil || Clash(t.Writes, o.Writes) != nil || Clash(t.Reads, o.Writes) != nil
}

// Meets reports whether b shares storage with a buffer of the list.
func Meets(list []*Buffer, b *Buffer) bool {
	return slices.ContainsFunc(list, b.Overlaps)
}

// Clash returns the first buffer of a that shares storage with one of b, or nil.
func Clash(a, b []*Buffer) *Buffer {
	for _, x := range a {
		if Meets(b, x) {
			return x
		}
	}
	return nil
}
