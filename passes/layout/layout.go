// Package layout is the pass that decides how tensors lie in memory and in which order sums run. It chooses, by the kernels' cost
// model, for every activation whether channels or pixels are contiguous, for every reduction the order of its axes and
// whether it keeps partial sums; and it makes a view of every copy that moves nothing. What it decides is part of the program and the
// same for every instruction set, so that all of them give the same bits.
package layout

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/avo/kernel"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Choose lays out f. sizes gives the value of symbols known at compile time. note, where not nil, is told each decision.
func Choose(f *loop.Func, sizes map[string]int, note func(n *loop.Nest, text string)) error {
	c := &chooser{f: f, sizes: sizes, cost: map[*loop.Nest]float64{}, steps: map[*loop.Nest][]loop.Axis{}}
	f.Each(func(n *loop.Nest, steps []loop.Axis) {
		c.nests = append(c.nests, n)
		c.steps[n] = steps
	})
	for _, n := range c.nests {
		if _, err := c.price(n); err != nil {
			return err
		}
	}
	if err := c.pack(true, note); err != nil {
		return err
	}
	if err := c.transposeGroups(); err != nil {
		return err
	}
	if err := c.pack(false, note); err != nil {
		return err
	}
	c.pad(note)
	for _, n := range c.nests {
		if err := c.order(n); err != nil {
			return err
		}
		if note != nil && n.Lanes > 1 {
			note(n, fmt.Sprintf("layout: %d partial sums over %s", n.Lanes, n.Red[len(n.Red)-1].Name))
		}
	}
	c.views()
	return nil
}

// chooser holds what is known while laying out one function.
type chooser struct {
	f     *loop.Func
	sizes map[string]int
	nests []*loop.Nest // that compute: those in the bodies of scans, but not the scans
	steps map[*loop.Nest][]loop.Axis
	cost  map[*loop.Nest]float64
}

// price estimates a nest as it stands, in AVX2 cycles for a typical batch; one of a scan's, for all steps.
func (c *chooser) price(n *loop.Nest) (float64, error) { return c.priceAt(n, c.steps[n]) }

func (c *chooser) priceAt(n *loop.Nest, steps []loop.Axis) (float64, error) {
	p, err := kernel.Price(n, c.sizes, steps...)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", n.Pos, err)
	}
	c.cost[n] = p
	for _, a := range steps {
		c.cost[n] *= float64(a.Extent.Size)
	}
	return c.cost[n], nil
}

// transposeGroups tries, for each set of activations that should lie alike, to make pixels contiguous instead of channels, and keeps it
// where the whole program gets cheaper.
func (c *chooser) transposeGroups() error {
	groups := c.groups()
	for again, round := true, 0; again && round < 3; round++ {
		again = false
		for _, g := range groups {
			better, err := c.try(g)
			if err != nil {
				return err
			}
			again = again || better
		}
	}
	return nil
}

// groups joins temporaries of rank 3 and more that meet, element by element, in one nest.
func (c *chooser) groups() [][]*loop.Buffer {
	parent := map[*loop.Buffer]*loop.Buffer{}
	var find func(b *loop.Buffer) *loop.Buffer
	find = func(b *loop.Buffer) *loop.Buffer {
		if parent[b] != b {
			parent[b] = find(parent[b])
		}
		return parent[b]
	}
	free := func(b *loop.Buffer) bool {
		return b.Space == loop.Temp && len(b.Shape) >= 3 && b.Alias == nil && !b.Shape[0].Static()
	}
	var order []*loop.Buffer
	for _, b := range c.f.Buffers {
		if free(b) {
			parent[b] = b
			order = append(order, b)
		}
	}
	for _, n := range c.nests {
		if n.Form == loop.Contract || n.Form == loop.Window && n.Value.Code == loop.Mul {
			// Only what meets behind the sum must lie alike.
			c.joinAll(n, n.Stores, nil, free, parent, find)
			continue
		}
		c.joinAll(n, n.Stores, n.Value, free, parent, find)
	}
	index := map[*loop.Buffer]int{}
	var groups [][]*loop.Buffer
	for _, b := range order {
		r := find(b)
		i, ok := index[r]
		if !ok {
			i = len(groups)
			index[r] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], b)
	}
	return groups
}

func (c *chooser) joinAll(n *loop.Nest, stores []loop.Store, value *loop.Expr, free func(*loop.Buffer) bool,
	parent map[*loop.Buffer]*loop.Buffer, find func(*loop.Buffer) *loop.Buffer) {
	var first *loop.Buffer
	join := func(b *loop.Buffer) {
		if !free(b) || first != nil && len(b.Shape) != len(first.Shape) {
			return
		}
		if first == nil {
			first = b
			return
		}
		parent[find(b)] = find(first)
	}
	for _, s := range stores {
		join(s.To.Buf)
		s.Expr.Walk(func(e *loop.Expr) {
			if e.Code == loop.Load {
				join(e.From.Buf)
			}
		})
	}
	value.Walk(func(e *loop.Expr) {
		if e.Code == loop.Load {
			join(e.From.Buf)
		}
	})
}

// try turns a group over and keeps that where it pays.
func (c *chooser) try(group []*loop.Buffer) (bool, error) {
	old := make([][]int, len(group))
	in := map[*loop.Buffer]bool{}
	for i, b := range group {
		old[i] = b.Strides
		in[b] = true
	}
	var touched []*loop.Nest
	before := 0.0
	was := map[*loop.Nest]float64{}
	for _, n := range c.nests {
		if uses(n, in) {
			p, err := c.best(n)
			if err != nil {
				return false, err
			}
			touched = append(touched, n)
			was[n] = p
			before += p
		}
	}
	for _, b := range group {
		if slices.Equal(b.Strides, loop.RowMajor(b.Shape)) {
			b.Strides = planar(b)
		} else {
			b.Strides = loop.RowMajor(b.Shape)
		}
	}
	after := 0.0
	for _, n := range touched {
		p, err := c.best(n)
		if err != nil {
			return false, err
		}
		after += p
	}
	if after < before*0.98 {
		return true, nil
	}
	for i, b := range group {
		b.Strides = old[i]
	}
	return false, nil
}

func uses(n *loop.Nest, in map[*loop.Buffer]bool) bool {
	return slices.ContainsFunc(n.Accesses(), func(a loop.Access) bool { return in[a.Buf] })
}

// planar returns the strides of [N, …, C] in the order N, C, ….
func planar(b *loop.Buffer) []int {
	r := len(b.Shape)
	st := make([]int, r)
	n := 1
	for i := r - 2; i >= 1; i-- {
		st[i] = n
		n *= b.Shape[i].Size
	}
	st[r-1] = n
	n *= b.Shape[r-1].Size
	st[0] = n
	return st
}

// best is the price of a nest under its best order of sums, without changing it.
func (c *chooser) best(n *loop.Nest) (float64, error) {
	saved := *n
	defer func() { *n = saved }()
	if err := c.order(n); err != nil {
		return 0, err
	}
	return c.cost[n], nil
}

// views makes aliases of copies between storages that hold the same elements at the same places.
func (c *chooser) views() {
	keep := c.f.Nests[:0]
	for _, n := range c.f.Nests {
		if dst, src := moved(n); dst != nil && c.soleWriter(dst, n) && c.soleWriter(src, nil) {
			dst.Alias = src
			continue
		}
		keep = append(keep, n)
	}
	c.f.Nests = keep
}

// moved returns the two buffers of a copy that leaves every element at the same place of its storage, or nil.
func moved(n *loop.Nest) (dst, src *loop.Buffer) {
	if n.Form != loop.Copy || len(n.Stores) != 1 || n.Stores[0].Expr.Code != loop.Load {
		return nil, nil
	}
	to, from := n.Stores[0].To, n.Stores[0].Expr.From
	if to.Buf.Space != loop.Temp || to.Buf.Elem != from.Buf.Elem || to.Buf.Scaled() != from.Buf.Scaled() ||
		from.Buf.Space != loop.Temp && from.Buf.Space != loop.Input && from.Buf.Space != loop.Table || to.Buf.Size() != from.Buf.Size() {
		return nil, nil
	}
	a, b := place(to, len(n.Axes)), place(from, len(n.Axes))
	if !slices.Equal(a, b) {
		return nil, nil
	}
	return to.Buf, from.Buf
}

// place returns the offset of an access and its stride along each axis.
func place(a loop.Access, axes int) []int {
	p := make([]int, axes+1)
	p[axes] = a.Buf.Offset
	for d, ix := range a.Index {
		p[axes] += ix.Const * a.Buf.Strides[d]
		for _, t := range ix.Terms {
			p[t.Axis] += t.Coef * a.Buf.Strides[d]
		}
	}
	return p
}

// soleWriter reports whether no nest but n writes b.
func (c *chooser) soleWriter(b *loop.Buffer, n *loop.Nest) bool {
	writers := 0
	for _, m := range c.f.Nests {
		m.Walk(func(x *loop.Nest) {
			for _, s := range x.Stores {
				if s.To.Buf == b && x != n {
					writers++
				}
			}
		})
	}
	return writers == 0 || n == nil && writers == 1
}
