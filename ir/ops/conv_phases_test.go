package ops

import (
	"testing"

	"pgregory.net/rapid"
)

// TestPhases draws windows and looks at each element of the input: one phase makes it, and the taps of that phase are those that reach it.
func TestPhases(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		axes := rapid.IntRange(1, 3).Draw(t, "axes")
		w := window{}
		for range axes {
			w.kernel = append(w.kernel, rapid.IntRange(1, 9).Draw(t, "kernel"))
			w.stride = append(w.stride, rapid.IntRange(1, 9).Draw(t, "stride"))
			w.dilation = append(w.dilation, rapid.IntRange(1, 5).Draw(t, "dilation"))
			w.before = append(w.before, rapid.IntRange(0, 9).Draw(t, "before"))
		}
		for i := range axes {
			w.in = append(w.in, max(1, w.reach(i)-w.before[i])+rapid.IntRange(0, 20).Draw(t, "more"))
			w.out = append(w.out, (w.in[i]+w.before[i]-w.reach(i))/w.stride[i]+1)
		}
		total := 1
		for i, list := range w.phases() {
			total *= len(list)
			made := make([]int, w.in[i])
			seen := frame(list)
			for _, p := range list {
				for j := range p.wide {
					for q := range p.places {
						e := p.at + j + p.stride*q
						made[e]++
						taps := 0
						for u := range w.kernel[i] {
							if (e+w.before[i]-u*w.dilation[i])%p.stride == 0 {
								taps++
							}
						}
						if taps != p.taps {
							t.Fatalf("element %d of side %d: %d taps, want %d: %+v", e, i, p.taps, taps, p)
						}
						for k := range p.taps {
							u, o := p.tap+j*p.tapMove+k*p.tapStep, q+p.see+j*p.seeMove-k*p.apart
							if e+w.before[i] != o*p.stride+u*w.dilation[i] || u >= w.kernel[i] {
								t.Fatalf("element %d of side %d takes tap %d of output %d: %+v", e, i, u, o, p)
							}
							if at := o + seen.offset; at < 0 || at >= seen.size {
								t.Fatalf("element %d of side %d sees %d of %d: %+v", e, i, at, seen.size, p)
							}
						}
					}
				}
			}
			for e, n := range made {
				if n != 1 {
					t.Fatalf("element %d of side %d is made %d times: %+v", e, i, n, list)
				}
			}
		}
		if total > mostPhases {
			t.Fatalf("%d phases", total)
		}
	})
}
