package kernel

import "github.com/dlc-ml/dlc/avo/vec"

// What a kernel streams through, such as the panels of a matrix, comes from further away than the first level of the cache. Processors fetch ahead by
// themselves, but not beyond a page of 4 KiB, and a tile that reads a line every dozen cycles goes through one in a thousand: it would wait at the start of
// each. So kernels announce what they will read.
const (
	streamBytes = 32 << 10 // what an operand has at least that is announced: more than the first level holds
	streamUses  = 6        // multiply-adds that a line is worth an announcement for; where a line serves fewer, the stream is fast enough for the processor to see it
	aheadCycles = 450      // how long before it is read: what memory takes to answer
	aheadBytes  = 8 << 10  // how much is under way at most, so that it stays in the first level until then
)

// aheads returns, for each group, how many bytes ahead of a load its stream should be announced in a tile of that size, which holds so many points; 0 where it should not.
func (e *emitter) aheads(size []int, points int) []int {
	fm, s := e.fm, e.s
	ahead := make([]int, len(fm.groups))
	if s.lane < 0 || s.fold || s.target.Lanes == 1 {
		return ahead
	}
	for _, x := range fm.weigh().value.loads {
		r := fm.loads[x]
		g := &fm.groups[r.group]
		if g.coef[s.lane] != 1 || r.dyn != nil || e.b.grid >= 0 && g.coef[e.b.grid] != 0 {
			continue
		}
		bytes, stride, loads := 4, 0, 1
		for a, c := range g.coef {
			switch {
			case c == 0:
				continue
			case a < fm.par:
				loads *= size[a]
			default:
				stride = c // of the innermost reduction axis that moves it
			}
			bytes *= fm.axes[a].guess()
		}
		if bytes < streamBytes || stride <= 0 || points < streamUses*loads {
			continue
		}
		// Of a step of the tile:
		cycles := points * s.target.Lanes / lineElems
		run := 4 * loads * s.target.Lanes
		ahead[r.group] = 4 * stride * max(1, min(aheadCycles/max(cycles, 1), aheadBytes/run))
	}
	return ahead
}

// announce says that what lies ahead of a load at byte d will be read soon, once for each line.
func (e *emitter) announce(group, d int) {
	if n := e.ahead[group]; n > 0 && d%(4*lineElems) == 0 {
		e.f.Prefetch(vec.Ptr(group), d+n)
	}
}
