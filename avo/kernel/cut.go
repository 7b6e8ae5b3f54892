package kernel

import (
	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/ir/loop"
)

// A kernel counts along one axis, its grid. A large nest is cut along a second one by the caller, for three reasons: threads share even a single example;
// a call stays short, since the garbage collector waits for it; and what the pieces read again and again, a few panels of a matrix, stays in the
// cache while all rows go by.
const (
	cutCycles   = 7000   // what a call should compute at least, for one example: as much as handing work to another thread takes
	largeCycles = 14000  // from which on one example is cut for the threads' sake
	mostCycles  = 400000 // what a call should compute at most, where the axes allow it: about 100 µs
	cutLoss     = 1.02   // how much longer the whole may take by a cut
	loneLoss    = 1.05   // the same where a single example waits for memory, so that threads gain most
)

// cutUp chooses the second axis and how much of it one call computes: it returns the builder of the form that is split there, and its schedule. ref is the
// schedule without a cut. Of the axes that may be cut it takes the first that does not slow the nest down.
func (b *Builder) cutUp(n *loop.Nest, sizes map[string]int, steps []loop.Axis, ref *schedule) (*Builder, *schedule, error) {
	fm := b.fm
	if b.grid < 0 || b.Grid.Ordered || fm.free != nil || fm.steps > 0 || b.blockSize() > 0 {
		return b, ref, nil
	}
	row := ref.cyclesPerRow
	if b.sumsOverBatch() {
		// It is cut where a call would be too long, since the batch makes it so.
		if row *= float64(ref.tile[b.grid]); row < mostCycles {
			return b, ref, nil
		}
	} else if fm.axes[b.grid].dyn {
		row = max(row*float64(fm.axes[b.grid].extent), b.alone()) // of one example
	} else {
		row *= float64(fm.axes[b.grid].extent) / 8 // of a piece
	}
	if row < largeCycles {
		return b, ref, nil
	}
	most := ref.cyclesPerRow * cutLoss
	if a := fm.axes[b.grid]; a.dyn && b.alone() > ref.cyclesPerRow*float64(a.extent) {
		most = ref.cyclesPerRow * loneLoss
	}
	best, bestRef := b, ref
	for _, c := range b.cutAxes(ref, row) {
		cut, _, err := analyse(n, sizes, steps)
		if err != nil {
			return nil, nil, err
		}
		s, err := cut.cutAt(c.axis, c.block)
		if err != nil {
			return nil, nil, err
		}
		cycles := s.cyclesPerRow * float64(cut.Cuts)
		if cycles <= most {
			return cut, s, nil
		}
		// Another is better than one that is too long for a call.
		if row > mostCycles && (best == b || cycles < bestRef.cyclesPerRow*float64(best.Cuts)) {
			best, bestRef = cut, s
		}
	}
	return best, bestRef, nil
}

// cutAt splits an axis and makes the outer part the one that the caller cuts.
func (b *Builder) cutAt(axis, block int) (*schedule, error) {
	fm := b.fm
	fm.split(axis, block)
	if b.grid > axis {
		b.grid++
	}
	fm.cut = axis
	b.Cuts = fm.axes[axis].extent
	s, err := b.schedule(vec.AVX2)
	b.Across = b.across()
	return s, err
}

// alone estimates how long one example takes that nobody shares what it reads with: a matrix goes by for a single vector.
func (b *Builder) alone() float64 {
	lines, _, _ := b.reads()
	k := b.costs
	if k == nil {
		k = costs(vec.AVX2.Name)
	}
	return lines * k.lineCycles(lines*4*lineElems) / 2
}

// reads counts the cache lines that one example reads and writes: all of them, those that its cuts share and those that its rows share.
func (b *Builder) reads() (all, rows, cuts float64) {
	fm := b.fm
	ext := make([]float64, len(fm.axes))
	for a, x := range fm.axes {
		ext[a] = float64(x.extent)
	}
	for i := range fm.groups {
		g := &fm.groups[i]
		n := fm.lines(g, ext)
		all += n
		switch alongCut := fm.cut >= 0 && g.coef[fm.cut] != 0; {
		case !alongCut:
			rows += n
		case g.coef[b.grid] == 0:
			cuts += n
		default:
			rows += n
		}
	}
	return all, rows, cuts
}

// across reports whether threads should own cuts rather than rows: where a cut has more to read for itself, such as its panels of a matrix, than rows have.
func (b *Builder) across() bool {
	_, rows, cuts := b.reads()
	return cuts > rows
}

// cutOption is an axis that may be cut, and how many of its steps one call computes.
type cutOption struct{ axis, block int }

// cutAxes lists the axes that may be cut, the best first: the places of a picture where they hold more than the weights, since a thread then finds in its cache
// what it made in the step before; the one that should be outermost; those that are not in the tile, any but that of the lanes, the lanes. Those whose calls
// would be too long come last.
func (b *Builder) cutAxes(ref *schedule, row float64) []cutOption {
	candidates := []int{b.places(ref), ref.outer}
	for _, tiled := range []bool{false, true} {
		for a := range b.fm.par {
			if a != ref.lane && ref.tile[a] > 1 == tiled {
				candidates = append(candidates, a)
			}
		}
	}
	var good, long []cutOption
	seen := map[int]bool{}
	for _, a := range append(candidates, ref.lane) {
		if a < 0 || seen[a] || !b.mayCut(a) {
			continue
		}
		seen[a] = true
		n := b.blockOf(a, ref, row)
		switch {
		case n == 0:
		case row*float64(n)/float64(b.fm.axes[a].extent) <= mostCycles:
			good = append(good, cutOption{a, n})
		default:
			long = append(long, cutOption{a, n})
		}
	}
	return append(good, long...)
}

// places is the axis by which the places of a picture should be cut, -1 where there is none or weights count for more: that of the longest strides in all
// that moves with the batch.
func (b *Builder) places(ref *schedule) int {
	fm := b.fm
	ext := make([]float64, len(fm.axes))
	for a, x := range fm.axes {
		ext[a] = float64(x.extent)
	}
	axis := -1
	weights, moving := 0.0, 0.0
	for i := range fm.groups {
		g := &fm.groups[i]
		if g.coef[b.grid] == 0 {
			weights += fm.lines(g, ext)
			continue
		}
		moving += fm.lines(g, ext)
		if !g.store {
			continue
		}
		for a := range fm.par {
			if a != b.grid && a != ref.lane && (axis < 0 || g.coef[a] > g.coef[axis]) {
				axis = a
			}
		}
	}
	if weights > moving {
		return -1
	}
	return axis
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
