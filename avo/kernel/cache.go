package kernel

import "slices"

// The model of memory: what a tile reads comes from where it still is since it was read last. How much was read in between follows from the order of
// the loops around the tile; the tile's own reads are counted in cache lines.

const (
	lineElems = 16  // the elements of a cache line
	loneLine  = 1.6 // how much longer a line takes that is read without its neighbour, with which caches fetch it
)

// lineCycles is what a line takes that was read last so many bytes ago, while arithmetic goes on.
func (k *Costs) lineCycles(bytes float64) float64 {
	switch {
	case bytes <= k[nearKiB]*1024:
		return k[nearLine]
	case bytes <= k[secondKiB]*1024:
		return k[secondLine]
	case bytes <= k[thirdKiB]*1024:
		return k[thirdLine]
	}
	return k[memoryLine]
}

// lines is how many cache lines a pointer group touches where each axis takes so many steps.
func (fm *form) lines(g *group, ext []float64) float64 {
	elems, run := 1.0, 1.0
	for a, c := range g.coef {
		if c == 0 || ext[a] == 1 {
			continue
		}
		// Axes that move the same distance overlap: a window of three over five places touches seven.
		n := ext[a]
		first := true
		for o, d := range g.coef {
			if o == a || d != c || ext[o] == 1 {
				continue
			}
			if o < a {
				first = false
				break
			}
			n += ext[o] - 1
		}
		if !first {
			continue
		}
		elems *= n
		if c == 1 {
			run = n
		}
	}
	whole := max(1, run/lineElems)
	return elems / run * whole
}

// memory estimates the cycles that one unit of the grid waits for memory, and notes which axis should be outermost.
func (s *schedule) memory(grid int) float64 {
	fm := s.fm
	ext := make([]float64, len(fm.axes)) // of the tile
	count := make([]float64, fm.par)     // of the tiles along each axis
	tiles := 1.0
	for a, ax := range fm.axes {
		n := float64(ax.guess())
		if a >= fm.par {
			ext[a] = n
			continue
		}
		if a == fm.cut {
			n = 1
		}
		ext[a] = float64(s.tile[a])
		if a == s.lane {
			ext[a] *= float64(s.target.Lanes)
		}
		ext[a] = min(ext[a], n)
		count[a] = n / ext[a]
		if a != grid {
			tiles *= count[a]
		} else {
			tiles /= ext[a]
		}
	}
	var reads []*group
	seen := map[int]bool{}
	s.eachLoad(fm.weigh().value.loads, func(r ref, _ int, _ float64) {
		if !seen[r.group] {
			seen[r.group] = true
			reads = append(reads, &fm.groups[r.group])
		}
	})
	own := make([]float64, len(reads))
	for i, g := range reads {
		own[i] = fm.lines(g, ext)
	}
	best := -1.0
	for outer := -1; outer < fm.par; outer++ {
		if outer >= 0 && (outer == grid || grid < 0 || count[outer] <= 1 || fm.axes[outer].dyn || fm.free != nil) {
			continue
		}
		if c := s.waits(reads, own, ext, count, grid, outer); best < 0 || c < best*0.9 {
			best, s.outer = c, outer
		}
	}
	return best * tiles
}

// waits estimates the cycles that one tile waits for memory where axis outer, then the grid, is outside the other loops.
func (s *schedule) waits(reads []*group, own, tile, count []float64, grid, outer int) float64 {
	fm := s.fm
	ext := append([]float64(nil), tile...)
	near := make([]float64, len(reads)) // the bytes between two reads of the same; -1 while unknown
	for i := range near {
		near[i] = -1
	}
	again := make([]float64, len(reads)) // the bytes between two tiles whose windows overlap
	tiles := 1.0
	step := func(a int) {
		if a < 0 || count[a] <= 1 {
			return
		}
		between := 0.0
		for _, g := range reads {
			between += 4 * lineElems * fm.lines(g, ext)
		}
		for i, g := range reads {
			if near[i] < 0 && g.coef[a] == 0 {
				near[i] = between
			}
			if s.shared != nil && fm.overlaps(g, a) {
				again[i] = between
			}
		}
		ext[a] *= count[a]
		tiles *= count[a]
	}
	for a := fm.par - 1; a >= 0; a-- {
		if a != grid && a != outer {
			step(a)
		}
	}
	step(grid)
	step(outer)
	sum := 0.0
	for i, g := range reads {
		if near[i] >= 0 {
			sum += own[i] * s.costs.lineCycles(near[i])
			continue
		}
		// It is read once, and is where its maker left it; what depthwise windows share with the one before is near.
		all, once := fm.lines(g, ext), own[i]
		if again[i] > 0 {
			once = min(once, all/tiles)
			if s.tile[s.lane]*s.target.Lanes < 2*lineElems {
				once *= loneLine
			}
		}
		sum += once*s.costs.lineCycles(4*lineElems*all) + (own[i]-once)*s.costs.lineCycles(again[i])
	}
	return sum
}

// overlaps reports whether a tile behind another along parallel axis a reads some of the same elements of a group, as windows do that are larger than their stride.
func (fm *form) overlaps(g *group, a int) bool {
	for r := fm.par; r < len(fm.axes); r++ {
		if fm.stride(g, a, r) > 0 {
			return true
		}
	}
	return false
}

// stride is how many steps along reduction axis r a step along parallel axis a moves an access, where its windows overlap; else 0.
func (fm *form) stride(g *group, a, r int) int {
	if c := g.coef[r]; c > 0 && g.coef[a] > 0 && g.coef[a]%c == 0 && g.coef[a]/c < fm.axes[r].guess() {
		return g.coef[a] / c
	}
	return 0
}

// enoughInside reports whether one step of axis a holds enough points for a register tile, so that tiles need not take several: all that the lanes load
// is used again along another axis, as a convolution's weights are along the places of a picture.
func (s *schedule) enoughInside(a int) bool {
	fm, lane, lanes := s.fm, s.lane, s.target.Lanes
	points := 1
	var others []int
	for o, ax := range fm.axes[:fm.par] {
		switch {
		case o == a || ax.dyn || o == fm.cut:
		case o == lane:
			points *= (ax.extent + lanes - 1) / lanes
		default:
			points *= ax.extent
			if ax.extent >= 4 {
				others = append(others, o)
			}
		}
	}
	if points < 24 || fm.nest.Value == nil {
		return points >= 24
	}
	for _, x := range fm.weigh().value.loads {
		r := fm.loads[x]
		if s.shared != nil && x == s.shared.load {
			continue // by places side by side
		}
		if lane >= 0 && r.varying[lane] && !slices.ContainsFunc(others, func(o int) bool { return !r.varying[o] }) {
			return false
		}
	}
	return true
}
