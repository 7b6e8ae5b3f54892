package layout

import (
	"slices"

	"github.com/dlc-ml/dlc/ir/loop"
)

// Rows that lie a large power of two apart share their place in the first-level cache, which holds eight of them. A sum that runs down
// such a tensor would fetch every row anew for every column.
const (
	collide = 256 // elements: rows so far apart, or a multiple, meet in few sets
	many    = 32  // rows from which on it matters
	padding = 16  // elements added to a row: one cache line
)

// pad sets the rows of temporaries apart where a sum of products runs down them.
func (c *chooser) pad(note func(n *loop.Nest, text string)) {
	for _, n := range c.nests {
		if n.Form == loop.Window || n.Form == loop.Contract {
			c.padPlaces(n, note)
		}
		if n.Form == loop.Map {
			c.padPlanes(n, note)
		}
		if n.Form != loop.Contract {
			continue
		}
		steps := len(c.steps[n])
		for _, a := range n.Loads() {
			b := a.Buf
			r := len(b.Shape)
			if b.Space != loop.Temp || b.Alias != nil || r < 2 || !slices.Equal(b.Strides, loop.RowMajor(b.Shape)) || b.Strides[r-2]%collide != 0 {
				continue
			}
			ix := a.Index[r-2]
			if len(ix.Terms) != 1 || ix.Terms[0].Axis < steps+len(n.Axes) || b.Shape[r-2].Size < many || !c.computed(b) {
				continue
			}
			b.Strides = padded(b, r-2)
			if note != nil {
				note(n, "layout: rows of "+b.Name+" are set apart by a cache line")
			}
		}
	}
}

// padPlaces sets the places of a picture apart that a convolution reads side by side, where their channels are a power of two: a register tile reads
// the same channel of a dozen places at once, and all places would share a part of the second-level cache, too.
func (c *chooser) padPlaces(n *loop.Nest, note func(n *loop.Nest, text string)) {
	for _, a := range n.Loads() {
		b := a.Buf
		r := len(b.Shape)
		if b.Space != loop.Temp || b.Alias != nil || r < 4 || !slices.Equal(b.Strides, loop.RowMajor(b.Shape)) || b.Strides[r-2]%collide != 0 ||
			n.Form == loop.Contract && !c.computed(b) || slices.ContainsFunc(c.f.Buffers, func(x *loop.Buffer) bool { return x.Alias == b }) {
			continue
		}
		b.Strides = padded(b, r-2)
		if note != nil {
			note(n, "layout: places of "+b.Name+" are set apart by a cache line")
		}
	}
}

// padPlanes sets the planes of a tensor apart of which a map touches the same place in many, one after the other, as the transforms of squares do.
func (c *chooser) padPlanes(n *loop.Nest, note func(n *loop.Nest, text string)) {
	type dimension struct {
		b *loop.Buffer
		d int
	}
	planes := map[dimension]map[int]bool{} // the fixed indices of each
	var buffers []*loop.Buffer
	for _, a := range n.Accesses() {
		if !slices.Contains(buffers, a.Buf) {
			buffers = append(buffers, a.Buf)
		}
		for d, ix := range a.Index {
			if len(ix.Terms) == 0 {
				k := dimension{a.Buf, d}
				if planes[k] == nil {
					planes[k] = map[int]bool{}
				}
				planes[k][ix.Const] = true
			}
		}
	}
	for _, b := range buffers {
		for d := 1; d < len(b.Shape)-1; d++ {
			if len(planes[dimension{b, d}]) < many/2 || b.Space != loop.Temp || b.Alias != nil || !slices.Equal(b.Strides, loop.RowMajor(b.Shape)) || b.Strides[d]%collide != 0 || !c.computed(b) {
				continue
			}
			b.Strides = padded(b, d)
			if note != nil {
				note(n, "layout: planes of "+b.Name+" are set apart by a cache line")
			}
		}
	}
}

// computed reports whether no copy touches b, which might become a view of another tensor.
func (c *chooser) computed(b *loop.Buffer) bool {
	return !slices.ContainsFunc(c.nests, func(n *loop.Nest) bool { return n.Form == loop.Copy && uses(n, map[*loop.Buffer]bool{b: true}) })
}

// padded returns row-major strides with more room between the steps of dimension dim.
func padded(b *loop.Buffer, dim int) []int {
	st := make([]int, len(b.Shape))
	n := 1
	for i := len(st) - 1; i >= 0; i-- {
		if i == dim {
			n += padding
		}
		st[i] = n
		n *= b.Shape[i].Size
	}
	return st
}
