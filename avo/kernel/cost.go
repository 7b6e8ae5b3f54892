package kernel

import (
	"math"

	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/ir/loop"
)

// eachLoad calls f for each of the given loads with the number of distinct loads that the tile needs of it and the cost of one in
// load slots.
func (s *schedule) eachLoad(loads []*loop.Expr, f func(r ref, distinct int, cost float64)) {
	for _, e := range loads {
		r := s.fm.loads[e]
		g := s.fm.groups[r.group]
		n := 1
		for a := range s.fm.par {
			if r.varying[a] {
				n *= s.tile[a]
			}
		}
		cost := 1 + s.costs[computedIndex]*float64(len(r.dyn))
		if s.lane >= 0 {
			switch c := g.coef[s.lane]; {
			case c == 0:
			case c == 1:
				if s.slides(g) {
					cost = s.costs[slideLoad]
				}
			case c == 2:
				cost = s.costs[secondLoad]
			default:
				cost = s.costs[stridedLoad] * float64(s.target.Lanes)
			}
		}
		f(r, n, cost)
	}
}

// slides reports whether a run of lanes starts at any element, since a reduction axis moves it by one.
func (s *schedule) slides(g group) bool {
	for a := s.fm.par; a < len(s.fm.axes); a++ {
		if a != s.lane && g.coef[a] == 1 {
			return true
		}
	}
	return false
}

// cost estimates the cycles of one unit of the grid from the constants of costs.txt. Where arithmetic alone takes more than limit it goes no further.
func (s *schedule) cost(grid int, limit float64) {
	fm, k, weigh := s.fm, s.costs, s.fm.weigh()
	steps := 1.0
	for a := fm.par; a < len(fm.axes); a++ {
		e := float64(fm.axes[a].guess())
		if s.fold && a == s.lane {
			e = math.Ceil(e / float64(s.lanes))
		}
		steps *= e
	}
	// How often the tile runs for one unit of the grid: partial tiles cost what they hold, with at least the latency.
	total := s.tiles(0, grid, 1, func(now []int, points float64, scale func(varying []bool) float64) float64 {
		var c float64
		if fm.nest.Value != nil {
			loads, work := 0.0, points*float64(max(1, weigh.value.arithmetic))*float64(s.perPoint())
			if weigh.value.arithmetic > 1 {
				work += points
			}
			s.eachLoad(weigh.value.loads, func(r ref, _ int, cost float64) {
				cost *= scale(r.varying) * float64(s.perPoint())
				if s.shared.runs(fm, int(points)) && s.shared.of(fm, r) {
					cost *= s.shared.distinct(fm, float64(now[s.shared.par]))
				}
				loads += cost
			})
			step := math.Max(math.Max(work/k[fmaRate], loads/k[loadRate]), k[chain])
			step = math.Max(step, (work+loads)/k[issueRate])
			c = steps*step + k[turn]*steps/math.Max(1, math.Min(steps, 48/points))
			if s.fold {
				c += points * k[foldPoint]
			}
		}
		for i, st := range fm.nest.Stores {
			loads := 0.0
			s.eachLoad(weigh.stores[i].loads, func(r ref, _ int, cost float64) {
				if !s.fold {
					loads += scale(r.varying) * cost
				} else {
					loads += scale(r.varying)
				}
			})
			stores := points * k[store] * (1 + k[computedIndex]*float64(len(fm.stores[i].dyn)))
			if st.Add {
				stores *= k[addStore]
			}
			if s.lane >= 0 && !s.fold {
				if apart := fm.groups[fm.stores[i].group].coef[s.lane]; apart > 2 {
					stores *= k[stridedStore] * float64(s.target.Lanes)
				} else if apart == 2 {
					stores *= k[secondStore]
				}
			}
			c += math.Max(stores, loads/k[loadRate]) + points*weigh.stores[i].cycles(k)
		}
		if fm.nest.Value != nil {
			c += k[begin]
		}
		return c + k[tileStart]
	})
	if grid >= 0 {
		total /= float64(s.tile[grid])
	}
	s.cyclesPerRow = total
	if fm.nest.Value == nil || total > limit {
		return
	}
	memory := s.memory(grid)
	s.cyclesPerRow = math.Max(total, memory) + k[overlap]*math.Min(total, memory)
}

// tiles sums f over the main and remainder tiles of every parallel axis but the grid, weighted by how often each runs. f gets the
// points of a tile and a function that counts the distinct loads of an access in it.
func (s *schedule) tiles(a, grid int, times float64, f func(now []int, points float64, scale func(varying []bool) float64) float64) float64 {
	now := make([]int, s.fm.par)
	var walk func(a int, times float64) float64
	walk = func(a int, times float64) float64 {
		if a == s.fm.par {
			points := 1.0
			for _, n := range now {
				points *= float64(n)
			}
			return times * f(now, points, func(varying []bool) float64 {
				n := 1.0
				for i := range now {
					if varying[i] {
						n *= float64(now[i])
					}
				}
				return n
			})
		}
		if a == grid {
			now[a] = s.tile[a]
			return walk(a+1, times)
		}
		e := s.fm.axes[a].guess()
		if a == s.fm.cut {
			e = 1
		}
		if a == s.lane {
			e = (e + s.target.Lanes - 1) / s.target.Lanes
		}
		q, r := e/s.tile[a], e%s.tile[a]
		sum := 0.0
		if q > 0 {
			now[a] = s.tile[a]
			sum += walk(a+1, times*float64(q))
		}
		if r > 0 {
			now[a] = r
			sum += walk(a+1, times)
		}
		return sum
	}
	return walk(a, times)
}

// Work estimates the cycles of the whole nest on AVX2: for each example, and whatever the batch, such as to read a matrix.
func (b *Builder) Work() (perExample, fixed float64) { return b.work(b.Cycles) }

// work is Work where a unit of the grid takes that many cycles.
func (b *Builder) work(cycles float64) (perExample, fixed float64) {
	all := cycles * float64(max(1, b.Grid.Extent)*max(1, b.Cuts))
	switch {
	case b.Grid.PerBatch:
		return all, max(0, b.alone()-all)
	case b.Batch: // the estimate took the batch to be the usual one
		return all / batchGuess, 0
	}
	return 0, all
}

// Examples is the batch that Price takes.
const Examples = batchGuess

// LineCycles estimates what a cache line takes on AVX2 that was touched last so many bytes ago.
func LineCycles(bytes float64) float64 { return costs(vec.AVX2.Name).lineCycles(bytes) }
