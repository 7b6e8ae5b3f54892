package kernel

import "github.com/dlc-ml/dlc/avo/vec"

// A kernel counts along one axis, its grid. A large nest is cut along a second one by the caller, for three reasons: threads share even a single example;
// a call stays short, since the garbage collector waits for it; and what the pieces read again and again, a few panels of a matrix, stays in the
// cache while all rows go by.
const (
	cutCycles   = 12000  // what a call should compute at least, for one example
	largeCycles = 48000  // from which on one example is cut for the threads' sake
	mostCycles  = 400000 // what a call should compute at most, where the axes allow it: about 100 µs
)

// cutUp chooses the second axis and how much of it one call computes, and splits the form there. ref is the schedule without a cut.
func (b *Builder) cutUp(ref *schedule) (*schedule, error) {
	fm := b.fm
	if b.grid < 0 || b.Grid.Ordered || fm.free != nil || fm.steps > 0 || b.sumsOverBatch() {
		return ref, nil
	}
	row := ref.cyclesPerRow
	if fm.axes[b.grid].dyn {
		row *= float64(fm.axes[b.grid].extent) // of one example
	} else {
		row *= float64(fm.axes[b.grid].extent) / 8 // of a piece
	}
	if row < largeCycles {
		return ref, nil
	}
	axis, block := b.cutAxis(ref, row)
	if block == 0 {
		return ref, nil
	}
	fm.split(axis, block)
	if b.grid > axis {
		b.grid++
	}
	fm.cut = axis
	b.Cuts = fm.axes[axis].extent
	return b.schedule(vec.AVX2)
}

// cutAxis chooses the axis and how many of its steps one call computes, 0 where none may be cut: the one that should be outermost, else the first that is
// not in the tile, else any but that of the lanes; and of these the first whose calls are short enough, or where there is none the one with the shortest.
func (b *Builder) cutAxis(ref *schedule, row float64) (axis, block int) {
	candidates := []int{ref.outer}
	for _, tiled := range []bool{false, true} {
		for a := range b.fm.par {
			if a != ref.lane && ref.tile[a] > 1 == tiled {
				candidates = append(candidates, a)
			}
		}
	}
	axis, least := -1, 0.0
	for _, a := range append(candidates, ref.lane) {
		if a < 0 || !b.mayCut(a) {
			continue
		}
		n := b.blockOf(a, ref, row)
		if n == 0 {
			continue
		}
		cycles := row * float64(n) / float64(b.fm.axes[a].extent)
		if axis < 0 || cycles < least {
			axis, block, least = a, n, cycles
		}
		if cycles <= mostCycles {
			return a, n
		}
	}
	return axis, block
}

// sumsOverBatch reports whether a reduction axis grows with the batch.
func (b *Builder) sumsOverBatch() bool {
	for _, a := range b.fm.axes[b.fm.par:] {
		if a.dyn {
			return true
		}
	}
	return false
}

// mayCut reports whether the caller may cut axis a: it is of fixed extent, moves forward, and no Index depends on it.
func (b *Builder) mayCut(a int) bool {
	fm := b.fm
	if a >= fm.par || a == b.grid || fm.axes[a].dyn || fm.axes[a].extent < 2 || fm.backwards(a) {
		return false
	}
	for _, l := range fm.linears() {
		if l.coef[a] != 0 {
			return false
		}
	}
	return true
}

// blockOf returns how many steps of an axis one call computes: the fewest that divide it, suit the tile and are worth a call; 0 where there are none
// but all. row is what one example takes.
func (b *Builder) blockOf(axis int, ref *schedule, row float64) int {
	n := b.fm.axes[axis].extent
	unit := ref.tile[axis]
	if axis == ref.lane {
		unit = 16 // the lanes of the widest target
	}
	best := 0
	for block := 1; block < n; block++ {
		if n%block != 0 || block%unit != 0 && block < 4*unit {
			continue
		}
		cycles := row * float64(block) / float64(n)
		if best > 0 && cycles > mostCycles {
			break
		}
		best = block
		if cycles >= cutCycles {
			break
		}
	}
	if best == 1 && n%2 == 0 && n > 2 && axis == ref.outer {
		best = 2 // targets with wider registers tile two panels
	}
	return best
}
