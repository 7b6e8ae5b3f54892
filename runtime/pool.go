package runtime

import (
	stdruntime "runtime"
	"sync"
	"sync/atomic"
)

// pool is goroutines that share the pieces of one piece of work after another. The caller of run takes pieces too, so it never waits for
// a worker that is still asleep: a small kernel is over before one wakes up. One goroutine at a time may call run.
//
// All of it hangs on remaining, the pieces of the present work that nobody has taken. Who brings it down from r to r-1 >= 0 owns
// piece count-r, and as long as that piece is not done the work cannot end; so the fields that describe it stay as they are while
// they are read. A late worker finds remaining at or below 0 and touches nothing.
type pool struct {
	threads int

	x      *exec
	step   func(x *exec, lo, hi int)
	count  int
	chunk  int
	perCut int // the pieces of count
	pieces int64

	_         [64]byte // remaining, done and the rest are each written by many: a cache line each
	remaining atomic.Int64
	_         [64]byte
	done      atomic.Int64
	_         [64]byte
	asleep    atomic.Int32
	waiting   atomic.Bool // the caller sleeps until done reaches pieces
	closed    atomic.Bool
	wake      chan struct{} // one token for each worker that is to get up
	finished  chan struct{}
	workers   sync.WaitGroup
}

// spins is how often an idle worker looks for work before it sleeps: 20 to 40 µs, more than what lies between two kernels.
const spins = 400

// newPool starts threads-1 workers; the caller of run is the last thread. close ends them.
func newPool(threads int) *pool {
	p := &pool{threads: max(threads, 1)}
	p.wake = make(chan struct{}, p.threads)
	p.finished = make(chan struct{}, 1)
	for range p.threads - 1 {
		p.workers.Go(p.work)
	}
	return p
}

// run calls step for the pieces of 0 … count-1, chunk at a time, then for those of count … 2*count-1, cuts times, and returns when all are done. It
// allocates nothing.
func (p *pool) run(x *exec, cuts, count, chunk int, step func(x *exec, lo, hi int)) {
	if count <= 0 || cuts <= 0 {
		return
	}
	p.x, p.step, p.count, p.chunk = x, step, count, chunk
	p.perCut = (count + chunk - 1) / chunk
	p.pieces = int64(cuts) * int64(p.perCut)
	p.done.Store(0)
	p.remaining.Store(p.pieces)
	p.rouse(int(p.pieces) - 1)
	p.takePieces()
	p.await()
	p.x, p.step = nil, nil
}

// takePieces does pieces until there are none left to take, and reports whether it did any.
func (p *pool) takePieces() bool {
	any := false
	for p.remaining.Load() > 0 {
		left := p.remaining.Add(-1)
		if left < 0 {
			break
		}
		any = true
		pieces := p.pieces
		piece := int(pieces - 1 - left)
		cut := piece / p.perCut
		lo := (piece - cut*p.perCut) * p.chunk
		p.step(p.x, cut*p.count+lo, cut*p.count+min(lo+p.chunk, p.count))
		if p.done.Add(1) == pieces && p.waiting.CompareAndSwap(true, false) {
			p.finished <- struct{}{}
		}
	}
	return any
}

// await returns when all pieces are done.
func (p *pool) await() {
	for range spins {
		if p.done.Load() == p.pieces {
			return
		}
		pause()
	}
	for p.done.Load() != p.pieces {
		p.waiting.Store(true)
		// Whoever finds waiting set sends one token, be it late and meant for earlier work: hence the loop.
		if p.done.Load() == p.pieces && p.waiting.CompareAndSwap(true, false) {
			return
		}
		<-p.finished
	}
}

// rouse wakes up to n of the workers that sleep.
func (p *pool) rouse(n int) {
	for ; n > 0; n-- {
		k := p.asleep.Load()
		for k > 0 && !p.asleep.CompareAndSwap(k, k-1) {
			k = p.asleep.Load()
		}
		if k == 0 {
			return
		}
		p.wake <- struct{}{}
	}
}

// work is the life of a worker.
func (p *pool) work() {
	for !p.closed.Load() {
		if p.takePieces() {
			continue
		}
		if p.spin() {
			continue
		}
		p.asleep.Add(1)
		if p.remaining.Load() > 0 || p.closed.Load() {
			// Work came while it lay down: it gets up by itself, unless somebody has already taken it off the count and sends a token.
			if p.getUp() {
				continue
			}
		}
		<-p.wake
	}
}

// spin looks for work for a short while.
func (p *pool) spin() bool {
	if stdruntime.GOMAXPROCS(0) == 1 {
		return false
	}
	for range spins {
		if p.remaining.Load() > 0 {
			return true
		}
		pause()
	}
	return false
}

// getUp takes one off the count of sleepers; false where it is 0.
func (p *pool) getUp() bool {
	for {
		k := p.asleep.Load()
		if k <= 0 {
			return false
		}
		if p.asleep.CompareAndSwap(k, k-1) {
			return true
		}
	}
}

// close ends the workers. The pool must be idle. It may be called more than once.
func (p *pool) close() {
	if p.closed.Swap(true) {
		return
	}
	p.rouse(p.threads)
	p.workers.Wait()
}
