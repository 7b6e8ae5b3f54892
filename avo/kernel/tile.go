package kernel

import (
	"slices"

	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/ir/loop"
)

// point is one accumulator's place in the tile.
type point struct {
	off   []int // of each parallel axis, relative to e.off
	lanes int
	acc   []vec.Reg
}

// points lists the tile's accumulators, the lane axis innermost.
func (e *emitter) points(t tileState) []point {
	order := e.s.order()
	var list []point
	off := make([]int, e.fm.par)
	var walk func(i int)
	walk = func(i int) {
		if i == len(order) {
			p := point{off: append([]int(nil), off...), lanes: t.part}
			if l := e.s.lane; l >= 0 && !e.s.fold && off[l] < (t.size[l]-1)*e.f.Target.Lanes {
				p.lanes = e.f.Target.Lanes
			}
			list = append(list, p)
			return
		}
		a, step := order[i], 1
		if a == e.s.lane {
			step = e.f.Target.Lanes
		}
		for n := range t.size[a] {
			off[a] = n * step
			walk(i + 1)
		}
		off[a] = 0
	}
	walk(0)
	return list
}

// tile emits one register tile: accumulators, reduction, stores.
func (e *emitter) tile(t tileState) {
	pts := e.points(t)
	if e.fm.nest.Value != nil {
		start := identity(e.fm.nest)
		for i := range pts {
			for range e.s.perPoint() {
				pts[i].acc = append(pts[i].acc, e.constant(start))
			}
		}
		if e.b.Block > 0 {
			e.resume(pts)
		}
		e.ahead = e.aheads(t.size, len(pts))
		e.reduce(e.fm.par, pts)
		if e.s.fold {
			for i := range pts {
				pts[i].acc = []vec.Reg{e.foldLanes(pts[i].acc)}
			}
		}
	}
	e.store(pts)
}

// resume lets the accumulators go on from what is stored, where the caller says so: a loop that runs once or not at all.
func (e *emitter) resume(pts []point) {
	e.f.Loop(e.param("resume"), nil, func() {
		for i := range pts {
			e.f.Set(pts[i].acc[0], e.at(&pts[i], &cache{}).load(e.fm.stores[0]))
		}
	})
}

// param is the count parameter of that name.
func (e *emitter) param(name string) vec.Count {
	return vec.Param(slices.Index(e.f.Counts, name))
}

// constant returns a fresh register of a value, for an accumulator.
func (e *emitter) constant(bits uint32) vec.Reg {
	if bits == 0 {
		return e.f.Zero()
	}
	return e.f.Move(e.f.Const(bits))
}

// unrollBudget is how many steps of arithmetic a loop body may hold: enough to hide the loop, small enough for the instruction cache.
func (e *emitter) unrollBudget() int {
	budget := 72
	if e.f.Target.Lanes == 1 {
		budget = 8
	}
	if e.fm.nest.Value != nil {
		budget /= max(1, e.fm.weigh().value.verbs/4)
	}
	return budget
}

// reduce emits the loops over reduction axes from a on. The innermost is unrolled as far as the budget allows.
func (e *emitter) reduce(a int, pts []point) {
	if a == len(e.fm.axes) {
		e.step(pts, 0)
		return
	}
	if nb := e.s.shared; nb.runs(e.fm, len(pts)) && a == nb.red {
		e.run(pts)
		return
	}
	ax := e.fm.axes[a]
	if ax.dyn {
		e.overBatch(a, func() { e.reduce(a+1, pts) })
		return
	}
	if e.s.fold && a == e.s.lane {
		whole, rest := ax.extent/e.s.lanes, ax.extent%e.s.lanes
		e.unrolled(a, whole, e.s.lanes, len(pts), func() { e.step(pts, 0) })
		if rest > 0 {
			e.off[a] += whole * e.s.lanes
			e.step(pts, rest)
			e.off[a] -= whole * e.s.lanes
		}
		return
	}
	e.unrolled(a, ax.extent, 1, len(pts)*e.size(a+1), func() { e.reduce(a+1, pts) })
}

// size is how many steps the reduction axes from a on run if all are unrolled.
func (e *emitter) size(a int) int {
	n := 1
	for ; a < len(e.fm.axes); a++ {
		if e.fm.axes[a].dyn {
			return e.unrollBudget() + 1
		}
		x := e.fm.axes[a].extent
		if e.s.fold && a == e.s.lane {
			x = (x + e.s.lanes - 1) / e.s.lanes
		}
		n *= x
	}
	return n
}

// unrolled runs body for n steps of axis a, unrolled as far as the budget allows when one body costs that much.
func (e *emitter) unrolled(a, n, step, cost int, body func()) {
	u := max(1, min(n, e.unrollBudget()/max(1, cost)))
	for u > 1 && n%u != 0 && n/u > 1 && u > 4 {
		u-- // prefer a divisor, so that no remainder is emitted
	}
	run := func(n int) {
		for i := range n {
			e.off[a] += i * step
			body()
			e.off[a] -= i * step
		}
	}
	e.loop(a, n/u, u*step, func() { run(u) })
	if r := n % u; r > 0 {
		e.off[a] += n / u * u * step
		run(r)
		e.off[a] -= n / u * u * step
	}
}

// step emits one step of the reduction for every accumulator. part > 0 says that only so many elements of the folded lanes are left.
func (e *emitter) step(pts []point, part int) {
	c := &cache{step: true}
	if e.s.fold {
		e.foldStep(pts, part, c)
		return
	}
	for i := range pts {
		e.accumulate(&pts[i], c)
	}
}

// accumulate adds the term at hand to the sum of a point.
func (e *emitter) accumulate(p *point, c *cache) {
	v, n := e.at(p, c), e.fm.nest
	if fusedSum(n) {
		a, b := v.eval(n.Value.Args[0]), v.eval(n.Value.Args[1])
		e.f.FmaLoose(p.acc[0], a, b)
		return
	}
	e.combine(p.acc[0], v.eval(n.Value), -1)
}

// foldStep is step where the lanes are folded: a register of each point takes its share of the partial sums.
func (e *emitter) foldStep(pts []point, part int, c *cache) {
	n, w := e.fm.nest, e.f.Target.Lanes
	for h := range e.s.perPoint() {
		lanes, shift := w, h*w
		if part > 0 {
			lanes = min(w, part-shift)
		}
		if lanes <= 0 {
			break
		}
		e.off[e.s.lane] += shift
		for i := range pts {
			v := e.at(&pts[i], c)
			v.lanes = lanes
			acc := pts[i].acc[h]
			if !fusedSum(n) {
				e.combine(acc, v.eval(n.Value), lanes)
				continue
			}
			a, b := v.eval(n.Value.Args[0]), v.eval(n.Value.Args[1])
			if lanes < w && !e.bothVectors(n.Value) {
				e.f.Set(acc, e.f.Low(e.f.MulAdd(a, b, acc), acc, lanes))
				continue
			}
			e.f.FmaLoose(acc, a, b)
		}
		e.off[e.s.lane] -= shift
	}
}

// bothVectors reports whether both factors are loads along the folded lanes, whose missing elements read as zero.
func (e *emitter) bothVectors(v *loop.Expr) bool {
	for _, a := range v.Args {
		if a.Code != loop.Load || e.fm.groups[e.fm.loads[a].group].coef[e.s.lane] == 0 {
			return false
		}
	}
	return true
}

// store evaluates all stores of a point before it writes any, unless nothing is read where the nest writes, and joins neighbours that interleave.
func (e *emitter) store(pts []point) {
	n := e.fm.nest
	for i := 0; i < len(pts); i++ {
		if j := e.zipped(pts, i); j {
			a, b := e.at(&pts[i], &cache{}), e.at(&pts[i+1], &cache{})
			x, y := a.eval(n.Stores[0].Expr), b.eval(n.Stores[0].Expr)
			r := e.fm.stores[0]
			e.f.StoreZip(vec.Ptr(r.group), a.disp(r), x, y)
			i++
			continue
		}
		v := e.at(&pts[i], &cache{})
		if e.s.fold {
			v.lanes = 1
		}
		vals := make([]vec.Reg, len(n.Stores))
		for k, s := range n.Stores {
			vals[k] = v.eval(s.Expr)
			if e.f.Apart {
				v.store(e.fm.stores[k], s, pts[i].lanes, vals[k])
			}
		}
		for k, r := range e.fm.stores {
			if !e.f.Apart {
				v.store(r, n.Stores[k], pts[i].lanes, vals[k])
			}
		}
	}
}

// zipped reports whether points i and i+1 are full registers whose only store interleaves: two apart in each, one from the other.
func (e *emitter) zipped(pts []point, i int) bool {
	if i+1 >= len(pts) || e.s.fold || e.s.lane < 0 || len(e.fm.stores) != 1 {
		return false
	}
	r := e.fm.stores[0]
	w := e.f.Target.Lanes
	if w == 1 || e.fm.free != nil || e.fm.groups[r.group].coef[e.s.lane] != 2 || pts[i].lanes != w || pts[i+1].lanes != w {
		return false
	}
	d := 0
	for a := range e.fm.par {
		d += (pts[i+1].off[a] - pts[i].off[a]) * e.fm.groups[r.group].coef[a]
	}
	return d == 1
}
