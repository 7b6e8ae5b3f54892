package runtime

import (
	stdruntime "runtime"
	"sync"
	"sync/atomic"
	"time"
)

// pool is goroutines that share the pieces of one piece of work after another. Each thread has a part of the pieces that is its own, always about the same rows or
// cuts, so that what it wrote in one step is in its cache in the next; whoever is done takes pieces from the ends of the others' parts. The caller of run is a
// thread too and never waits for a worker that is still asleep. One goroutine at a time may call run.
//
// Pieces are owned: who takes one out of a part owns it, and as long as it is not done the work cannot end; so the fields that describe the work stay as they
// are while they are read. A late worker finds nothing to take and touches nothing.
type pool struct {
	threads int
	work    work
	posted  atomic.Int64 // counts the pieces of work: workers look at it for news
	calling atomic.Bool  // a program runs, so that there will be more work soon

	_      [64]byte // what is written by many has a cache line of its own
	done   atomic.Int64
	_      [64]byte
	parts  []part
	asleep atomic.Int32

	waiting  atomic.Bool // the caller sleeps until done reaches the number of pieces
	closed   atomic.Bool
	wake     chan struct{} // one token for each worker that is to get up
	finished chan struct{}
	workers  sync.WaitGroup
	last     time.Time // when a small program came last and found a worker asleep
}

// work is a step over cuts times count rows, chunk rows a piece. Rows lie in chunks.
type work struct {
	x           *exec
	crew        []*exec // where each thread has its own exec: x is its
	step        func(x *exec, lo, hi int)
	cuts        int
	count       int
	chunk       int
	chunks      int
	acrossOwned bool // threads own cuts, with all rows; else rows, with all cuts
}

// part is the pieces of one thread that nobody has taken: the first in the upper half of the number, the end in the lower.
type part struct {
	left atomic.Uint64
	_    [56]byte
}

// How often an idle thread looks for news before it sleeps, at 0.1 µs a time. Waking up takes longer than most steps: so a worker stays awake all through
// a program, unless one thread works for long, and a little after.
const (
	spins       = 400
	spinsInCall = 20_000
)

// newPool starts threads-1 workers; the caller of run is the last thread. close ends them.
func newPool(threads int) *pool {
	p := &pool{threads: max(threads, 1)}
	p.parts = make([]part, p.threads)
	p.wake = make(chan struct{}, p.threads)
	p.finished = make(chan struct{}, 1)
	for i := 1; i < p.threads; i++ {
		p.workers.Go(func() { p.live(i) })
	}
	return p
}

// smallProgram is how many cycles a call takes at most that does not wake threads for its own sake, and tinyProgram one that leaves them alone even where they
// are awake.
const (
	smallProgram = 100_000
	tinyProgram  = 10_000
)

// often is the time between the calls of a small program, from start to start, that makes it worth waking threads: they stay awake from one to the next.
const often = 60 * time.Microsecond

// begin is called before a program that takes about so many cycles (0 where nobody knows) and reports whether it is to be shared among threads; end ends it.
func (p *pool) begin(cycles int) bool {
	if p.threads == 1 || cycles > 0 && cycles < tinyProgram {
		return false
	}
	if p.asleep.Load() > 0 {
		if cycles > 0 && cycles < smallProgram {
			now := time.Now()
			before := p.last
			p.last = now
			if now.Sub(before) > often {
				return false
			}
		}
		p.rouse(p.threads)
	}
	p.calling.Store(true)
	return true
}

func (p *pool) end() { p.calling.Store(false) }

// run calls step for the rows 0 … count-1, chunk at a time, then for those of count … 2*count-1, cuts times, and returns when all are done. Threads own rows
// where there are enough, or cuts where across says so. It allocates nothing.
func (p *pool) run(x *exec, cuts, count, chunk int, across bool, step func(x *exec, lo, hi int)) {
	if count <= 0 || cuts <= 0 {
		return
	}
	chunks := (count + chunk - 1) / chunk
	p.post(work{x: x, step: step, cuts: cuts, count: count, chunk: chunk, chunks: chunks, acrossOwned: cuts > 1 && (across || chunks < p.threads)})
}

// piecesEach is how many pieces a thread's part should have, so that another that is done early can help.
const piecesEach = 3

// pieceOf returns how many rows of count one piece should have: a multiple of least, and no more than chunk, so that each thread has some.
func (p *pool) pieceOf(count, least, chunk int) int {
	return max(min(count/(piecesEach*p.threads*least)*least, chunk), least)
}

// runCrew calls step for each of count numbers, with the exec of the thread that calls.
func (p *pool) runCrew(crew []*exec, count int, step func(x *exec, lo, hi int)) {
	p.post(work{crew: crew, step: step, cuts: 1, count: count, chunk: 1, chunks: count})
}

// post does all of a piece of work.
func (p *pool) post(w work) {
	p.work = w
	p.done.Store(0)
	for i := range p.parts {
		cuts, chunks := p.owned(i)
		p.parts[i].left.Store(uint64(cuts.len() * chunks.len()))
	}
	p.posted.Add(1)
	p.rouse(w.cuts*w.chunks - 1)
	p.takePieces(0)
	p.await(int64(w.cuts * w.chunks))
	p.work = work{} // so that a session is garbage when nobody uses it
}

// span is the numbers from lo to hi-1.
type span struct{ lo, hi int }

func (s span) len() int { return s.hi - s.lo }

// owned returns the cuts and the chunks of rows of a thread's part.
func (p *pool) owned(thread int) (cuts, chunks span) {
	w := &p.work
	share := func(n int) span { return span{n * thread / p.threads, n * (thread + 1) / p.threads} }
	if w.acrossOwned {
		return share(w.cuts), span{0, w.chunks}
	}
	return span{0, w.cuts}, share(w.chunks)
}

// takePieces does pieces, those of its own part first, until there are none left to take, and reports whether it did any.
func (p *pool) takePieces(thread int) bool {
	taken, pieces := 0, 0
	for i := range p.threads {
		owner := (thread + i) % p.threads
		for {
			n := p.parts[owner].take(i == 0)
			if n < 0 {
				break
			}
			pieces = p.work.cuts * p.work.chunks
			p.do(thread, owner, n)
			taken++
		}
	}
	if taken > 0 && p.done.Add(int64(taken)) == int64(pieces) && p.waiting.CompareAndSwap(true, false) {
		p.finished <- struct{}{}
	}
	return taken > 0
}

// take takes a piece out of a part, the first or the last, and returns its number; -1 where there is none.
func (q *part) take(first bool) int {
	for {
		left := q.left.Load()
		lo, hi := left>>32, left&(1<<32-1)
		switch {
		case lo >= hi:
			return -1
		case first:
			if q.left.CompareAndSwap(left, left+1<<32) {
				return int(lo)
			}
		default:
			if q.left.CompareAndSwap(left, left-1) {
				return int(hi - 1)
			}
		}
	}
}

// do does piece n of a thread's part.
func (p *pool) do(thread, owner, n int) {
	w := &p.work
	cuts, chunks := p.owned(owner)
	cut, chunk := cuts.lo+n/chunks.len(), chunks.lo+n%chunks.len()
	x := w.x
	if w.crew != nil {
		x = w.crew[thread]
	}
	lo := chunk * w.chunk
	w.step(x, cut*w.count+lo, cut*w.count+min(lo+w.chunk, w.count))
}

// await returns when all pieces are done.
func (p *pool) await(pieces int64) {
	for i := range spinsInCall {
		if p.done.Load() == pieces {
			return
		}
		if i%spins == spins-1 {
			stdruntime.Gosched() // there may be more threads than processors
		}
		pause()
	}
	for p.done.Load() != pieces {
		p.waiting.Store(true)
		// Whoever finds waiting set sends one token, be it late and meant for earlier work: hence the loop.
		if p.done.Load() == pieces && p.waiting.CompareAndSwap(true, false) {
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

// live is the life of a worker.
func (p *pool) live(thread int) {
	for !p.closed.Load() {
		seen := p.posted.Load()
		if p.takePieces(thread) || p.spin(seen) {
			continue
		}
		p.asleep.Add(1)
		if p.posted.Load() != seen || p.closed.Load() {
			// Work came while it lay down: it gets up by itself, unless somebody has already taken it off the count and sends a token.
			if p.getUp() {
				continue
			}
		}
		<-p.wake
	}
}

// spin looks for new work for a short while.
func (p *pool) spin(seen int64) bool {
	if stdruntime.GOMAXPROCS(0) == 1 {
		return false
	}
	for i := range spinsInCall {
		if p.posted.Load() != seen {
			return true
		}
		if i >= spins && !p.calling.Load() {
			return false
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
