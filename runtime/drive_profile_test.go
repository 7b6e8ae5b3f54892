package runtime

import (
	stdruntime "runtime"
	"slices"
	"testing"
	"time"
)

func spinStep(_ *exec, lo, hi int) {
	sum := float32(0)
	for i := range 1000 * (hi - lo) {
		sum += float32(i)
	}
	stdruntime.KeepAlive(sum)
}

func idleStep(*exec, int, int) {}

// twoSteps is a program of which one step computes.
func twoSteps() *program {
	return &program{name: "infer", table: -1, steps: []stepInfo{{name: "idleStep", layer: "idle"}, {name: "spinStep", layer: "spin", at: "m.dl:1:1 spin"}}, run: func(x *exec) {
		x.each(x.n, 1, 1, idleStep)
		x.each(x.n, 1, 1, spinStep)
	}}
}

// TestProfileParts runs a batch in parts: the last, smaller one must not pass for the fastest.
func TestProfileParts(t *testing.T) {
	x := newExec(twoSteps(), 4, nil, nil)
	taken := 0
	begun := 0
	x.watch = &stopwatch{examples: 4, begun: func() { begun++ }, taken: func(func(x *exec, lo, hi int), time.Duration) { taken++ }}
	for _, n := range []int{4, 4, 1} {
		x.n = n
		x.run()
	}
	if taken != 4 || begun != 2 {
		t.Errorf("%d steps of %d parts were timed, want the 4 of two whole ones", taken, begun)
	}
}

// TestCallTimes measures calls on one thread and on several.
func TestCallTimes(t *testing.T) {
	for _, threads := range []int{1, 3} {
		p := newPool(threads)
		x := newExec(twoSteps(), 8, nil, p)
		c := newCallTimes(x.prog)
		x.wrap, x.n = c, 8
		for range 3 {
			x.run()
		}
		longest, over := c.most(0)
		if longest.step == nil || longest.step.name != "spinStep" || longest.took <= 0 {
			t.Errorf("%d threads: the longest call is %+v", threads, longest)
		}
		if names := callNames(over); !slices.ContainsFunc(names, func(n string) bool { return len(n) > 24 && n[:24] == "spinStep (m.dl:1:1 spin)" }) {
			t.Errorf("%d threads: calls longer than nothing are %q", threads, names)
		}
		p.close()
	}
}
