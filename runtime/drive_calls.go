package runtime

import (
	stdruntime "runtime"
	"sync/atomic"
	"time"
)

// callTimes measures how long the calls of kernels take, which nothing interrupts: of each step the longest, in the processor time of its thread, so that what
// else the machine does does not count; and of all runs the one in which that was shortest.
type callTimes struct {
	prog    *program
	numbers stepNumbers
	now     []atomic.Int64 // nanoseconds, of the present run
	least   []int64        // of all runs; 0 where the step never ran
}

func newCallTimes(p *program) *callTimes {
	return &callTimes{prog: p, numbers: numberSteps(p), now: make([]atomic.Int64, len(p.steps)), least: make([]int64, len(p.steps))}
}

// begin ends the run before.
func (c *callTimes) begin() {
	for i := range c.now {
		if t := c.now[i].Swap(0); t > 0 && (c.least[i] == 0 || t < c.least[i]) {
			c.least[i] = t
		}
	}
}

func (c *callTimes) around(x *exec, step func(x *exec, lo, hi int)) func(x *exec, lo, hi int) {
	x.inner, x.step = step, c.numbers.of(step)
	return runTimed
}

// runTimed times a piece of a step, which is one call of a kernel, or several alike in the piece of a scan.
func runTimed(x *exec, lo, hi int) {
	c := x.wrap.(*callTimes)
	stdruntime.LockOSThread() // one thread's time
	start := threadTime()
	x.inner(x, lo, hi)
	took := int64(threadTime() - start)
	stdruntime.UnlockOSThread()
	if x.step < 0 {
		return
	}
	took /= int64(max(1, c.prog.steps[x.step].calls))
	for now := &c.now[x.step]; ; {
		old := now.Load()
		if took <= old || now.CompareAndSwap(old, took) {
			return
		}
	}
}

// longCall is a step one of whose calls took long.
type longCall struct {
	step *stepInfo
	took time.Duration
}

// most returns the longest call, and all steps with one that is longer than limit.
func (c *callTimes) most(limit time.Duration) (longest longCall, over []longCall) {
	c.begin()
	for i := range c.least {
		call := longCall{&c.prog.steps[i], time.Duration(c.least[i])}
		if call.took > longest.took {
			longest = call
		}
		if call.took > limit {
			over = append(over, call)
		}
	}
	return longest, over
}
