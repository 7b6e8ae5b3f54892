package vec

import (
	"maps"
	"math"
	"slices"
)

// Constants are placed where registers allow: each starts at the top of the function, and where too many values are live at once
// the cheapest moves down, loop by loop, then into each straight run of verbs, then to each verb that uses it. There a back end may
// read it from memory in the same instruction.

// use is one verb that reads a constant.
type use struct {
	at   int   // the verb
	path []int // the loops around it: indices of their LoopBegin, outermost first
	run  int   // of the straight run of verbs that it stands in
}

// placed is one constant and how far down it is made.
type placed struct {
	value constant
	regs  []Reg // that held it
	uses  []use
	level int
	cut   [][]group // its uses at each level, where that was wanted
}

// group is the uses that one register serves.
type group struct {
	uses   []use
	before int // the verb before which it is made
	until  int // the last point at which it is read
	weight float64
}

// placement decides for all constants of a function.
type placement struct {
	ops    []Op
	match  []int
	trips  map[int]float64 // of each loop: how often its body runs, outer loops included
	depth  int             // of the deepest loop
	list   []*placed
	groups map[*placed][]group
	load   []int // values live at each point
	known  map[Reg]constant
}

// guess is how often a loop with a count of the caller's is taken to run.
const guess = 16

// newPlacement collects the constants of ops, and returns ops without the verbs that made them.
func newPlacement(ops []Op, regs int) *placement {
	known := constants(ops, regs)
	p := &placement{trips: map[int]float64{-1: 1}, groups: map[*placed][]group{}, known: known}
	for _, o := range ops {
		if _, ok := known[o.D]; !ok || !o.Code.Writes() {
			p.ops = append(p.ops, o)
		}
	}
	p.match = closing(p.ops)
	by := map[constant]*placed{}
	for _, r := range slices.Sorted(maps.Keys(known)) {
		c := by[known[r]]
		if c == nil {
			c = &placed{value: known[r]}
			by[known[r]] = c
			p.list = append(p.list, c)
		}
		c.regs = append(c.regs, r)
	}
	p.collect(known, by)
	for _, c := range p.list {
		p.groups[c] = p.group(c)
	}
	return p
}

// collect finds the uses of each constant and the trips of each loop.
func (p *placement) collect(known map[Reg]constant, by map[constant]*placed) {
	var path []int
	run, count := 0, 1.0
	var reads []Reg
	for i := range p.ops {
		o := &p.ops[i]
		switch o.Code {
		case LoopBegin:
			n := float64(guess)
			if o.Count.Param < 0 {
				n = float64(o.Count.N)
			}
			count *= n
			p.trips[i] = count
			path = append(path, i)
			p.depth = max(p.depth, len(path))
			run++
			continue
		case LoopEnd:
			path = path[:len(path)-1]
			count = 1
			if n := len(path); n > 0 {
				count = p.trips[path[n-1]]
			}
			run++
			continue
		}
		reads = o.Reads(reads[:0])
		var last *placed
		for _, r := range reads {
			if k, ok := known[r]; ok {
				if c := by[k]; c != last {
					c.uses = append(c.uses, use{i, slices.Clone(path), run})
					last = c
				}
			}
		}
	}
}

// levels: 0 … depth cut by loops, depth+1 by straight runs, depth+2 by verbs.
func (p *placement) last() int { return p.depth + 2 }

// group cuts the uses of c by its level.
func (p *placement) group(c *placed) []group {
	if c.cut == nil {
		c.cut = make([][]group, p.last()+1)
	}
	if c.cut[c.level] == nil {
		c.cut[c.level] = p.cut(c)
	}
	return c.cut[c.level]
}

func (p *placement) cut(c *placed) []group {
	var list []group
	type key struct{ loop, run, at int }
	index := map[key]int{}
	for _, u := range c.uses {
		d := min(c.level, len(u.path))
		k := key{-1, -1, -1}
		if d > 0 {
			k.loop = u.path[d-1]
		}
		if c.level > p.depth {
			k.run = u.run
		}
		if c.level > p.depth+1 {
			k.at = u.at
		}
		// The loop below the level, if any, holds the use: the constant is made before it and lives through it.
		first, last := u.at, 2*u.at
		if d < len(u.path) {
			first = u.path[d]
			last = 2 * p.match[first]
		}
		g, ok := index[k]
		if !ok {
			g = len(list)
			index[k] = g
			list = append(list, group{before: first, weight: p.trips[k.loop]})
		}
		list[g].uses = append(list[g].uses, u)
		list[g].until = max(list[g].until, last)
	}
	return list
}

// cost is the time that making c takes: once for each group, each time its place is reached.
func (p *placement) cost(c *placed) float64 {
	w := 0.0
	for _, g := range p.groups[c] {
		w += g.weight
	}
	return w
}

// span is where a group's register lives, in points of p.ops.
func (g group) span() span { return span{max(0, 2*g.before-1), g.until + 1} }

func (p *placement) count(c *placed, by int) {
	for _, g := range p.groups[c] {
		s := g.span()
		for i := s.lo; i < s.hi; i++ {
			p.load[i] += by
		}
	}
}

// fit moves constants down until no point has more than regs live values, as far as constants can help.
func (p *placement) fit(regs, numRegs int, t Target) {
	p.load = make([]int, 2*len(p.ops)+1)
	for r, spans := range liveSpans(p.ops, numRegs) {
		if _, ok := p.known[Reg(r)]; ok {
			continue
		}
		for _, s := range spans {
			for i := s.lo; i < s.hi; i++ {
				p.load[i]++
			}
		}
	}
	for i := range p.ops {
		n := t.scratch(&p.ops[i])
		p.load[2*i] += n
		p.load[2*i+1] += n
	}
	for _, c := range p.list {
		p.count(c, 1)
	}
	for at := range p.load {
		for p.load[at] > regs && p.lower(at) {
		}
	}
}

// lower moves the constant down a level that is live at a point and that costs least to move.
func (p *placement) lower(at int) bool {
	var best *placed
	least := math.Inf(1)
	for _, c := range p.list {
		if c.level >= p.last() || !p.covers(c, at) {
			continue
		}
		now := p.cost(c)
		old, groups := c.level, p.groups[c]
		c.level = p.clearing(c, at)
		p.groups[c] = p.group(c)
		w := p.cost(c) - now
		c.level, p.groups[c] = old, groups
		if w < least {
			best, least = c, w
		}
	}
	if best == nil {
		return false
	}
	p.count(best, -1)
	best.level = p.clearing(best, at)
	p.groups[best] = p.group(best)
	p.count(best, 1)
	return true
}

// clearing returns the first level below c's at which it is not live at a point, or the last.
func (p *placement) clearing(c *placed, at int) int {
	level := c.level
	for c.level < p.last() {
		c.level++
		groups := p.group(c)
		if !slices.ContainsFunc(groups, func(g group) bool { s := g.span(); return s.lo <= at && at < s.hi }) {
			break
		}
	}
	level, c.level = c.level, level
	return level
}

func (p *placement) covers(c *placed, at int) bool {
	return slices.ContainsFunc(p.groups[c], func(g group) bool { s := g.span(); return s.lo <= at && at < s.hi })
}

// result returns the verbs with the constants in their places, and the number of registers.
func (p *placement) result(regs int) ([]Op, int) {
	type swap struct{ c, r Reg } // the first register that held a constant, and the one that holds it now
	before, swaps := make([][]Op, len(p.ops)), make([][]swap, len(p.ops))
	first := make([]Reg, regs+1)
	for _, c := range p.list {
		for _, r := range c.regs {
			first[r] = c.regs[0]
		}
		for _, g := range p.groups[c] {
			regs++
			before[g.before] = append(before[g.before], Op{Code: c.value.code, Imm: c.value.imm, D: Reg(regs)})
			for _, u := range g.uses {
				swaps[u.at] = append(swaps[u.at], swap{c.regs[0], Reg(regs)})
			}
		}
	}
	var out []Op
	for i, o := range p.ops {
		out = append(out, before[i]...)
		if m := swaps[i]; m != nil {
			o.mapReads(func(r Reg) Reg {
				for _, s := range m {
					if first[r] == s.c {
						return s.r
					}
				}
				return r
			})
		}
		out = append(out, o)
	}
	return out, regs
}
