package kernel

import (
	"math"
	"slices"

	"github.com/dlc-ml/dlc/avo/vec"
)

// Measured is one kernel that was timed: what it took for the whole nest, in cycles in which the multiply-adds reach their peak.
type Measured struct {
	Kernel *Builder
	Batch  int
	Cycles float64
	sched  *schedule
}

// NewMeasured says what a kernel took on a target.
func NewMeasured(b *Builder, t vec.Target, batch int, cycles float64) (*Measured, error) {
	if n := b.Nest.Lanes; n > 1 && n < t.Lanes {
		t.Lanes = n // as Build has it
	}
	s, err := b.schedule(t)
	if err != nil {
		return nil, err
	}
	return &Measured{Kernel: b, Batch: batch, Cycles: cycles, sched: s}, nil
}

// Form is the form of the nest, and Tiling how the target goes over it.
func (m *Measured) Form() string   { return m.Kernel.Nest.Form.String() }
func (m *Measured) Tiling() string { return m.sched.String() }

// Predicted is what the model expects with these constants, for the schedule that today's table gives.
func (m *Measured) Predicted(c *Costs) float64 {
	s := *m.sched
	s.costs = c
	s.cost(m.Kernel.grid, math.Inf(1))
	perExample, fixed := m.Kernel.work(s.cyclesPerRow)
	return perExample*float64(m.Batch) + fixed
}

// Retiled is the tiling that other constants would give, of the same grid.
func (m *Measured) Retiled(c *Costs) (string, error) {
	b := *m.Kernel
	b.costs = c
	s, err := b.schedule(m.sched.target)
	if err != nil {
		return "", err
	}
	return s.String(), nil
}

// Table returns the constants of a target as the table has them.
func Table(t vec.Target) *Costs {
	c := *costs(t.Name)
	return &c
}

// Misfit is how far predictions are from measurements: |log2| of their ratio, of half of the kernels at most and of nine tenths at most. 1 is a factor of two.
func Misfit(list []*Measured, c *Costs) (median, p90 float64) {
	if len(list) == 0 {
		return 0, 0
	}
	var off []float64
	for _, m := range list {
		off = append(off, math.Abs(math.Log2(m.Predicted(c)/m.Cycles)))
	}
	slices.Sort(off)
	return off[(len(off)-1)/2], off[(len(off)-1)*9/10]
}

// loss is what a fit makes small: the mean misfit, in which a factor of more than four counts no more than one of four, and a little for every constant that
// moves from where it started, so that those which no kernel speaks of stay.
func loss(list []*Measured, c, start *Costs) float64 {
	sum := 0.0
	for _, m := range list {
		sum += math.Min(2, math.Abs(math.Log2(m.Predicted(c)/m.Cycles)))
	}
	moved := 0.0
	for i := range c {
		if c[i] != start[i] {
			moved += 0.002 * math.Abs(math.Log2((c[i]+0.01)/(start[i]+0.01)))
		}
	}
	return sum/float64(max(len(list), 1)) + moved
}

// Fit moves the constants that may move, one after the other, as long as predictions come nearer to the measurements, by at most a factor of eight either way.
// The same measurements give the same constants.
func Fit(list []*Measured, start *Costs) *Costs {
	c := *start
	best := loss(list, &c, start)
	for _, step := range []float64{1.5, 1.2, 1.08, 1.03} {
		for range 40 {
			before := best
			for i, row := range constantRows {
				if row.fitted {
					best = move(list, &c, start, i, step, best)
				}
			}
			if before-best < 1e-4 {
				break
			}
		}
	}
	for i := range c {
		c[i] = asWritten(c[i])
	}
	return &c
}

// move tries one constant a step up and down, and goes on in the direction that is better.
func move(list []*Measured, c, start *Costs, i int, step, best float64) float64 {
	for _, factor := range []float64{step, 1 / step} {
		for {
			old := c[i]
			next := old * factor
			if old == 0 {
				next = 0.1 * (step - 1)
			}
			if low, high := start[i]/8, math.Max(start[i]*8, 1); next < low || next > high {
				break
			}
			c[i] = next
			now := loss(list, c, start)
			if now >= best {
				c[i] = old
				break
			}
			best = now
		}
	}
	return best
}

// FMARate is how many multiply-adds the table takes to start in a cycle of a target.
func FMARate(t vec.Target) float64 { return costs(t.Name)[fmaRate] }
