package kernel

import (
	"fmt"
	"math"
	"strings"

	"github.com/dlc-ml/dlc/avo/vec"
)

// schedule is how one target walks a form.
type schedule struct {
	fm     *form
	target vec.Target
	costs  *Costs
	lane   int         // the axis that lies across the lanes, or -1: one lane is used
	fold   bool        // lane is the last reduction axis, and partial sums are folded at the end
	tile   []int       // steps of each parallel axis in the register tile; of the lane axis in registers
	lanes  int         // partial sums of a fold: nest.Lanes
	shared *neighbours // what steps along an axis share with each other, or nil
	outer  int         // the axis that the outermost loop should run over, so that what the tiles read again is still near; -1: the grid

	cyclesPerRow float64
	share        float64 // of the target's multiply-add peak that the model predicts
}

// String says it for --explain: "lanes x, tile o4 x3".
func (s *schedule) String() string {
	var b strings.Builder
	switch {
	case s.lane < 0:
		b.WriteString("one lane")
	case s.fold:
		fmt.Fprintf(&b, "lanes sum over %s", s.fm.axes[s.lane].name)
	default:
		fmt.Fprintf(&b, "lanes along %s", s.fm.axes[s.lane].name)
	}
	for a, t := range s.tile {
		if t > 1 {
			fmt.Fprintf(&b, ", %s by %d", s.fm.axes[a].name, t)
		}
	}
	return b.String()
}

// batchGuess stands for the batch in cost estimates: schedules must not depend on the run-time batch.
const batchGuess = 64

func (a axis) guess() int {
	if a.dyn {
		return a.extent * batchGuess
	}
	return a.extent
}

// bestLane returns the parallel axis that fills lanes best, or -1. An axis must move forward in every access; unit strides are
// best, and every access to the form counts.
func (fm *form) bestLane(t vec.Target) int {
	best, score := -1, 0.0
	for a := range fm.par {
		if fm.axes[a].dyn || a == fm.cut {
			continue
		}
		if s := fm.laneScore(a, t.Lanes); s > score {
			best, score = a, s
		}
	}
	return best
}

// laneScore is about the share of the peak that lanes along axis a can reach.
func (fm *form) laneScore(a, lanes int) float64 {
	e := fm.axes[a].extent
	if e < 2 || !fm.laneFits(a) {
		return 0
	}
	s := float64(e) / float64((e+lanes-1)/lanes*lanes)
	for _, g := range fm.groups {
		switch c := g.coef[a]; {
		case c < 0:
			return 0
		case c == 1 || c == 0 && !g.store:
		case c == 2:
			s *= 0.6
		default:
			s *= 0.25
		}
	}
	for _, l := range fm.index {
		if l.coef[a] < 0 {
			return 0
		}
	}
	return s
}

// schedule chooses lanes and tile for a target by the cost model.
func (b *Builder) schedule(t vec.Target) (*schedule, error) { return b.scheduleWithin(t, 0) }

// scheduleWithin is schedule with the register estimate tightened by limit steps, for kernels that did not fit.
func (b *Builder) scheduleWithin(t vec.Target, limit int) (*schedule, error) {
	fm := b.fm
	if costsErr != nil {
		return nil, costsErr
	}
	k := b.costs
	if k == nil {
		k = costs(t.Name)
	}
	base := schedule{fm: fm, target: t, costs: k, lane: -1, outer: -1, lanes: fm.nest.Lanes, tile: make([]int, len(fm.axes))}
	for i := range base.tile {
		base.tile[i] = 1
	}
	if fm.nest.Lanes > 1 {
		base.fold = true
		base.lane = len(fm.axes) - 1
		if len(fm.axes) == fm.par || fm.axes[base.lane].dyn {
			return nil, fmt.Errorf("%s: %d partial sums need a last reduction axis of fixed extent", fm.nest.Name, fm.nest.Lanes)
		}
		if t.Lanes > fm.nest.Lanes {
			return nil, fmt.Errorf("%s: %s has more lanes than the nest's %d partial sums", fm.nest.Name, t.Name, fm.nest.Lanes)
		}
		if !fm.laneFits(base.lane) {
			return nil, fmt.Errorf("%s: %d partial sums over %s, on which a computed index depends", fm.nest.Name, fm.nest.Lanes, fm.axes[base.lane].name)
		}
	} else {
		base.lane = fm.bestLane(t)
		if base.lane == b.grid {
			base.lane = -1
		}
	}
	if t.Lanes > 1 && !base.fold {
		base.shared = fm.neighboursAlong(base.lane)
	}
	best := base
	best.cost(b.grid, math.Inf(1))
	b.search(&best, base, 0, 0, limit)
	return &best, nil
}

// manyRows is how many rows an example must have for tiles of six, which leave single rows over.
const manyRows = 24

// search tries every tile over at most three axes. The grid's tile is a power of two, or six where there are many rows, and the same for every target, since the
// caller's counts depend on it.
func (b *Builder) search(best *schedule, s schedule, axis, tiled, limit int) {
	if axis == b.fm.par {
		if s.registers() > s.target.Regs-2*limit || s.tooLarge() {
			return
		}
		if s.cost(b.grid, best.cyclesPerRow); s.cyclesPerRow < best.cyclesPerRow*0.999 {
			c := s
			c.tile = append([]int(nil), s.tile...)
			*best = c
		}
		return
	}
	most := min(b.fm.axes[axis].extent, 8)
	switch {
	case axis == s.lane:
		most = min((b.fm.axes[axis].extent+s.target.Lanes-1)/s.target.Lanes, 8)
	case axis == b.grid && b.fm.axes[axis].dyn:
		most = 8
	case b.fm.axes[axis].dyn, axis == b.fm.cut:
		most = 1
	}
	if axis == b.grid && b.fm.axes[axis].dyn && b.fm.axes[axis].extent == 1 && s.enoughInside(axis) {
		most = 1
	}
	if !b.fm.mayMove(axis) {
		most = 1
	}
	if axis == b.grid && b.Grid.Tile > 0 {
		if s.target.Lanes > 1 || s.plainSum() { // else the scalar target walks the rows of the grid's tile in a loop
			s.tile[axis] = b.Grid.Tile
		}
		b.search(best, s, axis+1, tiled, limit)
		s.tile[axis] = 1
		return
	}
	for t := 1; t <= most; t++ {
		if t > 1 && tiled == 3 {
			break
		}
		if axis == b.grid && t&(t-1) != 0 && (t != 6 || b.fm.axes[axis].extent < manyRows) {
			continue
		}
		s.tile[axis] = t
		if s.points() > 24 {
			break
		}
		n := tiled
		if t > 1 {
			n++
		}
		b.search(best, s, axis+1, n, limit)
	}
	s.tile[axis] = 1
}

// points is how many accumulators the tile holds.
func (s *schedule) points() int {
	n := 1
	for _, t := range s.tile {
		n *= t
	}
	return n
}

// tooLarge bounds the code that a tile may grow. The scalar target gains little from one, and large expressions keep a machine busy without.
func (s *schedule) tooLarge() bool {
	if s.target.Lanes == 1 {
		return s.points() > 1 && (s.points() > 8 || !s.plainSum())
	}
	return s.points() > 1 && s.points()*s.fm.verbs() > 400
}

// plainSum reports whether a step of the reduction is one multiply-add or one comparison of what is loaded.
func (s *schedule) plainSum() bool { return s.fm.nest.Value != nil && s.fm.weigh().value.verbs <= 3 }

// verbs is about how many verbs one point of the tile takes, one step of its reduction included.
func (fm *form) verbs() int { return fm.weigh().verbs }

// perPoint is how many registers one accumulator takes.
func (s *schedule) perPoint() int {
	if s.fold {
		return max(1, s.lanes/s.target.Lanes)
	}
	return 1
}

// registers estimates how many are live at once: the accumulators, the operands that the inner loop over the tile comes back to, and
// two for the work in hand.
func (s *schedule) registers() int {
	if s.fm.nest.Value == nil {
		return min(s.fm.weigh().depth, 4) + s.points()
	}
	if s.shared.runs(s.fm, s.points()) {
		kept := 0
		s.eachLoad(s.fm.weigh().value.loads, func(r ref, uses int, _ float64) {
			if !s.shared.of(s.fm, r) {
				kept += uses * s.fm.axes[s.shared.red].extent
			}
		})
		return s.points() + kept + 2 + max(0, s.fm.weigh().value.depth-2)
	}
	kept := 0
	s.eachLoad(s.fm.weigh().value.loads, func(r ref, uses int, cost float64) {
		// A load that is used again for a later row of the tile stays in its register.
		if uses < s.points() && s.dependsOnLast(r) {
			kept += uses * s.perPoint()
		}
	})
	return s.points()*s.perPoint() + kept + 1 + max(0, s.fm.weigh().value.depth-2)
}

// dependsOnLast reports whether a load varies along the innermost tiled axis, the one that the emitter walks first.
func (s *schedule) dependsOnLast(r ref) bool {
	order := s.order()
	for i := len(order) - 1; i >= 0; i-- {
		if s.tile[order[i]] > 1 {
			return r.varying[order[i]]
		}
	}
	return false
}

// order lists the parallel axes in the order in which the tile is walked: the lane axis innermost.
func (s *schedule) order() []int {
	var o []int
	for a := range s.fm.par {
		if a != s.lane {
			o = append(o, a)
		}
	}
	if s.lane >= 0 && s.lane < s.fm.par {
		o = append(o, s.lane)
	}
	return o
}
