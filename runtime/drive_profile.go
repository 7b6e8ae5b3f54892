package runtime

import (
	"fmt"
	"slices"
	"time"
)

// peak runs chains of multiply-adds that nothing else slows down, peakFlops a count. The generated main sets it.
var peak func(out *float32, n int)

// peakFlops is what one count of peak takes.
const peakFlops = 2 * 3840

// profile collects the time of each step of a program: the shortest of all runs, which what else the machine does disturbs least.
type profile struct {
	prog    *program
	numbers stepNumbers
	now     []time.Duration // of the present run
	times   []time.Duration // the shortest
	runs    int
	fast    float64 // the highest rate of peak seen, in GFLOP/s
	// examples is how many one run takes: a session may run a batch in parts.
	examples int
	band     *bandwidth
}

func newProfile(p *program) *profile {
	return &profile{prog: p, numbers: numberSteps(p), now: make([]time.Duration, len(p.steps)), times: make([]time.Duration, len(p.steps))}
}

// clock is what an exec reports its steps to; nil where there is no profile. Only runs of so many examples count: the last part of a batch may be smaller.
func (p *profile) clock(examples int) *stopwatch {
	if p == nil {
		return nil
	}
	p.examples = examples
	p.measurePeak()
	return &stopwatch{begun: p.endRun, taken: p.take, examples: examples}
}

// take counts one step.
func (p *profile) take(step func(x *exec, lo, hi int), d time.Duration) {
	i := p.numbers.of(step)
	if i >= 0 {
		p.now[i] += d
	}
}

// endRun keeps the shortest times of the run that is over.
func (p *profile) endRun() {
	if len(p.now) == 0 || slices.Max(p.now) == 0 {
		return // there was none
	}
	for i, d := range p.now {
		if p.runs == 0 || d < p.times[i] {
			p.times[i] = d
		}
		p.now[i] = 0
	}
	p.runs++
}

// measurePeak updates the peak of one thread.
func (p *profile) measurePeak() {
	var x [16]float32
	for range 20 {
		start := time.Now()
		for range 10 {
			peak(&x[0], 20)
		}
		p.fast = max(p.fast, 200*peakFlops/float64(time.Since(start).Nanoseconds()))
	}
}

// flops is what a step takes for n examples.
func (s *stepInfo) flops(n int) float64 { return s.perExample*float64(n) + s.fixed }

// bound is the least time that a step can take for n examples on so many threads, and what bounds it: the multiply-adds at their peak, or what it reads and
// writes at the bandwidth of the level that would hold all of that.
func (p *profile) bound(s *stepInfo, n, threads int) (least time.Duration, by string) {
	fma := s.flops(n) / p.fast
	memory := p.band.nanoseconds(s.reads.of(n), s.writes.of(n))
	if fma >= memory {
		return time.Duration(fma / float64(threads)), "FMA"
	}
	return time.Duration(memory / float64(threads)), "memory"
}

// print writes a line a step, in the order of the program: time of its fastest run, share of the whole, rate, and share of what bounds it.
func (p *profile) print(d *driver, threads int) error {
	n := p.examples
	p.measurePeak()
	p.band = measureBandwidth()
	p.endRun()
	var whole time.Duration
	for _, t := range p.times {
		whole += t
	}
	for i := range p.prog.steps {
		if err := p.printStep(d, i, n, threads, float64(p.times[i])/float64(max(whole, 1))); err != nil {
			return err
		}
	}
	top := p.fast * float64(threads)
	if d.json {
		return d.printJSON(object{{"peak_gflops", top}, {"bandwidth", p.band.json()}, {"examples", n}, {"steps", len(p.prog.steps)}, {"ms", milliseconds(whole)}})
	}
	_, err := fmt.Fprintf(d.stdout, "%10.4f ms in %d steps; the peak of %d threads is %.1f GFLOP/s; one reads and writes GB/s: %s\n", milliseconds(whole), len(p.prog.steps), threads, top, p.band)
	return err
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// printStep writes the line of one step.
func (p *profile) printStep(d *driver, i, n, threads int, share float64) error {
	s := &p.prog.steps[i]
	ms, gflops, of := milliseconds(p.times[i]), 0.0, 0.0
	least, by := p.bound(s, n, threads)
	if ms > 0 {
		gflops = s.flops(n) / ms / 1e6
		of = milliseconds(least) / ms
	}
	if d.json {
		return d.printJSON(object{{"step", s.name}, {"layer", s.layer}, {"at", s.at}, {"tiling", s.tiling}, {"ms", ms}, {"share", share}, {"gflops", gflops},
			{"of_peak", gflops / (p.fast * float64(threads))}, {"flops", s.flops(n)}, {"bytes", s.reads.of(n) + s.writes.of(n)}, {"bound", by}, {"of_bound", of}})
	}
	rate := ""
	if gflops > 0 {
		rate = fmt.Sprintf("%.1f GFLOP/s", gflops)
	}
	_, err := fmt.Fprintf(d.stdout, "%10.4f ms %5.1f%% %14s %4.0f%% of %-6s  %s: %s; %s\n", ms, 100*share, rate, 100*of, by, s.name, s.at, s.tiling)
	return err
}
