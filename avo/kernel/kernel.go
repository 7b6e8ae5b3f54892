// Package kernel writes kernels: it turns one loop nest into one function of the vector machine, for any target. There is one
// generator for all forms. A nest says what is computed and in which order sums run; a schedule says which axis lies across
// the lanes, which axes form the register tile and which one the caller cuts into pieces; the emitter unrolls the tile, loads
// each operand once and keeps the accumulators in registers. Matrix products, convolutions, pooling, elementwise maps and
// copies are the same code under different schedules.
package kernel

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Kernel is one nest made ready for code: its functions (one a target, all of the same signature) and how to call them.
type Kernel struct {
	Nest *loop.Nest
	Args []Arg // the pointer parameters, in order
	// Grid is the axis that the caller cuts into pieces. Its parameters "main" and "tail" are counts of Tile rows and of the single
	// rows behind them; with Tile 1 there is only "main".
	Grid Grid
	// Cuts is the number of steps of a second axis that the caller cuts, each with all of the grid; 0 or 1 where there is none.
	Cuts int
	// Across says that threads should share the cuts of a single example rather than its rows.
	Across bool
	// Batch says that the kernel takes the number of examples as parameter "batch", because a reduction runs over them.
	Batch bool
	// Block is how many examples one call of such a kernel should sum over at most, so that what it reads stays in the cache; 0 for all of them.
	// A kernel with a block takes one more parameter, "resume": 0 for the first block, 1 for those that go on from the sums as they are stored. The
	// chain of each sum is the same as without blocks.
	Block int
	// Cycles estimates one unit of the grid (or the whole, where there is none) on AVX2.
	Cycles float64
	// Flops counts the floating-point operations of one example (of the whole, where no axis is symbolic): two for each multiply-add.
	Flops int
	// Tiling says how the reference target computes it, for --explain.
	Tiling string
}

// Grid describes the outermost loop.
type Grid struct {
	None bool
	// Ordered says that the pieces must run one after another, from the first to the last: the order shows in the result.
	Ordered bool
	// PerBatch says that the extent is Extent times the batch size; else it is Extent.
	PerBatch bool
	Extent   int
	Tile     int // 1, 2, 4, 6 or 8
	Chunk    int // rows of one call at most: a multiple of Tile
	Least    int // rows that are worth a hand-over to another thread: a multiple of Tile too
}

// Arg is one pointer parameter: element Offset of Buf, plus Stride elements for each row of the grid before the piece's first, plus Steps[i]
// elements for each step along axis i of the scan that the nest stands in, plus Example elements for each example before those that a block sums over, plus Cut elements for each step of the second axis before the piece's. A
// nil Buf is the table 0, 1, 2 … of i32.
type Arg struct {
	Buf     *loop.Buffer
	Offset  int
	Stride  int
	Steps   []int
	Example int
	Cut     int
	Name    string
}

// Expected says how callers cut the kernel, and the cycles that the cost model expects, with the part of them that arithmetic alone would take.
func (b *Builder) Expected() string {
	cycles, unit := b.Cycles*float64(max(b.Cuts, 1)), "in all"
	if !b.Grid.None {
		cycles *= float64(b.Grid.Extent)
		if b.Grid.PerBatch {
			unit = "an example"
		}
	}
	text := fmt.Sprintf("about %.0f cycles %s", cycles, unit)
	if fused := b.fm.nest.Value != nil && fusedSum(b.fm.nest); fused {
		text += fmt.Sprintf(", %.0f%% of the peak", 100*float64(b.Flops)/(32*cycles))
	}
	if b.Cuts > 1 {
		text += fmt.Sprintf("; cut into %d along %s", b.Cuts, b.fm.axes[b.fm.cut].name)
	}
	return text
}

// chunkCycles is how long one call of a kernel should take: about 7 µs, long enough to hide the call and the hand-over to
// another thread, and far below the 200 µs for which a kernel may hold up the garbage collector.
const chunkCycles = 24000

// Builder makes the functions of one kernel.
type Builder struct {
	Kernel
	fm    *form
	grid  int    // the axis, or -1
	costs *Costs // in place of the table's; else nil
}

// New analyses a nest. sizes gives symbols with a known value; the only other symbol allowed is the batch. steps are the axes of the
// scan that the nest stands in, if any: its kernel does one step.
func New(n *loop.Nest, sizes map[string]int, steps ...loop.Axis) (*Builder, error) {
	b, ref, err := analyse(n, sizes, steps)
	if err != nil {
		return nil, err
	}
	if b, ref, err = b.cutUp(n, sizes, steps, ref); err != nil {
		return nil, err
	}
	fm := b.fm
	if b.grid >= 0 {
		b.Grid.Tile = ref.tile[b.grid]
		units := int(chunkCycles / max(ref.cyclesPerRow, 1))
		b.Grid.Chunk = max(1, units/b.Grid.Tile) * b.Grid.Tile
		b.Grid.Least = min(b.Grid.Chunk, max(1, units*cutCycles/chunkCycles/b.Grid.Tile)*b.Grid.Tile)
	} else {
		b.Grid.None = true
	}
	b.Cycles = ref.cyclesPerRow
	b.Tiling = ref.String()
	for i, a := range fm.axes {
		if a.dyn && i != b.grid {
			if b.Batch {
				return nil, fmt.Errorf("%s: two axes inside the outermost depend on the batch", n.Name)
			}
			b.Batch = true
		}
	}
	b.Block = b.blockSize()
	b.args()
	b.Flops = fm.flops()
	return b, nil
}

// analyse makes the form of a nest, chooses the grid and schedules it for the reference target.
func analyse(n *loop.Nest, sizes map[string]int, steps []loop.Axis) (*Builder, *schedule, error) {
	fm, err := newForm(n, sizes, steps)
	if err != nil {
		return nil, nil, err
	}
	b := &Builder{Kernel: Kernel{Nest: n}, fm: fm, grid: -1}
	b.chooseGrid()
	ref, err := b.schedule(vec.AVX2)
	return b, ref, err
}

// Price estimates the cycles of a whole nest on AVX2 for a typical batch. Pass layout compares layouts by it.
func Price(n *loop.Nest, sizes map[string]int, steps ...loop.Axis) (float64, error) {
	b, ref, err := analyse(n, sizes, steps)
	if err != nil {
		return 0, err
	}
	if b.grid < 0 {
		return ref.cyclesPerRow, nil
	}
	return ref.cyclesPerRow * float64(b.fm.axes[b.grid].guess()), nil
}

// chooseGrid picks the axis that callers cut: the batch where it is parallel; else the first axis long enough to share out.
// A long flat axis is cut into blocks first. Where the order of the nest shows, only an axis that may move is shared out; where there is
// none, the pieces run in order.
func (b *Builder) chooseGrid() {
	fm := b.fm
	for i := range fm.par {
		if fm.axes[i].dyn && fm.mayMove(i) {
			b.grid = fm.rows(i, fm.lanesAlong())
			b.Grid = Grid{PerBatch: true, Extent: fm.axes[b.grid].extent}
			return
		}
	}
	if fm.par == 1 && fm.axes[0].extent >= 4096 && fm.mayMove(0) {
		for block := 1024; block >= 64; block -= 16 {
			if fm.axes[0].extent%block == 0 {
				fm.split(0, block)
				break
			}
		}
	}
	if fm.free != nil {
		defer b.gridInOrder()
	}
	if fm.par < 2 && fm.nest.Lanes <= 1 {
		return
	}
	lane := fm.lanesAlong() // is left alone
	for i := range fm.par {
		if i != lane && fm.axes[i].extent >= 4 && !fm.axes[i].dyn && fm.mayMove(i) && !fm.backwards(i) {
			b.grid = i
			b.Grid = Grid{Extent: fm.axes[i].extent}
			return
		}
	}
}

// lanesAlong is the parallel axis that will lie across the lanes, the one with most unit strides; -1 where the sum does.
func (fm *form) lanesAlong() int {
	if fm.nest.Lanes > 1 {
		return -1
	}
	return fm.bestLane(vec.AVX2)
}

// blockBytes is how much of a second-level cache one block of a sum over the batch may read.
const blockBytes = 384 << 10

// blockSize is how many examples one call of a sum over the batch should take, 0 for all: where an example is so large that a usual batch would not stay in the cache,
// the examples come first in the chain, and what is stored are the sums themselves.
func (b *Builder) blockSize() int {
	fm := b.fm
	if fm.par == len(fm.axes) || !fm.axes[fm.par].dyn || fm.nest.Lanes > 1 || fm.free != nil || fm.par == 0 {
		return 0
	}
	for _, s := range fm.nest.Stores {
		if s.Expr.Code != loop.Acc {
			return 0
		}
	}
	bytes := 0
	for _, g := range fm.groups {
		if g.store || g.coef[fm.par] == 0 {
			continue
		}
		elems := 4
		for a, c := range g.coef {
			if c != 0 {
				elems *= fm.axes[a].extent
			}
		}
		bytes += elems
	}
	if n := max(1, blockBytes/max(bytes, 1)); n < batchGuess {
		return n
	}
	return 0
}

// backwards reports whether some access runs down along an axis.
func (fm *form) backwards(a int) bool {
	for _, g := range fm.groups {
		if g.coef[a] < 0 {
			return true
		}
	}
	return false
}

// args lays out the pointer parameters: one a group, then the index table where an Index runs along the grid, and once more for each axis
// of a scan whose steps one counts.
func (b *Builder) args() {
	names := map[string]int{}
	for _, g := range b.fm.groups {
		lo, _ := b.fm.span(g, b.grid)
		a := Arg{Buf: g.buf, Offset: lo, Steps: g.steps, Name: paramName(g.buf.Name, names)}
		if b.grid >= 0 {
			a.Stride = g.coef[b.grid]
		}
		if b.fm.cut >= 0 {
			a.Cut = g.coef[b.fm.cut]
		}
		if b.Block > 0 {
			a.Example = g.coef[b.fm.par] * b.fm.axes[b.fm.par].extent
		}
		b.Args = append(b.Args, a)
	}
	if b.needsTable() {
		b.Args = append(b.Args, Arg{Name: "iota", Stride: 1})
	}
	for _, i := range b.neededSteps() {
		a := Arg{Name: "step", Steps: make([]int, b.fm.steps)}
		if i > 0 {
			a.Name = fmt.Sprintf("step%d", i+1)
		}
		a.Steps[i] = 1
		b.Args = append(b.Args, a)
	}
}

// neededSteps lists the axes of the scan whose step an Index expression depends on, which only the caller knows.
func (b *Builder) neededSteps() []int {
	var list []int
	for i := range b.fm.steps {
		if slices.ContainsFunc(b.fm.linears(), func(l linear) bool { return l.steps[i] != 0 }) {
			list = append(list, i)
		}
	}
	return list
}

// needsTable reports whether an Index expression depends on the grid's position, which a kernel cannot know by itself.
func (b *Builder) needsTable() bool {
	if b.grid < 0 {
		return false
	}
	for _, l := range b.fm.linears() {
		if l.coef[b.grid] != 0 {
			return true
		}
	}
	return false
}

// paramName makes a Go parameter name from a buffer's dotted name.
func paramName(s string, taken map[string]int) string {
	out := make([]byte, 0, len(s))
	up := false
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' && len(out) > 0:
			if up && len(out) > 0 && c >= 'a' && c <= 'z' {
				c -= 'a' - 'A'
			} else if len(out) == 0 && c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			up = false
			out = append(out, c)
		default:
			up = true
		}
	}
	// A trailing 0 keeps clear of keywords, predeclared names and the counts.
	name := string(out) + "0"
	for taken[name] > 0 {
		name = fmt.Sprintf("%s%d", string(out), len(taken))
	}
	taken[name]++
	return name
}

// Counts names the int parameters, in order.
func (k *Kernel) Counts() []string {
	var c []string
	if !k.Grid.None {
		c = append(c, "main")
		if k.Grid.Tile > 1 {
			c = append(c, "tail")
		}
	}
	if k.Batch {
		c = append(c, "batch")
	}
	if k.Block > 0 {
		c = append(c, "resume")
	}
	return c
}

// Build makes the function for one target. All targets compute the same bits.
func (b *Builder) Build(name string, t vec.Target) (*vec.Func, error) {
	if n := b.Nest.Lanes; n > 1 && n < t.Lanes {
		t.Lanes = n // a fold of eight partial sums takes half of a register of sixteen
	}
	var f *vec.Func
	for limit := 0; limit < 6; limit++ {
		s, err := b.scheduleWithin(t, limit)
		if err != nil {
			return nil, err
		}
		f = b.emit(name, t, s)
		if t.Name == vec.Go.Name || vec.Fits(f) == nil {
			return f, nil
		}
	}
	// A large expression may hold more values than there are registers even for one point: then some go to the frame.
	if _, err := vec.Allocate(f); err != nil {
		return nil, fmt.Errorf("%s: %w", b.Nest.Name, err)
	}
	return f, nil
}

// flops counts arithmetic nodes times the points at which they run, two for a multiply-add.
func (fm *form) flops() int {
	points := 1
	for _, a := range fm.axes[:fm.par] {
		points *= a.extent
	}
	steps := points
	for _, a := range fm.axes[fm.par:] {
		steps *= a.extent
	}
	n := 0
	if fm.nest.Value != nil {
		n += steps * (fm.weigh().value.arithmetic + 1)
	}
	for _, w := range fm.weigh().stores {
		n += points * w.arithmetic
	}
	return n
}
