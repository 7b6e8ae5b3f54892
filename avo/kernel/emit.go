package kernel

import (
	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/ir/loop"
)

// emitter writes one function.
type emitter struct {
	b     *Builder
	fm    *form
	s     *schedule
	f     *vec.Func
	base  []int // of each group: the constant that its pointer parameter already holds, in elements
	off   []int // of each axis: its value as far as it is known while emitting
	ahead []int // of each group, in the tile at hand: see aheads
	// counter holds, for axes that an Index reads, their value's run-time part.
	counter map[int]vec.Reg
	indexed map[int]bool
	table   vec.Ptr                // of the index table at the row of the grid, or -1
	stepAt  map[int]vec.Ptr        // of the index table at the step along an axis of the scan, where an Index depends on it
	fixed   map[*loop.Expr]vec.Reg // values that never change
}

// emit writes the function of schedule s.
func (b *Builder) emit(name string, t vec.Target, s *schedule) *vec.Func {
	names := make([]string, len(b.Args))
	for i, a := range b.Args {
		names[i] = a.Name
	}
	e := &emitter{b: b, fm: b.fm, s: s, f: vec.New(name, t, names, b.Counts()), off: make([]int, len(b.fm.axes)),
		counter: map[int]vec.Reg{}, indexed: map[int]bool{}, table: -1, stepAt: map[int]vec.Ptr{}, fixed: map[*loop.Expr]vec.Reg{}}
	e.f.Doc = b.Nest.GoLoop(b.fm.scan...)
	e.f.Apart = b.Nest.Apart()
	for _, g := range b.fm.groups {
		lo, hi := b.fm.span(g, b.grid)
		e.base = append(e.base, lo)
		e.f.Reach = append(e.f.Reach, b.reach(g, hi-lo+1))
	}
	if b.needsTable() {
		e.table = vec.Ptr(len(b.fm.groups))
		e.f.Reach = append(e.f.Reach, b.reach(group{coef: unit(len(b.fm.axes), b.grid)}, 1))
	}
	for _, i := range b.neededSteps() {
		e.stepAt[i] = vec.Ptr(len(e.f.Reach))
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
	if e.s.lane < 0 || e.s.fold || e.f.Target.Lanes == 1 || e.fm.nest.Value == nil || !fusedSum(e.fm.nest) || e.fm.weigh().value.arithmetic > 1 {
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
