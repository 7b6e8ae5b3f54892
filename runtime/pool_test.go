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
			p.run(x, cuts, each, chunk, func(x *exec, lo, hi int) {
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
		p.run(x, 2, 4, 1, func(x *exec, lo, hi int) {
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
	p.run(&exec{}, 1, 0, 4, func(*exec, int, int) { t.Error("a piece of nothing") })
}

// TestPoolUsesThreads has pieces that only go on when another has begun.
func TestPoolUsesThreads(t *testing.T) {
	p := newPool(3)
	defer p.close()
	for range 50 {
		var begun atomic.Int32
		deadline := time.Now().Add(10 * time.Second)
		p.run(&exec{}, 1, 3, 1, func(x *exec, lo, hi int) {
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
	if n := testing.AllocsPerRun(1000, func() { x.each(64, 4, step) }); n != 0 {
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
				p.run(x, 1, 16, 1, func(*exec, int, int) {})
			}
		})
	}
}

// TestSmallProgramAlone checks that a call that is soon over stays on one thread, and a longer one does not.
func TestSmallProgramAlone(t *testing.T) {
	pl := newPool(2)
	defer pl.close()
	var shared bool
	p := &program{table: -1, cycles: smallProgram / 8, fixedCost: 100, run: func(x *exec) { shared = !x.alone }}
	x := newExec(p, 16, nil, pl)
	for n, want := range map[int]bool{1: false, 7: false, 8: true, 16: true} {
		x.n = n
		x.run()
		if shared != want {
			t.Errorf("%d examples: shared among threads: %t, want %t", n, shared, want)
		}
	}
}
