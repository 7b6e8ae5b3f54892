package kernel

import (
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
	if err != nil || !c.withinExample(ref.lane) {
		return b, ref, err
	}
	rows, err := c.schedule(vec.AVX2)
	if err != nil || rows.cyclesPerRow*float64(c.Grid.Extent) > mostLost*ref.cyclesPerRow {
		return b, ref, err
	}
	return c, rows, nil
}

// withinExample makes an axis inside of the examples the grid, not the one that will lie across the lanes. It reports whether there is one.
func (b *Builder) withinExample(lane int) bool {
	fm, n := b.fm, b.grid
	for _, l := range fm.linears() {
		if l.coef[n] != 0 {
			return false // only the caller would know the example
		}
	}
	row := -1
	for a := range fm.par {
		if a != n && a != lane && fm.axes[a].extent > 1 && !fm.axes[a].dyn && fm.mayMove(a) && !fm.backwards(a) {
			row = a
			break
		}
	}
	if row < 0 {
		return false
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
