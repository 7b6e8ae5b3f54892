package runtime

import (
	stdruntime "runtime"
	"sync/atomic"
	"testing"
	"time"
)

// TestPoolEveryPieceOnce runs much small work on pools of many sizes: every element must be visited once, in the same pieces.
func TestPoolEveryPieceOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 4, 16} {
		p := newPool(threads)
		x := &exec{pool: p, arena: make([]float32, 1000)}
		for round := range 2000 {
			cuts, chunk := 1+round%3, 1+round%7
			each := 1 + round%1000/cuts
			count := each * cuts
			var wrong atomic.Bool
			p.run(x, cuts, each, chunk, round%2 == 0, func(x *exec, lo, hi int) {
				if cut, from, to := cutOf(each, lo, hi); cut >= cuts || from%chunk != 0 || to != min(from+chunk, each) {
					wrong.Store(true)
				}
				for i := lo; i < hi; i++ {
					x.arena[i]++
				}
			})
			if wrong.Load() {
				t.Fatalf("%d threads: %d by %d: pieces are wrong", threads, count, chunk)
			}
			for i := range count {
				if x.arena[i] != 1 {
					t.Fatalf("%d threads: %d by %d: element %d was visited %g times", threads, count, chunk, i, x.arena[i])
				}
				x.arena[i] = 0
			}
			if round%500 == 0 {
				time.Sleep(2 * time.Millisecond) // so that the workers sleep
			}
		}
		p.close()
		p.close()
	}
}

// TestPoolUnevenPieces has the caller wait for workers long enough to sleep.
func TestPoolUnevenPieces(t *testing.T) {
	p := newPool(4)
	defer p.close()
	var visits atomic.Int64
	x := &exec{pool: p}
	for range 20 {
		p.run(x, 2, 4, 1, false, func(x *exec, lo, hi int) {
			time.Sleep(time.Duration(lo%3) * time.Millisecond)
			visits.Add(1)
		})
	}
	if visits.Load() != 160 {
		t.Errorf("%d pieces were done, want 160", visits.Load())
	}
}

func TestPoolEmpty(t *testing.T) {
	p := newPool(2)
	defer p.close()
	p.run(&exec{}, 1, 0, 4, false, func(*exec, int, int) { t.Error("a piece of nothing") })
}

// TestPoolUsesThreads has pieces that only go on when another has begun.
func TestPoolUsesThreads(t *testing.T) {
	p := newPool(3)
	defer p.close()
	for range 50 {
		var begun atomic.Int32
		deadline := time.Now().Add(10 * time.Second)
		p.run(&exec{}, 1, 3, 1, false, func(x *exec, lo, hi int) {
			begun.Add(1)
			for begun.Load() < 3 {
				if time.Now().After(deadline) {
					t.Error("three pieces never ran at once")
					return
				}
				stdruntime.Gosched()
			}
		})
	}
}

func TestPoolAllocations(t *testing.T) {
	p := newPool(4)
	defer p.close()
	x := &exec{pool: p}
	step := func(x *exec, lo, hi int) {}
	if n := testing.AllocsPerRun(1000, func() { x.each(64, 4, 4, step) }); n != 0 {
		t.Errorf("a run allocates %g times", n)
	}
}

// TestPoolGoroutinesEnd closes pools, and lets a session become garbage, and wants the goroutines gone.
func TestPoolGoroutinesEnd(t *testing.T) {
	before := stdruntime.NumGoroutine()
	for range 20 {
		newPool(4).close()
	}
	m, err := untrainedModel(tiny(), 1)
	if err != nil {
		t.Fatal(err)
	}
	func() {
		s := m.NewSession(Batch(64), WithThreads(4))
		if err := s.Run(64); err != nil {
			t.Fatal(err)
		}
	}()
	for range 100 {
		stdruntime.GC()
		if stdruntime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", stdruntime.NumGoroutine(), before)
}

func BenchmarkPoolRun(b *testing.B) {
	for _, threads := range []int{1, 2} {
		b.Run("threads="+string(rune('0'+threads)), func(b *testing.B) {
			p := newPool(threads)
			defer p.close()
			x := &exec{pool: p}
			b.ReportAllocs()
			for b.Loop() {
				p.run(x, 1, 16, 1, false, func(*exec, int, int) {})
			}
		})
	}
}

// BenchmarkHandOver is what it costs to share a step of 10 µs among threads: the time over half of it.
func BenchmarkHandOver(b *testing.B) {
	busy := func(x *exec, lo, hi int) {
		for t := time.Now(); time.Since(t) < 5*time.Microsecond; {
		}
	}
	p := newPool(2)
	defer p.close()
	p.calling.Store(true)
	x := &exec{pool: p}
	for b.Loop() {
		p.run(x, 1, 2, 1, false, busy)
	}
	p.calling.Store(false)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)-5000, "ns/hand-over")
}

// TestPoolBegin checks which programs are shared: those that are soon over never, small ones where they come often or the workers are awake, others always.
func TestPoolBegin(t *testing.T) {
	p := newPool(2)
	defer p.close()
	sleep := func() {
		for deadline := time.Now().Add(10 * time.Second); p.asleep.Load() == 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the worker does not go to sleep")
			}
		}
	}
	begin := func(cycles int) bool {
		shared := p.begin(cycles)
		p.end()
		return shared
	}
	sleep()
	if begin(tinyProgram - 1) {
		t.Error("a tiny program is shared")
	}
	p.last = time.Now().Add(-time.Second)
	if begin(smallProgram-1) || p.asleep.Load() == 0 {
		t.Error("a small program that comes seldom wakes a worker")
	}
	p.last = time.Now().Add(time.Hour) // any gap is short beside it
	if !begin(smallProgram - 1) {
		t.Error("a small program that comes often is not shared")
	}
	sleep()
	for _, cycles := range []int{0, smallProgram} {
		if !begin(cycles) {
			t.Errorf("a program of %d cycles is not shared", cycles)
		}
	}
	if one := newPool(1); one.begin(0) {
		t.Error("a program is shared on one thread")
	}
}

// TestPoolOwners has every thread do the pieces of its own part where no other comes to take them.
func TestPoolOwners(t *testing.T) {
	p := &pool{threads: 3}
	for _, across := range []bool{false, true} {
		for cuts := 1; cuts < 7; cuts++ {
			for chunks := 1; chunks < 9; chunks++ {
				p.work = work{cuts: cuts, chunks: chunks, acrossOwned: across}
				seen := make([]int, cuts*chunks)
				for i := range p.threads {
					c, r := p.owned(i)
					for cut := c.lo; cut < c.hi; cut++ {
						for k := r.lo; k < r.hi; k++ {
							seen[cut*chunks+k]++
						}
					}
				}
				for i, n := range seen {
					if n != 1 {
						t.Fatalf("across %t, %d cuts, %d chunks: piece %d has %d owners", across, cuts, chunks, i, n)
					}
				}
			}
		}
	}
}

func TestPieceOf(t *testing.T) {
	for _, c := range []struct{ threads, count, least, chunk, want int }{
		{2, 784, 6, 132, 126}, {2, 10, 6, 132, 6}, {2, 3136, 6, 88, 88}, {4, 3136, 6, 1000, 258}, {2, 32, 4, 4, 4},
	} {
		if got := (&pool{threads: c.threads}).pieceOf(c.count, c.least, c.chunk); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}
