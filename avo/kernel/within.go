package kernel

import (
	"math"
	"slices"

	"github.com/dlc-ml/dlc/avo/vec"
)

// longExample is how many cycles an example may take before callers cut inside of it.
const longExample = 4 * chunkCycles

// mostLost is how much more time the rows of one example may take by themselves than with others.
const mostLost = 1.1

// cutExamples returns b, or where an example takes long a builder of the same nest whose grid is the rows of one example: a kernel then computes some
// rows, so that several threads share even a single example, and no call holds up the garbage collector. A schedule that gains much by computing
// several examples at once stays.
func (b *Builder) cutExamples(ref *schedule, anew func() (*Builder, error)) (*Builder, *schedule, error) {
	if b.grid < 0 || !b.Grid.PerBatch || b.Grid.Extent != 1 || b.Grid.Ordered || b.fm.steps > 0 || ref.cyclesPerRow < longExample {
		return b, ref, nil
	}
	c, err := anew()
	if err != nil || !c.withinExample(ref) {
		return b, ref, err
	}
	rows, err := c.schedule(vec.AVX2)
	if err != nil || rows.cyclesPerRow*float64(c.Grid.Extent) > mostLost*ref.cyclesPerRow {
		return b, ref, err
	}
	return c, rows, nil
}

// longCall is how many cycles one call of a kernel may take: about 250 µs.
const longCall = 800_000

// withinExample makes an axis inside of the examples the grid: of those beside the lanes, and of the blocks of a long axis across them, the one
// whose pieces are short and read least. It reports whether there is one.
func (b *Builder) withinExample(ref *schedule) bool {
	fm, n := b.fm, b.grid
	for _, l := range fm.linears() {
		if l.coef[n] != 0 {
			return false // only the caller would know the example
		}
	}
	row, block, least, long := -1, 0, math.Inf(1), math.Inf(1)
	try := func(a, of int) {
		extent := fm.axes[a].extent
		if a == n || extent%of != 0 || extent/of < 2 || fm.axes[a].dyn || !fm.mayMove(a) || fm.backwards(a) {
			return
		}
		pieces := extent / of
		took := math.Max(ref.cyclesPerRow/float64(pieces), longCall)
		if bytes := fm.reads(a, pieces); took < long || took == long && bytes < least {
			row, block, long, least = a, of, took, bytes
		}
	}
	for a := range fm.par {
		if a != ref.lane {
			try(a, 1)
			continue
		}
		for _, of := range []int{96, 64, 32} {
			try(a, of)
		}
	}
	if row < 0 {
		return false
	}
	if block > 1 {
		fm.split(row, block)
		if n > row {
			n++
		}
	}
	if row > n {
		row--
	}
	for i := range fm.groups {
		fm.groups[i].example = fm.groups[i].coef[n]
	}
	fm.axes = slices.Delete(fm.axes, n, n+1)
	fm.par--
	if fm.free != nil {
		fm.free = slices.Delete(fm.free, n, n+1)
	}
	fm.eachCoef(func(c []int) []int { return slices.Delete(c, n, n+1) })
	fm.findVarying()
	b.grid = row
	b.Grid = Grid{Examples: true, Extent: fm.axes[row].extent}
	return true
}

// reads is about how many elements the pieces of an example read together, where axis a is cut into pieces: what does not change along it, each reads
// anew.
func (fm *form) reads(a, pieces int) float64 {
	sum := 0.0
	for _, g := range fm.groups {
		if g.store {
			continue
		}
		n := 1.0
		for i, c := range g.coef {
			if c != 0 && !fm.axes[i].dyn {
				n *= float64(fm.axes[i].extent)
			}
		}
		if g.coef[a] == 0 {
			n *= float64(pieces)
		}
		sum += n
	}
	return sum
}
