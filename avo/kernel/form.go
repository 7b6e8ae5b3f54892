package kernel

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir/loop"
)

// axis is one loop of a kernel, after simplification.
type axis struct {
	name   string
	extent int  // of one unit of the symbol where dyn
	dyn    bool // extent times the run-time batch
	red    bool
}

// ref is an access by address: element at + Σ coef[a]*value(a) of a pointer group.
type ref struct {
	group   int
	at      int       // elements from the group's pointer
	dyn     []dynamic // computed dimensions, which add to it
	varying []bool    // axes along which the address may change
}

// group is one pointer parameter: all accesses to one buffer that move alike.
type group struct {
	buf    *loop.Buffer
	coef   []int // elements for each axis
	steps  []int // elements for each step of the scan around the nest, along each of its axes
	lo, hi int   // least and greatest constant offset among its accesses, in elements from the buffer's storage
	store  bool
}

// form is a nest in the shape that kernels are made from: addresses instead of indices, loops of extent 1 gone, loops that are
// contiguous in every access merged. The step of a scan around the nest is no loop of it: the caller moves the pointers.
type form struct {
	nest   *loop.Nest
	scan   []loop.Axis // the axes of the scan around it, if any
	steps  int         // how many
	place  []int       // of each axis of the nest among axes, before any are merged; the outer one where it is split
	panels []int       // of each axis of the nest: the width of the panels it is split into, or 0
	axes   []axis      // parallel, then reduction
	par    int         // how many are parallel
	cut    int         // the one that the caller cuts beside the grid: a kernel does one step of it; or -1
	groups []group
	loads  map[*loop.Expr]ref
	stores []ref
	// index holds the affine of each Index expression over the axes of this form.
	index map[*loop.Expr]linear
	// Of a nest whose order shows, free says which parallel axes may still be cut, tiled and moved; of any other it is nil.
	free    []bool
	varying map[*loop.Expr][]bool // axes along which an expression may change
	weights *weights              // of its expressions, once they were asked for
}

// linear is at + Σ coef[a]*value(a) + Σ steps[i]*(the step along axis i of the scan).
type linear struct {
	at    int
	coef  []int
	steps []int
}

// newForm flattens the accesses of n, which stands in the body of a scan where steps has its axes. sizes gives the value of symbols that
// are known (the arena length P).
func newForm(n *loop.Nest, sizes map[string]int, steps []loop.Axis) (*form, error) {
	if n.Form == loop.Scan {
		return nil, fmt.Errorf("%s: no kernel for the %s form", n.Name, n.Form)
	}
	if slices.ContainsFunc(steps, func(a loop.Axis) bool { return !a.Extent.Static() }) {
		return nil, fmt.Errorf("%s: no kernel inside a scan of a number of steps that is not fixed", n.Name)
	}
	fm := &form{nest: n, cut: -1, scan: steps, steps: len(steps), loads: map[*loop.Expr]ref{}, index: map[*loop.Expr]linear{}}
	fm.panels = panelled(n, fm.steps)
	var free []bool
	if ordered(n) {
		free = freeAxes(n, fm.steps)
	}
	for i := range len(n.Axes) + len(n.Red) {
		ax := n.AxisAt(i)
		a := axis{name: ax.Name, extent: ax.Extent.Size, red: i >= len(n.Axes)}
		if s := ax.Extent.Sym; s != "" {
			if v, ok := sizes[s]; ok {
				a.extent *= v
			} else {
				a.dyn = true
			}
		}
		fm.place = append(fm.place, len(fm.axes))
		parts := []axis{a}
		if p := fm.panels[i]; p > 0 {
			a.extent /= p
			a.name += "p"
			parts = []axis{a, {name: ax.Name, extent: p, red: a.red}}
		}
		fm.axes = append(fm.axes, parts...)
		if i < len(n.Axes) {
			fm.par = len(fm.axes)
			for range parts {
				if free != nil {
					fm.free = append(fm.free, free[i])
				}
			}
		}
	}
	var loads, idx []*loop.Expr
	visit := func(e *loop.Expr) {
		switch e.Code {
		case loop.Load:
			if _, ok := fm.loads[e]; !ok {
				fm.loads[e] = ref{}
				loads = append(loads, e)
			}
		case loop.Index:
			if _, ok := fm.index[e]; !ok {
				fm.index[e] = linear{}
				idx = append(idx, e)
			}
		}
	}
	fm.nest.Exprs(visit)
	return fm, fm.flatten(loads, idx, sizes)
}

// flatten turns indices into addresses, merges axes and files every access under its pointer group.
func (fm *form) flatten(loads, idx []*loop.Expr, sizes map[string]int) error {
	accesses := make([]loop.Access, 0, len(loads)+len(fm.nest.Stores))
	for _, e := range loads {
		accesses = append(accesses, e.From)
	}
	for _, s := range fm.nest.Stores {
		accesses = append(accesses, s.To)
	}
	lins := make([]*linear, 0, len(accesses)+len(idx)) // of every access, every index and every computed dimension
	dyns := make([][]dynamic, len(accesses))
	for i, a := range accesses {
		l := fm.address(a)
		lins = append(lins, &l)
		var err error
		if dyns[i], err = fm.dynamics(a, sizes); err != nil {
			return err
		}
	}
	for _, e := range idx {
		l := fm.linear(e.Idx)
		lins = append(lins, &l)
	}
	for _, list := range dyns {
		for i := range list {
			lins = append(lins, &list[i].lin)
		}
	}
	fm.merge(lins)
	for i, a := range accesses {
		r := fm.point(a.Buf, *lins[i], dyns[i], i >= len(loads))
		if i < len(loads) {
			fm.loads[loads[i]] = r
		} else {
			fm.stores = append(fm.stores, r)
		}
	}
	for i, e := range idx {
		fm.index[e] = *lins[len(accesses)+i]
	}
	fm.findVarying()
	return nil
}

// address turns an index into elements from the start of the buffer's storage, without its computed dimensions.
func (fm *form) address(a loop.Access) linear {
	l := fm.fixed(a.Buf.Offset)
	for d, ix := range a.Index {
		if d < len(a.Dyn) && a.Dyn[d] != nil {
			continue
		}
		l.at += ix.Const * a.Buf.Strides[d]
		if a.Buf.Panel > 0 && d == len(a.Index)-1 {
			at := fm.place[ix.Terms[0].Axis-fm.steps]
			l.coef[at] += a.Buf.Strides[d]
			l.coef[at+1]++
			continue
		}
		for _, t := range ix.Terms {
			fm.add(&l, t.Axis, t.Coef*a.Buf.Strides[d])
		}
	}
	return l
}

// fixed is a linear that no axis moves.
func (fm *form) fixed(at int) linear {
	return linear{at: at, coef: make([]int, len(fm.axes)), steps: make([]int, fm.steps)}
}

// add adds c times an axis in the numbering of the nest, which begins with the steps of the scan.
func (fm *form) add(l *linear, axis, c int) {
	if axis < fm.steps {
		l.steps[axis] += c
		return
	}
	at := fm.place[axis-fm.steps]
	if p := fm.panels[axis-fm.steps]; p > 0 {
		l.coef[at] += c * p
		at++
	}
	l.coef[at] += c
}

// panelled returns the width of the panels that each axis of n runs over; 0 for others.
func panelled(n *loop.Nest, steps int) []int {
	list := make([]int, len(n.Axes)+len(n.Red))
	for _, a := range n.Accesses() {
		if a.Buf.Panel > 0 {
			if axis, ok := a.LastAxis(); ok && axis >= steps {
				list[axis-steps] = a.Buf.Panel
			}
		}
	}
	return list
}

// linear is an affine index over the nest's axes.
func (fm *form) linear(a loop.Affine) linear {
	l := fm.fixed(a.Const)
	for _, t := range a.Terms {
		fm.add(&l, t.Axis, t.Coef)
	}
	return l
}

// point files an address under its pointer group.
func (fm *form) point(b *loop.Buffer, l linear, dyn []dynamic, store bool) ref {
	hi := l.at
	for _, d := range dyn {
		hi += d.last * d.stride
	}
	for i := range fm.groups {
		g := &fm.groups[i]
		if g.buf == b && slices.Equal(g.steps, l.steps) && slices.Equal(g.coef, l.coef) {
			g.lo, g.hi = min(g.lo, l.at), max(g.hi, hi)
			g.store = g.store || store
			return ref{group: i, at: l.at, dyn: dyn}
		}
	}
	fm.groups = append(fm.groups, group{b, l.coef, l.steps, l.at, hi, store})
	return ref{group: len(fm.groups) - 1, at: l.at, dyn: dyn}
}

// merge removes axes of extent 1 and joins pairs that are one contiguous run in every access. Parallel axes join in either
// order, since their order means nothing, where it does not show; reduction axes only in the order of the chain.
func (fm *form) merge(lins []*linear) {
	drop := func(i int) {
		fm.axes = slices.Delete(fm.axes, i, i+1)
		for k := range lins {
			lins[k].coef = slices.Delete(lins[k].coef, i, i+1)
		}
		if i < fm.par {
			fm.par--
			if fm.free != nil {
				fm.free = slices.Delete(fm.free, i, i+1)
			}
		}
	}
	for i := len(fm.axes) - 1; i >= 0; i-- {
		if a := fm.axes[i]; a.extent == 1 && !a.dyn {
			drop(i)
		}
	}
	for again := true; again; {
		again = false
	pairs:
		for o := range fm.axes {
			for i := range fm.axes {
				if fm.joinable(lins, o, i) {
					fm.axes[i].extent *= fm.axes[o].extent
					fm.axes[i].name = fm.axes[o].name + fm.axes[i].name
					drop(o)
					again = true
					break pairs
				}
			}
		}
	}
}

func (fm *form) joinable(lins []*linear, outer, inner int) bool {
	o, i := fm.axes[outer], fm.axes[inner]
	if outer == inner || o.red != i.red || o.dyn || i.dyn {
		return false
	}
	if o.red {
		if inner != outer+1 || fm.nest.Lanes > 1 && i.extent%fm.nest.Lanes != 0 {
			return false
		}
	}
	if !o.red && fm.free != nil && (fm.free[outer] != fm.free[inner] || !fm.free[outer] && inner != outer+1) {
		return false
	}
	for _, l := range lins {
		if l.coef[outer] != l.coef[inner]*i.extent {
			return false
		}
	}
	return true
}

// rows joins parallel axis grid, which counts examples, with those that lie inside it in every access: [N,T,features] are N·T rows. The
// axis that will lie across the lanes stays. It returns the number of the joined axis.
func (fm *form) rows(grid, lane int) int {
	if fm.free != nil {
		return grid
	}
	for a := range fm.par {
		if a == grid || a == lane || fm.axes[a].dyn || !fm.inside(grid, a) {
			continue
		}
		fm.axes[grid].extent *= fm.axes[a].extent
		fm.axes[grid].name += fm.axes[a].name
		fm.axes = slices.Delete(fm.axes, a, a+1)
		fm.par--
		fm.eachCoef(func(c []int) []int {
			c[grid] = c[a]
			return slices.Delete(c, a, a+1)
		})
		fm.findVarying()
		less := func(i int) int {
			if i > a {
				return i - 1
			}
			return i
		}
		return fm.rows(less(grid), less(lane))
	}
	return grid
}

// inside reports whether a step of axis outer is as long as the whole of axis inner, in every access.
func (fm *form) inside(outer, inner int) bool {
	ok := true
	fm.eachCoef(func(c []int) []int {
		ok = ok && c[outer] == c[inner]*fm.axes[inner].extent
		return c
	})
	return ok
}

// eachCoef replaces the coefficients of every pointer group, index and computed dimension.
func (fm *form) eachCoef(f func(c []int) []int) {
	for i := range fm.groups {
		fm.groups[i].coef = f(fm.groups[i].coef)
	}
	for e, l := range fm.index {
		l.coef = f(l.coef)
		fm.index[e] = l
	}
	for _, r := range fm.refs() {
		for i := range r.dyn {
			r.dyn[i].lin.coef = f(r.dyn[i].lin.coef)
		}
	}
}

// split turns parallel axis a, whose extent block divides, into an outer axis and an inner one of extent block.
func (fm *form) split(a, block int) {
	inner := fm.axes[a]
	fm.axes[a].extent /= block
	fm.axes[a].name += "o"
	inner.extent = block
	fm.axes = slices.Insert(fm.axes, a+1, inner)
	fm.par++
	fm.eachCoef(func(c []int) []int {
		c = slices.Insert(c, a+1, c[a])
		c[a] *= block
		return c
	})
	if fm.free != nil {
		fm.free = slices.Insert(fm.free, a+1, fm.free[a])
	}
	fm.findVarying()
}

// span returns the least element that a group touches when every axis but the caller's runs over its extent, and the greatest.
// Dynamic axes must not run backwards.
func (fm *form) span(g group, grid int) (lo, hi int) {
	lo, hi = g.lo, g.hi
	for a, c := range g.coef {
		if a == grid || a == fm.cut || fm.axes[a].dyn {
			continue
		}
		if c < 0 {
			lo += c * (fm.axes[a].extent - 1)
		} else {
			hi += c * (fm.axes[a].extent - 1)
		}
	}
	return lo, hi
}
