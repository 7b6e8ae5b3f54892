package runtime

import (
	"fmt"
	"math"
	stdruntime "runtime"
	"runtime/metrics"
	"sync"
	"time"
)

// stoppingMetric is how long the garbage collector took, each time that it stopped all goroutines, until they stood. Code in assembly cannot be
// interrupted, so a kernel holds it up until its call ends.
const stoppingMetric = "/sched/pauses/stopping/gc:seconds"

// gcStops measures stops of the garbage collector while something else runs.
type gcStops struct {
	before []uint64
	stop   chan struct{}
	done   sync.WaitGroup
}

// stoppingTimes reads the distribution of all stops since the process started.
func stoppingTimes() *metrics.Float64Histogram {
	sample := []metrics.Sample{{Name: stoppingMetric}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindFloat64Histogram {
		return &metrics.Float64Histogram{}
	}
	return sample[0].Value.Float64Histogram()
}

// collectGarbage runs one collection after the other until end.
func collectGarbage() *gcStops {
	g := &gcStops{before: append([]uint64(nil), stoppingTimes().Counts...), stop: make(chan struct{})}
	g.done.Go(func() {
		for {
			select {
			case <-g.stop:
				return
			default:
				stdruntime.GC()
			}
		}
	})
	return g
}

// stopSummary says how long stops took. Times are the upper ends of the distribution's steps, which are about a tenth apart.
type stopSummary struct {
	stops             uint64
	median, p99, most float64 // seconds
}

// end ends the collections and sums up.
func (g *gcStops) end() stopSummary {
	close(g.stop)
	g.done.Wait()
	h := stoppingTimes()
	var s stopSummary
	counts := make([]uint64, len(h.Counts))
	for i, n := range h.Counts {
		if i < len(g.before) {
			n -= g.before[i]
		}
		counts[i] = n
		s.stops += n
	}
	seen := uint64(0)
	for i, n := range counts {
		if n == 0 {
			continue
		}
		upper := h.Buckets[i+1]
		if math.IsInf(upper, 1) {
			upper = h.Buckets[i]
		}
		if 2*seen < s.stops {
			s.median = upper
		}
		if 100*seen < 99*s.stops {
			s.p99 = upper
		}
		s.most = upper
		seen += n
	}
	return s
}

// longestCall is how long a kernel may hold up the collector.
const longestCall = time.Millisecond

// showStops prints what the collector waited, and which kernels took longer than they may. What else the machine does adds to the waits, but not to the kernels.
func (d *driver) showStops(s stopSummary, c *callTimes, mode string, batch, threads int) error {
	const ms = 1e3
	longest, over := c.most(longestCall)
	if longest.step == nil {
		longest.step = &stepInfo{}
	}
	if d.json {
		return d.printJSON(object{{"model", d.m.name}, {"mode", mode}, {"batch", batch}, {"threads", threads}, {"isa", string(isa)},
			{"stops", s.stops}, {"stop_ms", s.median * ms}, {"stop_p99_ms", s.p99 * ms}, {"stop_max_ms", s.most * ms},
			{"call_max_ms", milliseconds(longest.took)}, {"call_max_step", longest.step.name}, {"calls_over_1_ms", callNames(over)}})
	}
	_, err := fmt.Fprintf(d.stdout, "%s %s, batch %d, %d threads, %s: the garbage collector stopped the program %d times and waited %.3f ms (median), %.3f ms (99 of 100), %.3f ms (longest); the longest call of a kernel took %.3f ms: %s\n",
		d.m.name, mode, batch, threads, isa, s.stops, s.median*ms, s.p99*ms, s.most*ms, milliseconds(longest.took), longest.step.name)
	for _, name := range callNames(over) {
		if err == nil {
			_, err = fmt.Fprintf(d.stdout, "  longer than %v: %s\n", longestCall, name)
		}
	}
	return err
}

// callNames describes calls.
func callNames(list []longCall) []string {
	names := []string{}
	for _, c := range list {
		names = append(names, fmt.Sprintf("%s (%s), %.3f ms", c.step.name, c.step.at, milliseconds(c.took)))
	}
	return names
}
