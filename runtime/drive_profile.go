package runtime

import (
	"fmt"
	"reflect"
	"time"
)

// peak runs chains of multiply-adds that nothing else slows down, peakFlops a count. The generated main sets it.
var peak func(out *float32, n int)

// peakFlops is what one count of peak takes.
const peakFlops = 2 * 3840

// profile collects the time of each step of a program: the shortest of all runs, which what else the machine does disturbs least.
type profile struct {
	prog  *program
	index map[uintptr]int // of a step by the address of its function
	now   []time.Duration // of the present run
	times []time.Duration // the shortest
	runs  int
	fast  float64 // the highest rate of peak seen, in GFLOP/s
}

func newProfile(p *program) *profile {
	return &profile{prog: p, index: map[uintptr]int{}, now: make([]time.Duration, len(p.steps)), times: make([]time.Duration, len(p.steps))}
}

// clock is what an exec reports its steps to; nil where there is no profile.
func (p *profile) clock() *stopwatch {
	if p == nil {
		return nil
	}
	p.measurePeak()
	return &stopwatch{taken: p.take}
}

// take counts one step.
func (p *profile) take(step func(x *exec, lo, hi int), d time.Duration) {
	pc := reflect.ValueOf(step).Pointer()
	i, ok := p.index[pc]
	if !ok {
		i = stepIndex(p.prog, step)
		p.index[pc] = i
	}
	if i < 0 {
		return
	}
	if i == 0 && p.now[0] > 0 {
		p.endRun()
	}
	p.now[i] += d
}

// endRun keeps the shortest times of the run that is over.
func (p *profile) endRun() {
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

// print writes a line a step, in the order of the program: time of its fastest run, share of the whole, rate and share of the peak.
func (p *profile) print(d *driver, n, threads int) error {
	if p.prog.part > 0 {
		n = min(n, p.prog.part*threads) // a session runs so many at a time
	}
	p.measurePeak()
	p.endRun()
	var whole time.Duration
	for _, t := range p.times {
		whole += t
	}
	top := p.fast * float64(threads)
	for i, s := range p.prog.steps {
		ms := float64(p.times[i].Nanoseconds()) / 1e6
		gflops := 0.0
		if ms > 0 {
			gflops = s.flops(n) / ms / 1e6
		}
		share := float64(p.times[i]) / float64(max(whole, 1))
		if d.json {
			err := d.printJSON(object{{"step", s.name}, {"at", s.at}, {"tiling", s.tiling}, {"ms", ms}, {"share", share}, {"gflops", gflops}, {"of_peak", gflops / top}})
			if err != nil {
				return err
			}
			continue
		}
		rate := ""
		if gflops > 0 {
			rate = fmt.Sprintf("%.1f GFLOP/s %3.0f%%", gflops, 100*gflops/top)
		}
		if _, err := fmt.Fprintf(d.stdout, "%10.4f ms %5.1f%% %17s  %s: %s; %s\n", ms, 100*share, rate, s.name, s.at, s.tiling); err != nil {
			return err
		}
	}
	if d.json {
		return d.printJSON(object{{"peak_gflops", top}, {"steps", len(p.prog.steps)}, {"ms", float64(whole.Nanoseconds()) / 1e6}})
	}
	_, err := fmt.Fprintf(d.stdout, "%10.4f ms in %d steps; the peak of %d threads is %.1f GFLOP/s\n", float64(whole.Nanoseconds())/1e6, len(p.prog.steps), threads, top)
	return err
}
