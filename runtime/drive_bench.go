package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	stdruntime "runtime"
	"runtime/pprof"
	"slices"
	"time"
)

// benchTime is how long calls are timed, after a warm-up of a tenth of it.
const benchTime = time.Second

// benchLimit bounds the number of calls whose times are kept.
const benchLimit = 1 << 20

// bench times one call, or one training step, and prints what it takes.
func (d *driver) bench(args []string) error {
	mode := d.flags.String("mode", "infer", "what to time: infer or train")
	batch := d.flags.Int("batch", 0, "examples in one call (default: 1, or the train block's)")
	threads := d.flags.Int("threads", 1, "how many threads to use")
	profiled := d.flags.Bool("profile", false, "print the time of every step")
	cpu := d.flags.String("cpuprofile", "", "write a CPU profile to this `file`, in which every sample bears the name of its layer")
	collect := d.flags.Bool("gc", false, "collect garbage all the while, and say how long the collector waited for kernels")
	if err := d.parse(args, false); err != nil {
		return err
	}
	if err := d.checkChoice("mode", *mode, "infer", "train"); err != nil {
		return err
	}
	if *threads < 1 || *threads > maxThreads {
		return d.usage("--threads is 1 to %d, not %d", maxThreads, *threads)
	}
	n := *batch
	if n == 0 && !d.given("batch") {
		if n = 1; *mode == "train" {
			n = d.m.recipe.batch
		}
	}
	t := &timing{prog: d.m.infer}
	if *mode == "train" {
		t.prog = d.m.train
	}
	if *profiled && t.prog != nil {
		t.profile = newProfile(t.prog)
	}
	var stops *gcStops
	if *collect && t.prog != nil {
		stops, t.calls = collectGarbage(), newCallTimes(t.prog)
	}
	err := profiling(*cpu, func() error {
		if *mode == "train" {
			return d.benchTrain(t, n, *threads)
		}
		return d.benchInfer(t, n, *threads)
	})
	if err != nil {
		return err
	}
	if *collect {
		return d.showStops(stops.end(), t.calls, *mode, n, *threads)
	}
	seconds := t.median().Seconds()
	gflops := 0.0
	for _, s := range t.prog.steps {
		gflops += s.flops(n) / seconds / 1e9
	}
	if t.profile != nil {
		if err := t.profile.print(d, *threads); err != nil {
			return err
		}
	}
	if d.json {
		return d.printJSON(object{{"model", d.m.name}, {"mode", *mode}, {"batch", n}, {"threads", *threads}, {"isa", string(isa)},
			{"ms", seconds * 1e3}, {"fastest_ms", milliseconds(t.fastest())}, {"per_s", float64(n) / seconds}, {"allocs", t.allocs}, {"gflops", gflops}})
	}
	_, err = fmt.Fprintf(d.stdout, "%s %s, batch %d, %d threads, %s: %.4f ms (median of %d), %s examples/s, %d allocations, %.1f GFLOP/s\n",
		d.m.name, *mode, n, *threads, isa, seconds*1e3, len(t.times), count(float64(n)/seconds), t.allocs, gflops)
	return err
}

// profiling runs f, and writes a CPU profile of it to a file where one is named.
func profiling(file string, f func() error) error {
	if file == "" {
		return f()
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return errors.Join(err, out.Close())
	}
	LabelLayers(true)
	err = f()
	LabelLayers(false)
	pprof.StopCPUProfile()
	return errors.Join(err, out.Close())
}

// timing is the times of calls of a program and what each allocated.
type timing struct {
	prog    *program
	profile *profile   // where each step is timed, too
	calls   *callTimes // where each call of a kernel is
	times   []time.Duration
	allocs  uint64 // of one call, on average, rounded down as package testing does: the runtime allocates now and then too
}

// median returns the middle time.
func (t *timing) median() time.Duration {
	slices.Sort(t.times)
	n := len(t.times)
	if n == 0 {
		return 0
	}
	return (t.times[(n-1)/2] + t.times[n/2]) / 2
}

// fastest returns the shortest time, which what else the machine does disturbs least.
func (t *timing) fastest() time.Duration {
	if len(t.times) == 0 {
		return 0
	}
	return slices.Min(t.times)
}

// ticker counts calls that happen one after the other: the time between two ticks is one call. After the warm-up it keeps the times until
// benchTime is over.
type ticker struct {
	start, last time.Time
	warm        bool
	before      stdruntime.MemStats
	times       []time.Duration
}

func newTicker() *ticker { return &ticker{times: make([]time.Duration, 0, benchLimit)} }

// tick ends a call and reports whether there were enough. At least three are timed.
func (k *ticker) tick() (enough bool) {
	now := time.Now()
	switch {
	case k.start.IsZero():
		k.start, k.last = now, now
		return false
	case !k.warm:
		if now.Sub(k.start) < benchTime/10 {
			return false
		}
		k.warm = true
		stdruntime.ReadMemStats(&k.before)
		k.start = time.Now()
		k.last = k.start
		return false
	}
	k.times = append(k.times, now.Sub(k.last))
	if len(k.times) == cap(k.times) || now.Sub(k.start) >= benchTime && len(k.times) >= 3 {
		return true
	}
	k.last = time.Now()
	return false
}

// result fills in the times and the allocations of a call.
func (k *ticker) result(t *timing) {
	var after stdruntime.MemStats
	stdruntime.ReadMemStats(&after)
	t.times, t.allocs = k.times, (after.Mallocs-k.before.Mallocs)/uint64(len(k.times))
}

// benchInfer times calls of a session whose inputs are noise.
func (d *driver) benchInfer(t *timing, batch, threads int) error {
	m, err := untrainedModel(d.m, 1)
	if err != nil {
		return err
	}
	s := m.NewSession(Batch(batch), WithThreads(threads))
	defer s.Close()
	if s.err != nil {
		return s.err
	}
	for i, p := range d.m.inputs {
		if p.infer >= 0 {
			noise(p, s.input(i), i)
		}
	}
	s.x.watch = t.profile.clock(evenPart(batch, s.part))
	if t.calls != nil {
		s.x.wrap = t.calls
	}
	k := newTicker()
	for {
		if err := s.Run(batch); err != nil {
			return err
		}
		if k.tick() {
			break
		}
	}
	k.result(t)
	return nil
}

// benchTrain times the steps of a training on noise.
func (d *driver) benchTrain(t *timing, batch, threads int) error {
	if err := d.needsTraining(); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	k := newTicker()
	if batch < 1 {
		return fmt.Errorf("--batch is %d and must be at least 1", batch)
	}
	o := Train{Epochs: 1 << 20, Batch: batch, Threads: threads, clock: t.profile.clock(batch), Progress: func(e Event) {
		if ctx.Err() == nil && !e.EpochDone && k.tick() {
			k.result(t)
			stop()
		}
	}}
	if t.calls != nil {
		o.wrap = t.calls
	}
	trainer, err := newTrainer(d.m, o)
	if err != nil {
		return err
	}
	_, err = trainer.fit(ctx, newNoiseSet(d.m, batch))
	if err != nil && (!errors.Is(err, context.Canceled) || t.times == nil) {
		return err
	}
	if t.times == nil {
		return errors.New("the steps are too short to be timed")
	}
	return nil
}

// noise fills a port with numbers from -1 to 1, or with labels.
func noise(p portInfo, into []float32, key int) {
	ints := asInts(into)
	for e := range into {
		if p.bound > 0 {
			ints[e] = int32(p.bound)
		} else if wholeElem(p.elem) {
			ints[e] = int32(randomBelow(uint64(key), uint64(e), max(p.classes, 1)))
		} else {
			into[e] = float32(randomUnit(uint64(key), uint64(e)))
		}
	}
}

// noiseSet is a data set to time training with: one batch of noise, over and over.
type noiseSet struct {
	m       *modelInfo
	batch   int
	inputs  [][]float32
	targets [][]float32
}

func newNoiseSet(m *modelInfo, batch int) *noiseSet {
	n := &noiseSet{m: m, batch: batch}
	fill := func(ports []portInfo) (list [][]float32) {
		for k, p := range ports {
			values := make([]float32, batch*p.elems())
			noise(p, values, k)
			list = append(list, values)
		}
		return list
	}
	n.inputs, n.targets = fill(m.inputs), fill(m.targets)
	return n
}

// Len is a whole number of batches, about a million examples.
func (n *noiseSet) Len() int { return n.batch * max(1, 1<<20/n.batch) }

func (n *noiseSet) load(_, at int, b *batchView) error {
	for k, values := range n.inputs {
		to := b.input(k, at)
		copy(to, values[at*len(to):])
	}
	for k, values := range n.targets {
		to := b.target(k, at)
		copy(to, values[at*len(to):])
	}
	return nil
}
