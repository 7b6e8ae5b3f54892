package kernel

import (
	"math"

	"github.com/dlc-ml/dlc/ir/loop"
)

// eachLoad calls f for every load under e with the number of distinct loads that the tile needs of it and the cost of one in
// load slots.
func (s *schedule) eachLoad(e *loop.Expr, f func(r ref, distinct int, cost float64)) {
	e.Walk(func(e *loop.Expr) {
		if e.Code != loop.Load {
			return
		}
		r := s.fm.loads[e]
		g := s.fm.groups[r.group]
		n := 1
		for a := range s.fm.par {
			if r.varying[a] {
				n *= s.tile[a]
			}
		}
		// Bounding a computed index and moving it to an address takes about as long as three loads.
		cost := 1 + 3*float64(len(r.dyn))
		if s.lane >= 0 {
			switch c := g.coef[s.lane]; {
			case c == 0:
			case c == 1:
				if s.slides(g) {
					cost = 1.6 // every second load crosses a cache line
				}
			case c == 2:
				cost = 4
			default:
				cost = 2 * float64(s.target.Lanes)
			}
		}
		f(r, n, cost)
	})
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

// cost estimates the cycles of one unit of the grid on a machine with two multiply-adds, two loads and one store a cycle, and four
// cycles of latency: Zen 3/4 and Intel since Skylake. Where arithmetic alone takes more than limit it goes no further.
func (s *schedule) cost(grid int, limit float64) {
	fm := s.fm
	steps := 1.0
	for a := fm.par; a < len(fm.axes); a++ {
		e := float64(fm.axes[a].guess())
		if s.fold && a == s.lane {
			e = math.Ceil(e / float64(s.lanes))
		}
		steps *= e
	}
	// How often the tile runs for one unit of the grid: partial tiles cost what they hold, with at least the latency.
	total := s.tiles(0, grid, 1, func(points float64, scale func(varying []bool) float64) float64 {
		var c float64
		if v := fm.nest.Value; v != nil {
			loads, work := 0.0, points*float64(max(1, arithmetic(v)))*float64(s.perPoint())
			if arithmetic(v) > 1 {
				work += points
			}
			s.eachLoad(v, func(r ref, _ int, cost float64) {
				loads += scale(r.varying) * cost * float64(s.perPoint())
			})
			step := math.Max(math.Max(work/2, loads/2), 4.5)
			step = math.Max(step, (work+loads)/5)
			c = steps*step + 2*steps/math.Max(1, math.Min(steps, 48/points))
			if s.fold {
				c += points * 8
			}
		}
		for i, st := range fm.nest.Stores {
			loads := 0.0
			s.eachLoad(st.Expr, func(r ref, _ int, cost float64) {
				if !s.fold {
					loads += scale(r.varying) * cost
				} else {
					loads += scale(r.varying)
				}
			})
			store := points * (1 + 3*float64(len(fm.stores[i].dyn)))
			if st.Add {
				store *= 2
			}
			if s.lane >= 0 && !s.fold {
				if k := fm.groups[fm.stores[i].group].coef[s.lane]; k > 2 {
					store *= float64(s.target.Lanes)
				} else if k == 2 {
					store *= 2
				}
			}
			c += math.Max(store, loads/2) + points*exprCycles(st.Expr)
		}
		if fm.nest.Value != nil {
			c += 12 // the chains begin and end
		}
		return c + 4
	})
	if grid >= 0 {
		total /= float64(s.tile[grid])
	}
	s.cyclesPerRow = total
	if fm.nest.Value == nil || total > limit {
		return
	}
	memory := s.memory(grid)
	s.cyclesPerRow = math.Max(total, memory) + 0.15*math.Min(total, memory)
}

// exprCycles is the throughput of an expression without its loads.
func exprCycles(e *loop.Expr) float64 {
	c := 0.0
	e.Walk(func(e *loop.Expr) {
		switch e.Code {
		case loop.Const, loop.Load, loop.Acc:
		case loop.Exp, loop.Log, loop.Expm1, loop.Log1p:
			c += 10
		case loop.Tanh, loop.Sigmoid, loop.Erf, loop.Sin, loop.Cos, loop.Atan:
			c += 18
		case loop.Pow:
			if e.Args[1].Code == loop.Const {
				c += 5 // mostly a square or a root
				return
			}
			c += 40
		case loop.Div, loop.Sqrt:
			c += 5
		case loop.ToBits, loop.FromBits:
		default:
			c += 0.5
		}
	})
	return c
}

// tiles sums f over the main and remainder tiles of every parallel axis but the grid, weighted by how often each runs. f gets the
// points of a tile and a function that counts the distinct loads of an access in it.
func (s *schedule) tiles(a, grid int, times float64, f func(points float64, scale func(varying []bool) float64) float64) float64 {
	now := make([]int, s.fm.par)
	var walk func(a int, times float64) float64
	walk = func(a int, times float64) float64 {
		if a == s.fm.par {
			points := 1.0
			for _, n := range now {
				points *= float64(n)
			}
			return times * f(points, func(varying []bool) float64 {
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
