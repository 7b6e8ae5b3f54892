package runtime

import (
	stdruntime "runtime"
	"sync/atomic"
)

// window is the part of the batch that the steps of a chain run on.
type window struct {
	lo, hi int // its examples; hi is 0 outside of chains
	// shift is how many examples before their own place the temporaries of the chain lie: those of all parts that a thread runs take one place.
	shift   int
	number  int  // of the part
	part    int  // examples of a part
	slot    int  // the thread's number
	roomy   bool // there is a place for a part of each thread
	chained func(x *exec)
	turns   *turns
}

// turns is what the threads that run a chain share: parts are taken in order, and a sum over the batch goes on with a part when that before it is in.
type turns struct {
	taken atomic.Int64
	sums  []turn
}

// turn is how many parts are in a sum.
type turn struct {
	done atomic.Int64
	_    [56]byte
}

// summingThreads is how many threads run a chain with sums at most: with more, they would wait for their turns. Then all share each step.
const summingThreads = 4

// chain runs steps that follow each other on part examples at a time, so that what one hands on to the next stays in the cache; so many of them sum over the
// batch. Threads take different parts; where there are too few examples for that, they share each step. It allocates nothing but the first time.
func (x *exec) chain(part, sums int, steps func(x *exec)) {
	threads := 1
	if !x.alone {
		threads = x.pool.threads
	}
	if threads == 1 && x.n <= part || threads > 1 && x.n < apartFrom*threads || sums > 0 && threads > summingThreads {
		steps(x)
		return
	}
	part = even((x.n+threads-1)/threads, part)
	if x.turns == nil {
		x.turns = new(turns)
	}
	x.turns.start(sums)
	x.window = window{part: part, roomy: threads*part <= x.max, chained: steps, turns: x.turns}
	if threads == 1 {
		x.takeParts(0, 1)
	} else {
		x.pool.runCrew(x.gather(threads), threads, (*exec).takeParts)
	}
	x.window = window{turns: x.turns}
}

// start begins a chain with so many sums.
func (t *turns) start(sums int) {
	for len(t.sums) < sums {
		t.sums = append(t.sums, turn{})
	}
	t.taken.Store(0)
	for i := range t.sums {
		t.sums[i].done.Store(0)
	}
}

// gather makes of x an exec for each thread.
func (x *exec) gather(threads int) []*exec {
	for len(x.crew) < threads {
		x.crew = append(x.crew, new(exec))
	}
	crew := x.crew[:threads]
	for i, c := range crew {
		*c = *x
		c.slot = i
		if i > 0 {
			c.watch = nil // what the first takes stands for all
		}
	}
	return crew
}

// takeParts runs the steps of a chain on one part after the other until none are left.
func (x *exec) takeParts(_, _ int) {
	for {
		x.number = int(x.turns.taken.Add(1)) - 1
		x.lo, x.hi = x.number*x.part, min((x.number+1)*x.part, x.n)
		if x.lo >= x.n {
			return
		}
		if x.roomy {
			x.shift = x.lo - x.slot*x.part
		}
		x.chained(x)
	}
}

// inWindow runs a step of a chain for the examples of the window: cuts times count rows, as eachCut has them.
func (x *exec) inWindow(cuts, count, chunk int, step func(x *exec, lo, hi int)) {
	rows := count / x.n // of an example
	hi := x.hi * rows
	for from := 0; from < cuts*count; from += count {
		for lo := x.lo * rows; lo < hi; lo += chunk {
			step(x, from+lo, from+min(lo+chunk, hi))
		}
	}
}

// sum runs a step that sums over the batch as each does, block examples at a time, from x.from on. In a chain it is sum number k, and takes the examples of the
// window when all before them are in.
func (x *exec) sum(k, block, count, least, chunk int, step func(x *exec, lo, hi int)) {
	if x.hi == 0 {
		for x.from = 0; x.from == 0 || x.from < x.n; x.from += block { // a sum over no example is computed too
			x.each(count, least, chunk, step)
		}
		return
	}
	if x.watch != nil {
		defer x.watch.lap(step)
	}
	if x.wrap != nil {
		step = x.wrap.around(x, step)
	}
	turn := &x.turns.sums[k]
	for i := 1; turn.done.Load() != int64(x.number); i++ {
		if i%spins == 0 {
			stdruntime.Gosched()
		}
		pause()
	}
	for x.from = x.lo; x.from < x.hi; x.from += block {
		for lo := 0; lo < count; lo += chunk {
			step(x, lo, min(lo+chunk, count))
		}
	}
	turn.done.Add(1)
}

// block is how many examples from x.from on a call sums over, most at most.
func (x *exec) block(most int) int {
	end := x.n
	if x.hi > 0 {
		end = x.hi
	}
	return min(most, end-x.from)
}
