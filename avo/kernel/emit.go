package kernel

import (
	"slices"

	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/ir/loop"
)

// emitter writes one function.
type emitter struct {
	b    *Builder
	fm   *form
	s    *schedule
	f    *vec.Func
	base []int // of each group: the constant that its pointer parameter already holds, in elements
	off  []int // of each axis: its value as far as it is known while emitting
	// counter holds, for axes that an Index reads, their value's run-time part.
	counter map[int]vec.Reg
	indexed map[int]bool
	table   vec.Ptr                // of the index table at the row of the grid, or -1
	stepAt  vec.Ptr                // of the index table at the step of the scan, or -1
	fixed   map[*loop.Expr]vec.Reg // values that never change
}

// emit writes the function of schedule s.
func (b *Builder) emit(name string, t vec.Target, s *schedule) *vec.Func {
	names := make([]string, len(b.Args))
	for i, a := range b.Args {
		names[i] = a.Name
	}
	e := &emitter{b: b, fm: b.fm, s: s, f: vec.New(name, t, names, b.Counts()), off: make([]int, len(b.fm.axes)),
		counter: map[int]vec.Reg{}, indexed: map[int]bool{}, table: -1, stepAt: -1, fixed: map[*loop.Expr]vec.Reg{}}
	e.f.Doc = b.Nest.GoLoop(b.fm.scan...)
	for _, g := range b.fm.groups {
		lo, hi := b.fm.span(g, b.grid)
		e.base = append(e.base, lo)
		e.f.Reach = append(e.f.Reach, b.reach(g, hi-lo+1))
	}
	if b.needsTable() {
		e.table = vec.Ptr(len(b.fm.groups))
		e.f.Reach = append(e.f.Reach, b.reach(group{coef: unit(len(b.fm.axes), b.grid)}, 1))
	}
	if b.needsStep() {
		e.stepAt = vec.Ptr(len(e.f.Reach))
		e.f.Reach = append(e.f.Reach, vec.Reach{Fixed: 1})
	}
	for _, l := range b.fm.linears() {
		for a, c := range l.coef {
			if c != 0 {
				e.indexed[a] = true
			}
		}
	}
	e.hoist()
	e.gridLoop()
	return e.f
}

// unit is a coefficient vector that is 1 at axis a.
func unit(n, a int) []int {
	c := make([]int, n)
	c[a] = 1
	return c
}

// reach says how much of a group's buffer the counts cover.
func (b *Builder) reach(g group, fixed int) vec.Reach {
	r := vec.Reach{Fixed: fixed}
	if b.grid >= 0 {
		c := g.coef[b.grid]
		r.PerCount = append(r.PerCount, c*b.Grid.Tile)
		if b.Grid.Tile > 1 {
			r.PerCount = append(r.PerCount, c)
			r.Fixed += c * b.Grid.Tile
		}
	}
	if b.Batch {
		for a, ax := range b.fm.axes {
			if ax.dyn && a != b.grid {
				// The axis may count several elements for each example.
				r.PerCount = append(r.PerCount, g.coef[a]*ax.extent)
				r.Fixed += g.coef[a] * (ax.extent - 1)
			}
		}
	}
	return r
}

// gridLoop runs the caller's rows: full tiles, then single rows.
func (e *emitter) gridLoop() {
	g := e.b.grid
	if g < 0 {
		e.parallel(0, e.newTile())
		return
	}
	count := 0
	rowsOf := func(rows int) {
		t := e.newTile()
		t.size[g] = rows
		if rows == 1 && e.b.Grid.Tile > 1 {
			t.wide = e.widened()
		}
		e.parallel(0, t)
		for i, gr := range e.fm.groups {
			e.f.AddPtr(vec.Ptr(i), 4*rows*gr.coef[g])
		}
		if e.table >= 0 {
			e.f.AddPtr(e.table, 4*rows)
		}
	}
	for _, rows := range []int{e.b.Grid.Tile, 1} {
		e.f.Loop(vec.Param(count), nil, func() {
			if tile := e.s.tile[g]; tile == 1 && rows > 1 {
				e.f.Loop(vec.Fixed(rows), nil, func() { rowsOf(1) })
			} else {
				rowsOf(rows)
			}
		})
		count++
		if rows == 1 {
			break
		}
	}
}

// tileState is the register tile at one place of the code: how many steps of each axis, and in the lane axis how many lanes the last
// register holds.
type tileState struct {
	size []int // steps; registers along the lane axis
	part int   // lanes of the last register along the lane axis
	wide int   // how many times as many registers along the lane axis the tile takes as the schedule says
}

// widened is how much wider the tile of a single row may be: it has the accumulators of the other rows to itself, and needs them to hide
// the latency of its chains.
func (e *emitter) widened() int {
	if e.s.lane < 0 || e.s.fold || e.f.Target.Lanes == 1 || e.fm.nest.Value == nil || !fusedSum(e.fm.nest) || arithmetic(e.fm.nest.Value) > 1 {
		return 1
	}
	return max(1, min(e.b.Grid.Tile, 12/max(1, e.s.points()/e.s.tile[e.b.grid])))
}

func (e *emitter) newTile() tileState {
	t := tileState{size: make([]int, e.fm.par), part: e.f.Target.Lanes, wide: 1}
	for i := range t.size {
		t.size[i] = 1
	}
	if e.s.lane < 0 || e.s.fold {
		t.part = 1
	}
	return t
}

// parallel emits the loops over parallel axes from a on, then the tile.
func (e *emitter) parallel(a int, t tileState) {
	if a == e.fm.par {
		e.tile(t)
		return
	}
	if a == e.b.grid || a == e.fm.cut {
		e.parallel(a+1, t)
		return
	}
	set := func(n, part int) tileState {
		c := tileState{size: append([]int(nil), t.size...), part: part, wide: t.wide}
		c.size[a] = n
		return c
	}
	if e.fm.axes[a].dyn {
		e.overBatch(a, func() { e.parallel(a+1, t) })
		return
	}
	extent, step, part := e.fm.axes[a].extent, 1, t.part
	if a == e.s.lane {
		step = e.f.Target.Lanes
		part = extent % step
		extent = (extent + step - 1) / step
		if part == 0 {
			part = step
		}
	}
	n := e.s.tile[a]
	if a == e.s.lane {
		n = min(n*t.wide, extent)
	}
	whole, rest := extent/n, extent%n
	lastFull := part == step || a != e.s.lane
	if a == e.s.lane && rest == 0 && !lastFull {
		// The last tile ends in a part register, so it is code of its own.
		whole, rest = whole-1, n
	}
	full := t.part
	if a == e.s.lane {
		full = step
	}
	e.loop(a, whole, n*step, func() { e.parallel(a+1, set(n, full)) })
	if rest > 0 {
		e.off[a] += whole * n * step
		p := full
		if a == e.s.lane {
			p = part
		}
		e.parallel(a+1, set(rest, p))
		e.off[a] -= whole * n * step
	}
}

// loop runs body n times while axis a advances by step. It keeps a's counter where an Index needs it.
func (e *emitter) loop(a, n, step int, body func()) {
	e.countedLoop(a, vec.Fixed(n), n, step, body)
}

func (e *emitter) countedLoop(a int, count vec.Count, n, step int, body func()) {
	if count.Param < 0 && n <= 1 {
		if n == 1 {
			body()
		}
		return
	}
	var bumps []vec.Bump
	for i, g := range e.fm.groups {
		if g.coef[a] != 0 {
			bumps = append(bumps, vec.Bump{Ptr: vec.Ptr(i), Bytes: 4 * step * g.coef[a]})
		}
	}
	if !e.indexed[a] {
		e.f.Loop(count, bumps, body)
		return
	}
	outer, nested := e.counter[a]
	start := outer
	if !nested {
		start = e.f.Zero()
	}
	r := e.f.Move(start)
	e.counter[a] = r
	e.f.Loop(count, bumps, func() {
		body()
		e.f.Accumulate(vec.AddI, r, e.f.Const(uint32(int32(step))))
	})
	delete(e.counter, a)
	if nested {
		e.counter[a] = outer
	}
}

// overBatch runs body along axis a, whose extent is the batch or a multiple of it: then for each example an inner loop runs.
func (e *emitter) overBatch(a int, body func()) {
	ax := e.fm.axes[a]
	batch := e.param("batch")
	if ax.extent == 1 {
		e.countedLoop(a, batch, 0, 1, body)
		return
	}
	e.countedLoop(a, batch, 0, ax.extent, func() { e.loop(a, ax.extent, 1, body) })
}

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
	if v := e.fm.nest.Value; v != nil {
		budget /= max(1, verbs(v)/4)
	}
	return budget
}

// reduce emits the loops over reduction axes from a on. The innermost is unrolled as far as the budget allows.
func (e *emitter) reduce(a int, pts []point) {
	if a == len(e.fm.axes) {
		e.step(pts, 0)
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
	n := e.fm.nest
	c := &cache{}
	w := e.f.Target.Lanes
	for h := range e.s.perPoint() {
		lanes := -1
		shift := 0
		if e.s.fold {
			lanes, shift = w, h*w
			if part > 0 {
				lanes = min(w, part-shift)
			}
			if lanes == 0 || lanes < 0 {
				break
			}
			e.off[e.s.lane] += shift
		}
		for i := range pts {
			v := e.at(&pts[i], c)
			if e.s.fold {
				v.lanes = lanes
			}
			acc := pts[i].acc[h]
			if fusedSum(n) {
				a, b := v.eval(n.Value.Args[0]), v.eval(n.Value.Args[1])
				if e.s.fold && lanes < w && !e.bothVectors(n.Value) {
					e.f.Set(acc, e.f.Low(e.f.MulAdd(a, b, acc), acc, lanes))
					continue
				}
				e.f.Fma(acc, a, b)
				continue
			}
			x := v.eval(n.Value)
			e.combine(acc, x, lanes)
		}
		if e.s.fold {
			e.off[e.s.lane] -= shift
		}
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

// store evaluates all stores of a point before it writes any, and joins neighbours that interleave.
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
		}
		for k, r := range e.fm.stores {
			v.store(r, n.Stores[k], pts[i].lanes, vals[k])
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
