package layout

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/passes/pass"
)

// A matrix in row-major order is a bad thing to multiply with: the few columns that a register tile works on touch a cache line, and often a
// page, of every row, and rows whose length is a power of two share few sets of the cache. So parameters lie in panels of neighbouring columns, one
// panel after the other: a tile reads one run of memory. It is the same in inference and in training, and a gradient lies as its parameter does,
// so that the optimizer need not know.
const (
	panelWidth = 16   // columns: a register of AVX-512, two of AVX2, a cache line
	panelLeast = 4096 // elements from which on it matters: half of a first-level cache
	longRow    = 512  // columns from which on it matters for what is computed from parameters: below that, rows fetch each other's lines ahead
)

// panels puts into panels those parameters of u that all its programs can read so.
func panels(u *pass.Unit, note func(p *pass.Place, text string)) {
	for i := range u.Places {
		p := &u.Places[i]
		if !worthPanels(p.Param.Type.Shape) {
			continue
		}
		var bufs []*loop.Buffer
		fits := true
		for _, f := range u.Loops {
			for _, b := range f.Buffers {
				if b.Space == loop.Weight && b.Name == p.Param.Name || b.Space == loop.Grad && b.Name == p.Param.Name+".grad" {
					bufs = append(bufs, b)
					fits = fits && readsPanels(f, b)
				}
			}
		}
		if !fits || len(bufs) == 0 {
			continue
		}
		p.Panel = panelWidth
		for _, b := range bufs {
			b.Panel, b.Strides = p.Panel, loop.InPanels(b.Shape, p.Panel)
		}
		if note != nil {
			note(p, "layout: in panels of 16 columns")
		}
	}
	for _, f := range u.Loops {
		for _, b := range f.Buffers {
			if (b.Space == loop.Prepared || b.Space == loop.Temp) && !b.Scaled() && b.Alias == nil && worthPanels(b.Shape) && b.Shape[len(b.Shape)-1].Size >= longRow && multiplied(f, b) && readsPanels(f, b) {
				b.Panel, b.Strides = panelWidth, loop.InPanels(b.Shape, panelWidth)
			}
		}
	}
}

// worthPanels reports whether a matrix, or several, of that shape gain from panels.
func worthPanels(shape ir.Shape) bool {
	n, ok := shape.Elems()
	last := len(shape) - 1
	return ok && n.Static() && n.Size >= panelLeast && last >= 1 && shape[last].Size > panelWidth && shape[last].Size%panelWidth == 0
}

// multiplied reports whether a product of f reads b.
func multiplied(f *loop.Func, b *loop.Buffer) bool {
	found := false
	f.Each(func(n *loop.Nest, _ []loop.Axis) {
		found = found || n.Form == loop.Contract && slices.ContainsFunc(n.Loads(), func(a loop.Access) bool { return a.Buf == b })
	})
	return found
}

// readsPanels reports whether every access of f to b runs over whole panels.
func readsPanels(f *loop.Func, b *loop.Buffer) bool {
	for _, x := range f.Buffers {
		if x != b && x.Root() == b {
			return false
		}
	}
	ok := true
	f.Each(func(n *loop.Nest, steps []loop.Axis) {
		for _, a := range n.Accesses() {
			if a.Buf != b {
				continue
			}
			axis, plain := a.LastAxis()
			if !plain || axis < len(steps) {
				ok = false
				continue
			}
			e := n.AxisAt(axis - len(steps)).Extent
			ok = ok && e.Static() && e.Size%panelWidth == 0
		}
	})
	return ok
}
