// Package runtime is the support code of generated packages: sessions, the thread pool, weights, training, data. dlc carries
// these files inside itself and copies those a package needs into it, under its package name; so they import the standard library
// only, share no state with each other, and everything that is not part of a generated package's API is unexported. What
// depends on the model reaches this code as a [modelInfo], which generated code fills in.
package runtime

import (
	"time"
	"unsafe"
)

// modelInfo is what generated code says of one model.
type modelInfo struct {
	name    string
	params  []paramInfo
	arena   int      // elements of the parameter arena, padding included; its length is a multiple of 16
	trained int      // elements of its first part, which is trained
	states  []string // optimizer state, each as long as the parameter arena: "momentum", or "m" and "v"
	infer   *program
	eval    *program // nil without a train block
	train   *program // nil without a train block
	update  *program // the optimizer, where train only adds up gradients; else nil
	inputs  []portInfo
	targets []portInfo
	outputs []portInfo
	results []string // of eval and train, in order: "loss", then the metrics
	// metrics say how each of the results is taken over a data set; nil where all are means.
	metrics []metricInfo
	single  bool   // there is no batch: a call takes one example
	source  string // the name of the .dl file, for messages
	recipe  recipe
}

// metricInfo says how a result that eval and train give for each batch becomes a metric of a whole data set. The zero value is a number
// that is averaged over the examples.
type metricInfo struct {
	reduce   string         // "" for a mean; "sum": counts that are added up; "rows": a row for each example, folded into sums; "collect": all rows are kept
	elems    int            // of the result, or of its row for one example; 0 for a mean
	shapes   [][]int        // of the operands of the metric, for one example
	args     map[string]any // its attributes
	finisher *finisher      // nil for a mean that is shown as it is
	falls    bool           // less is better
}

// finisher makes a metric of what was accumulated. All its arithmetic is of a fixed order, so that the metric has the same bits everywhere.
type finisher struct {
	size   func(m *metricInfo) int                      // how many sums the rows of "rows" are folded into
	fold   func(m *metricInfo, t *tally, row []float32) // adds one row of "rows"
	finish func(m *metricInfo, t *tally) float64        // the metric; allocates nothing but for "collect"
	table  func(m *metricInfo, t *tally) [][]float64    // where it is more than one number; else nil
}

// tally is what is kept of one result over the batches of an epoch.
type tally struct {
	sums     []float64 // of a mean one, each result times its examples
	rows     []float32 // of "collect"
	scratch  []int32   // of fold, which needs no new memory then
	examples int
}

// paramInfo places one parameter in the arena. Element (i, j, …) lies at offset + i*strides[0] + j*strides[1] …; what the strides leave
// out is padding and stays zero.
type paramInfo struct {
	name      string
	elem      string // "f32" where empty
	shape     []int
	strides   []int
	panel     int // where not 0: the last axis lies in panels of this width, and its stride is the distance of one panel from the next
	offset    int
	init      string // how it starts, by scale and mean: see initializers
	scale     float64
	mean      float64
	trainable bool
	running   bool // a running statistic, which training keeps up
}

// portInfo is an input, target or output: its shape for one example, and its buffer in each program (-1 where it has none).
// Every port is dense and row-major, example after example.
type portInfo struct {
	name    string
	elem    string // "f32", "i32" or a narrower type: see elements.go
	shape   []int
	classes int     // of a target of whole numbers: labels are 0 … classes-1; 0 where unbounded
	ignored []int32 // labels that are allowed beside the classes
	bound   int     // of an input of lengths: the longest an example may be; 0 for other ports
	lengths int     // of a port that one measures: its number, from 1; else 0
	infer   int
	eval    int
	train   int
}

// elems returns the elements of one example.
func (p portInfo) elems() int {
	n := 1
	for _, d := range p.shape {
		n *= d
	}
	return n
}

// recipe is the train block.
type recipe struct {
	batch, epochs, seed int
	accumulate          int // batches of one update; 0 for one
	optimizer           call
	schedule            []call
	data                []call
	rules               []call // of parameters by their names; what they say is compiled in
	average             []call // one where averaged weights are validated and saved; likewise
	callbacks           []call
}

// call is a named thing with arguments, such as sgd(lr=0.01): numbers, words and lists as in the source.
type call struct {
	name string
	args map[string]any // float64, string, bool or []float64; a whole number is a float64 too
}

// program is one compiled function: where its buffers lie and how it runs.
type program struct {
	model      string
	name       string
	bases      []base
	perExample int       // arena elements for each example
	fixed      int       // arena elements whatever the batch
	table      int       // the buffer that holds 0, 1, 2 … as i32, or -1: what kernels read positions from
	flops      int       // floating-point operations for one example, two for a multiply-add
	cycles     int       // about how many cycles an example takes; 0 where nobody knows
	fixedCost  int       // and how many the program takes whatever the batch
	constants  []float32 // tables that the compiler made, i32 ones too
	scalars    []scalarInfo
	results    []int // the buffers of the results (loss, metrics), for eval and train
	prepared   int   // elements that prepare computes from the weights alone; 0 where there are none
	prepare    func(x *exec)
	run        func(x *exec)
	part       int        // examples that a session should run at a time on each thread, so that all of it stays in the cache; 0 where an example may meet another
	steps      []stepInfo // what run does, in order
}

// stepInfo is one step of a program: a kernel over its whole grid, or a scan. Only programs that measure themselves have more than the first three fields.
type stepInfo struct {
	name       string  // of the function that runs a piece of it
	layer      string  // what it computes, by its name in the source where it has one
	at         string  // where it comes from in the source
	tiling     string  // how its kernel goes over the data
	perExample float64 // floating-point operations of one example, two for a multiply-add
	fixed      float64 // operations whatever the batch
	reads      stepBytes
	writes     stepBytes
	calls      int // kernels that a piece of it calls, one after the other, where there are more than one
}

// stepBytes is what a step moves at least: for each example, and whatever the batch.
type stepBytes struct{ perExample, fixed float64 }

// of is the bytes of n examples.
func (b stepBytes) of(n int) float64 { return b.perExample*float64(n) + b.fixed }

// base is where a buffer starts: offset elements into its part of the arena. A scaled one lies at offset times the largest batch.
type base struct {
	offset int
	scaled bool
}

// scalarInfo names a one-element buffer that the run-time writes before a call: "batch", "lr", "momentum" (f32), "seed", "step" (i32),
// "more" and "share" (f32: whether gradients are in the sum already, and one by the number of their examples). One with a formula
// is f32 and follows from the update (see [formula]).
type scalarInfo struct {
	name    string
	buffer  int
	formula string
}

// exec is one running program: its arena and what it works on. One goroutine uses it at a time.
type exec struct {
	prog     *program
	n        int // examples of this call
	from     int // the first example of a block, where a sum over the batch is cut into blocks
	t        int // the step of the scan that is running, where all threads work on one step
	max      int // examples that the arena has room for
	arena    []float32
	base     []int // of each buffer in arena
	weights  []float32
	prepared []float32   // what the program's prepare made of the weights
	grads    []float32   // train only
	states   [][]float32 // train only
	pool     *pool
	alone    bool       // this call runs on one thread
	steps    []*formula // of each scalar; nil where it has none
	watch    *stopwatch // where steps are timed; else nil

	wrap  wrapper                   // what is done around each piece of a step; else nil
	inner func(x *exec, lo, hi int) // the step that runs then
	step  int                       // and its number, -1 where it is not known

	window         // in a chain
	crew   []*exec // of each thread, in a chain
}

// wrapper is told when a call begins, and puts something around the pieces of a step: it keeps the step in x.inner and returns what to run in its place.
type wrapper interface {
	begin()
	around(x *exec, step func(x *exec, lo, hi int)) func(x *exec, lo, hi int)
}

// stopwatch takes the time of every step.
type stopwatch struct {
	last     time.Time
	examples int    // of the runs that count, where the last part of a batch is smaller; 0 for any
	idle     bool   // the present run does not count
	begun    func() // told of each run that counts
	taken    func(step func(x *exec, lo, hi int), d time.Duration)
}

// begin starts a run of n examples.
func (w *stopwatch) begin(n int) {
	if w.idle = w.examples > 0 && n != w.examples; !w.idle {
		w.begun()
	}
	w.last = time.Now()
}

// lap ends a step.
func (w *stopwatch) lap(step func(x *exec, lo, hi int)) {
	if w.idle {
		return
	}
	now := time.Now()
	w.taken(step, now.Sub(w.last))
	w.last = time.Now()
}

// slack is how many elements stand behind the last buffer of an arena, so that its end is never the end of memory that Go owns.
const slack = 16

// newExec allocates the arena of p for up to max examples. Everything else that it uses belongs to the caller.
func newExec(p *program, max int, weights []float32, pl *pool) *exec {
	x := &exec{prog: p, max: max, weights: weights, pool: pl}
	x.arena = alignedFloats(p.perExample*max + p.fixed + slack)
	x.base = make([]int, len(p.bases))
	x.steps = make([]*formula, len(p.scalars))
	for i, s := range p.scalars {
		if s.formula != "" {
			x.steps[i] = newFormula(s.formula)
		}
	}
	for i, b := range p.bases {
		if b.scaled {
			x.base[i] = b.offset * max
		} else {
			x.base[i] = p.perExample*max + b.offset
		}
	}
	if p.table >= 0 {
		end := len(x.arena) - slack
		if p.bases[p.table].scaled {
			end = p.perExample * max
		}
		t := x.ints(p.table, end-x.base[p.table])
		for i := range t {
			t[i] = int32(i)
		}
	}
	return x
}

// run runs the program once.
func (x *exec) run() {
	if x.watch != nil {
		x.watch.begin(x.n)
	}
	x.switchLabels()
	if x.wrap != nil {
		x.wrap.begin()
	}
	p := x.prog
	cycles := 0
	if p.cycles > 0 {
		cycles = x.n*p.cycles + p.fixedCost
	}
	if x.alone = x.pool == nil || !x.pool.begin(cycles); x.alone {
		p.run(x)
		return
	}
	p.run(x)
	x.pool.end()
}

// prepare computes what depends on the weights alone, where the program has such.
func (x *exec) prepare() {
	if x.prog.prepare != nil {
		x.prepared = alignedFloats(x.prog.prepared + slack)
		x.alone = true
		x.prog.prepare(x)
	}
}

// at returns the address of an element of a buffer. The kernel that gets it stays inside the arena: its reach was worked out when
// it was compiled.
func (x *exec) at(buffer, offset int) *float32 { return &x.arena[x.base[buffer]+offset] }

// constant returns the address of an element of the compiler's tables.
func (x *exec) constant(offset int) *float32 { return &x.prog.constants[offset] }

// constantFloats reads the compiler's tables: little-endian words. It leaves room behind them, as behind an arena.
func constantFloats(text string) []float32 {
	f := alignedFloats(len(text)/4 + slack)
	w := unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(f))), len(f))
	for i := range len(text) / 4 {
		w[i] = uint32(text[4*i]) | uint32(text[4*i+1])<<8 | uint32(text[4*i+2])<<16 | uint32(text[4*i+3])<<24
	}
	return f
}

// weight returns the address of an element of the parameter arena.
func (x *exec) weight(offset int) *float32 { return &x.weights[offset] }

// ready returns the address of an element of what was prepared.
func (x *exec) ready(offset int) *float32 { return &x.prepared[offset] }

// grad returns the address of an element of the gradient arena.
func (x *exec) grad(offset int) *float32 { return &x.grads[offset] }

// state returns the address of an element of one of the optimizer's states.
func (x *exec) state(i, offset int) *float32 { return &x.states[i][offset] }

// floats returns n elements of a buffer.
func (x *exec) floats(buffer, n int) []float32 {
	b := x.base[buffer]
	return x.arena[b : b+n : b+n]
}

// ints is floats for an i32 buffer.
func (x *exec) ints(buffer, n int) []int32 {
	f := x.floats(buffer, n)
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(f))), n)
}

// each runs step over 0 … count-1 in pieces, on the pool's threads: of chunk rows at most, and of least where that gives every thread some. It allocates
// nothing: step is a function, not a closure.
func (x *exec) each(count, least, chunk int, step func(x *exec, lo, hi int)) {
	if x.watch != nil {
		defer x.watch.lap(step)
	}
	if x.wrap != nil {
		step = x.wrap.around(x, step)
	}
	if x.hi > 0 {
		x.inWindow(1, count, chunk, step)
		return
	}
	if x.alone || count <= least {
		for lo := 0; lo < count; lo += chunk {
			step(x, lo, min(lo+chunk, count))
		}
		return
	}
	x.pool.run(x, 1, count, x.pool.pieceOf(count, least, chunk), false, step)
}

// eachCut runs step for each of cuts as each does, over numbers that go on from one to the next: see cutOf. Where across is set, what a step reads for its cut is
// more than what it reads for its rows.
func (x *exec) eachCut(cuts, count, chunk int, across bool, step func(x *exec, lo, hi int)) {
	if x.watch != nil {
		defer x.watch.lap(step)
	}
	if x.wrap != nil {
		step = x.wrap.around(x, step)
	}
	if x.hi > 0 {
		x.inWindow(cuts, count, chunk, step)
		return
	}
	if x.alone {
		for from := 0; from < cuts*count; from += count {
			for lo := 0; lo < count; lo += chunk {
				step(x, from+lo, from+min(lo+chunk, count))
			}
		}
		return
	}
	x.pool.run(x, cuts, count, chunk, across, step)
}

// cutOf returns the cut that a piece of eachCut belongs to, and where it lies in it.
func cutOf(count, lo, hi int) (cut, from, to int) {
	cut = lo / count
	return cut, lo - cut*count, hi - cut*count
}

// inOrder is each on one thread, from the first piece to the last: for steps whose order shows in what they leave behind.
func (x *exec) inOrder(count, chunk int, step func(x *exec, lo, hi int)) {
	if x.watch != nil {
		defer x.watch.lap(step)
	}
	if x.wrap != nil {
		step = x.wrap.around(x, step)
	}
	for lo := 0; lo < count; lo += chunk {
		step(x, lo, min(lo+chunk, count))
	}
}

// alignedFloats returns n zeros that start at a multiple of 64 bytes.
func alignedFloats(n int) []float32 {
	s := make([]float32, n+15)
	off := int(-uintptr(unsafe.Pointer(unsafe.SliceData(s)))>>2) & 15
	adviseHugePages(s)
	return s[off : off+n : off+n]
}
