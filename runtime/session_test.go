package runtime

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
)

func tinySession(t testing.TB, opts ...SessionOption) *Session {
	t.Helper()
	m, err := untrainedModel(tiny(), 5)
	if err != nil {
		t.Fatal(err)
	}
	s := m.NewSession(opts...)
	for i := range s.input(0) {
		s.input(0)[i] = float32(randomUnit(1, uint64(i)))
	}
	return s
}

func TestSessionRun(t *testing.T) {
	s := tinySession(t, Batch(3))
	if len(s.input(0)) != 9 || len(s.output(0)) != 6 || s.batch != 3 {
		t.Fatalf("%d inputs, %d outputs, batch %d", len(s.input(0)), len(s.output(0)), s.batch)
	}
	for n, ok := range map[int]bool{-1: false, 0: false, 1: true, 3: true, 4: false} {
		if err := s.Run(n); (err == nil) != ok {
			t.Errorf("Run(%d): %v", n, err)
		}
	}
	w := s.model.weights
	for i := range 3 {
		for j := range 2 {
			want := 0.0
			for k := range 3 {
				want += float64(s.input(0)[3*i+k]) * float64(w[k+4*j]) * 0.75
			}
			if d := float64(s.output(0)[2*i+j]) - want; d > 1e-6 || d < -1e-6 {
				t.Errorf("output %d,%d is off by %g", i, j, d)
			}
		}
	}
}

// TestSessionParts runs a batch in parts, on one thread and on several: the results are those of the whole, and nothing is allocated.
func TestSessionParts(t *testing.T) {
	whole := tinySession(t, Batch(11))
	if err := whole.Run(11); err != nil {
		t.Fatal(err)
	}
	for _, threads := range []int{1, 2} {
		m, err := untrainedModel(tiny(), 5)
		if err != nil {
			t.Fatal(err)
		}
		infer := *m.info.infer
		infer.part = 2
		m.info.infer = &infer
		s := m.NewSession(Batch(11), WithThreads(threads))
		defer s.Close()
		copy(s.input(0), whole.input(0))
		if s.x.max != 2*threads || len(s.output(0)) != len(whole.output(0)) {
			t.Fatalf("room for %d examples, %d outputs", s.x.max, len(s.output(0)))
		}
		for _, n := range []int{1, 4, 7, 11} {
			clear(s.output(0))
			if err := s.Run(n); err != nil {
				t.Fatal(err)
			}
			for i, v := range s.output(0)[:2*n] {
				if v != whole.output(0)[i] {
					t.Fatalf("%d threads, %d examples: output %d is %g, want %g", threads, n, i, v, whole.output(0)[i])
				}
			}
		}
		if threads == 1 {
			if a := testing.AllocsPerRun(20, func() { _ = s.Run(11) }); a != 0 {
				t.Errorf("%g allocations", a)
			}
		}
	}
}

// TestSessionApart has threads run parts of a batch by themselves: the results are those of the whole, after Close too, and nothing is allocated.
func TestSessionApart(t *testing.T) {
	whole := tinySession(t, Batch(23))
	if err := whole.Run(23); err != nil {
		t.Fatal(err)
	}
	for _, threads := range []int{2, 3, 7} {
		m, err := untrainedModel(tiny(), 5)
		if err != nil {
			t.Fatal(err)
		}
		infer := *m.info.infer
		infer.part, infer.flops = 2, manyUses*m.info.arena
		m.info.infer = &infer
		s := m.NewSession(Batch(23), WithThreads(threads))
		if len(s.crew) != threads {
			t.Fatalf("%d execs for %d threads", len(s.crew), threads)
		}
		copy(s.input(0), whole.input(0))
		check := func(what string) {
			for _, n := range []int{1, 2, 3, 5, 14, 22, 23} {
				clear(s.output(0))
				if err := s.Run(n); err != nil {
					t.Fatal(err)
				}
				for i, v := range s.output(0)[:2*n] {
					if v != whole.output(0)[i] {
						t.Fatalf("%d threads%s, %d examples: output %d is %g, want %g", threads, what, n, i, v, whole.output(0)[i])
					}
				}
			}
		}
		check("")
		if a := testing.AllocsPerRun(20, func() { _ = s.Run(23) }); a != 0 {
			t.Errorf("%g allocations", a)
		}
		s.Close()
		check(" that are closed")
	}
}

func TestSessionOptions(t *testing.T) {
	for want, o := range map[string]SessionOption{
		"tiny: Batch(0): the batch must be at least 1":  Batch(0),
		"tiny: Batch(-5): the batch must be at least 1": Batch(-5),
		"an example takes 20 bytes of memory":           Batch(math.MaxInt),
		"tiny: WithThreads(0): the number of threads":   WithThreads(0),
		"tiny: WithThreads(1000000)":                    WithThreads(1e6),
	} {
		if err := tinySession(t, o).Run(1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
}

func TestSessionThreads(t *testing.T) {
	one, four := tinySession(t, Batch(101)), tinySession(t, Batch(101), WithThreads(4))
	for _, s := range []*Session{one, four} {
		if err := s.Run(101); err != nil {
			t.Fatal(err)
		}
	}
	want := fmt.Sprintf("%x", one.output(0))
	if fmt.Sprintf("%x", four.output(0)) != want {
		t.Error("four threads give other bits")
	}
	four.Close()
	four.Close()
	clear(four.output(0))
	if err := four.Run(101); err != nil || fmt.Sprintf("%x", four.output(0)) != want {
		t.Errorf("after Close: %v", err)
	}
}

func TestSessionAllocations(t *testing.T) {
	s := tinySession(t, Batch(16), WithThreads(2))
	defer s.Close()
	if n := testing.AllocsPerRun(100, func() { s.Run(16) }); n != 0 {
		t.Errorf("Run allocates %g times", n)
	}
	m := s.model
	if n := testing.AllocsPerRun(100, func() {
		p := m.acquire()
		p.Run(1)
		m.release(p)
	}); n != 0 {
		t.Errorf("a pooled session allocates %g times", n)
	}
}

// TestModelIsShared runs one model from many goroutines.
func TestModelIsShared(t *testing.T) {
	m := tinySession(t).model
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for r := range 200 {
				s := m.acquire()
				x := float32(g*1000 + r)
				s.input(0)[0], s.input(0)[1], s.input(0)[2] = x, 0, 0
				if err := s.Run(1); err != nil {
					t.Error(err)
				}
				if want := fma32(fma32(x, m.weights[0], 0), 0.75, 0); s.output(0)[0] != want {
					t.Errorf("output is %g, want %g", s.output(0)[0], want)
				}
				m.release(s)
			}
		})
	}
	wg.Wait()
}

func TestChooseISA(t *testing.T) {
	all, avx2, neon, plain := []isaName{isaAVX512, isaAVX2, isaGo}, []isaName{isaAVX2, isaGo}, []isaName{isaNEON, isaGo}, []isaName{isaGo}
	for _, c := range []struct {
		asked string
		can   []isaName
		want  isaName
		note  bool
		ok    bool
	}{
		{"", all, isaAVX512, false, true}, {"go", all, isaGo, false, true}, {"avx2", all, isaAVX2, false, true}, {"avx512", all, isaAVX512, false, true},
		{"avx512", avx2, isaAVX2, true, true}, {"avx2", plain, isaGo, true, true}, {"avx2", []isaName{isaAVX512, isaGo}, isaGo, true, true},
		{"neon", avx2, isaAVX2, true, true}, {"neon", neon, isaNEON, false, true}, {"avx512", neon, isaNEON, true, true},
		{"sse", avx2, isaAVX2, false, false}, {"AVX2", avx2, isaAVX2, false, false},
	} {
		got, note, err := chooseISA(c.asked, c.can)
		if got != c.want || (note != "") != c.note || (err == nil) != c.ok {
			t.Errorf("DLC_ISA=%s with %v: %s, %q, %v", c.asked, c.can, got, note, err)
		}
	}
	t.Logf("this CPU: %s", bestISA())
}

func TestDispatch(t *testing.T) {
	defer func() { isa = isaGo }()
	used := ""
	var sets []kernelSet
	for _, name := range []isaName{isaAVX512, isaNEON, isaAVX2, isaGo} {
		sets = append(sets, kernelSet{name, func() { used += string(name) }})
	}
	for _, asked := range []string{"", "go", "avx2", "avx512", "neon"} {
		t.Setenv("DLC_ISA", asked)
		used = ""
		dispatch(sets)
		if used != string(isa) || !isa.runsOn(bestISA()) {
			t.Errorf("DLC_ISA=%s on %s: took %q for %s", asked, bestISA(), used, isa)
		}
	}
}

func TestRandom(t *testing.T) {
	// SplitMix64 from state 0, as its authors' code prints it.
	for i, want := range []uint64{0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f} {
		if got := randomBits(0, uint64(i)); got != want {
			t.Errorf("number %d is %#x, want %#x", i, got, want)
		}
	}
	sum, squares, n := 0.0, 0.0, 100_000
	for i := range n {
		u := randomUnit(randomKey(3, 4), uint64(i))
		if u <= -1 || u >= 1 {
			t.Fatalf("%g is out of range", u)
		}
		sum += u
		squares += u * u
	}
	if mean, variance := sum/float64(n), squares/float64(n); mean > 0.01 || mean < -0.01 || variance < 0.32 || variance > 0.345 {
		t.Errorf("mean %g, variance %g; want 0 and 1/3", mean, variance)
	}
}

func TestShuffle(t *testing.T) {
	order, other := make([]int32, 1000), make([]int32, 1000)
	counts := map[[2]int]int{}
	for epoch := range 600 {
		shuffle(order, 1, epoch)
		seen := make([]bool, len(order))
		for _, v := range order {
			if seen[v] {
				t.Fatalf("epoch %d: %d twice", epoch, v)
			}
			seen[v] = true
		}
		three := order[:3]
		shuffle(three, 1, epoch)
		counts[[2]int{int(three[0]), int(three[1])}]++
	}
	for k, n := range counts { // 100 expected of each of 6
		if len(counts) != 6 || n < 65 || n > 135 {
			t.Errorf("order %v came %d times of 600", k, n)
		}
	}
	shuffle(order, 1, 3)
	shuffle(other, 1, 3)
	if fmt.Sprint(order) != fmt.Sprint(other) {
		t.Error("the same seed and epoch give two orders")
	}
	shuffle(other, 2, 3)
	if fmt.Sprint(order) == fmt.Sprint(other) {
		t.Error("two seeds give one order")
	}
}

// TestEvenPart checks that parts are at most what there is room for: each thread's memory holds its share of the batch and no more.
func TestEvenPart(t *testing.T) {
	for n := 1; n <= 70; n++ {
		for part := 1; part <= 40; part++ {
			if each := evenPart(n, part); each < 1 || each > min(n, part) || (n+each-1)/each > (n+part-1)/part {
				t.Fatalf("%d examples, at most %d at a time: %d at a time", n, part, each)
			}
		}
	}
	if each := evenPart(32, 24); each != 16 {
		t.Errorf("32 examples, at most 24 at a time: %d at a time, want whole tiles of 8", each)
	}
}
