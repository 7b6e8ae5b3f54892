package runtime

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// schedule is the learning rate over time: the calls of the recipe one after the other, each but the last for as many steps or epochs as
// it says. In each, the clock t starts at 0 and the rate is that of the whole training, lr. T is how long it lasts.
//
//	constant()                                lr
//	step(every, factor)                       lr · factor^⌊t/every⌋
//	multi_step(milestones, factor)            lr · factor^(milestones that t has reached)
//	exponential(factor)                       lr · factor^t
//	polynomial(power, min)                    min + (lr-min) · (1 - t/T)^power
//	inverse_time(rate, every)                 lr / (1 + rate·t/every)
//	cosine(min)                               min + (lr-min) · (1 + cos(πt/T))/2   (Loshchilov and Hutter, SGDR, 2017)
//	cosine_restarts(period, multiplier, min)  likewise over one period after the other, each multiplier times as long (ibid.)
//	warmup(steps, start)                      lr · (start + (1-start)·(t+1)/T): a straight line up to lr
//	cyclic(max, up, down, mode, factor)       lr to max in up steps and back in down (0: up); the height of the c-th cycle is halved
//	                                          c times in mode triangular2, and times factor^t in exp_range (Smith, Cyclical Learning Rates, 2017)
//	one_cycle(rise, div, final_div, anneal)   from lr/div up to lr in the share rise of T, then down to lr/(div·final_div); with three_phase
//	                                          first down to lr/div in as many steps (Smith and Topin, Super-Convergence, 2018)
//	                                          Both move the momentum the other way, from max_momentum to base_momentum and back, unless
//	                                          cycle_momentum=false
//	reduce_on_plateau(monitor, factor, …)     times factor when the monitored value has not got better by threshold for more than patience
//	                                          epochs, down to min_lr; then it waits for cooldown epochs
//
// A schedule with by="epoch" counts whole epochs, but for cosine_restarts and cosine, whose t has a fraction. The values are those of
// PyTorch's schedulers. All arithmetic is of a fixed order, so the rate has the same bits everywhere.
type schedule struct {
	phases []phase
	state  []plateau // of each phase; used by reduce_on_plateau
}

// phase is one call and how long it lasts.
type phase struct {
	call
	kind          scheduleKind
	steps, epochs int // 0 of both is to the end
	milestones    []float64
}

// moment is a point in training. A step is one update of the weights.
type moment struct {
	step     int // done before this one
	steps    int // of the whole training
	perEpoch int
}

// phaseClock is a point in a phase.
type phaseClock struct {
	step, steps int // of the phase
	perEpoch    int
}

// newSchedule checks the calls of a recipe; m has the results that a value can be monitored by.
func newSchedule(calls []call, m *modelInfo) (*schedule, error) {
	s := &schedule{state: make([]plateau, len(calls))}
	for i, c := range calls {
		s.state[i].factor = 1
		k, ok := scheduleKinds[c.name]
		if !ok {
			return nil, fmt.Errorf("schedule %s: no schedule is called that; there are %s", c.name, strings.Join(slices.Sorted(maps.Keys(scheduleKinds)), ", "))
		}
		p := phase{call: c, kind: k, steps: int(argNumber(c, "steps", 0)), epochs: int(argNumber(c, "epochs", 0))}
		p.milestones, _ = c.args["milestones"].([]float64)
		err := checks(wholeArg("steps", 0, 0, 1<<53), wholeArg("epochs", 0, 0, 1<<30))(c)
		switch {
		case err != nil:
		case p.steps > 0 && p.epochs > 0:
			err = fmt.Errorf("it lasts %d steps or %d epochs, not both", p.steps, p.epochs)
		case p.steps+p.epochs == 0 && i < len(calls)-1:
			err = fmt.Errorf("steps or epochs must say how long it lasts, since %s follows", calls[i+1].name)
		case k.check != nil:
			err = k.check(c)
		}
		if err == nil && c.name == "reduce_on_plateau" {
			err = monitorArg(c, m)
		}
		if err != nil {
			return nil, fmt.Errorf("schedule %s: %w", c.name, err)
		}
		s.phases = append(s.phases, p)
	}
	return s, nil
}

// phase returns which phase a step lies in and where in it.
func (s *schedule) phase(at moment) (int, phaseClock) {
	begin := 0
	for i := range s.phases {
		p := &s.phases[i]
		long := p.steps + p.epochs*at.perEpoch
		if long == 0 {
			long = max(at.steps-begin, 1)
		}
		if at.step-begin < long || i == len(s.phases)-1 {
			return i, phaseClock{at.step - begin, long, at.perEpoch}
		}
		begin += long
	}
	return -1, phaseClock{}
}

// rate returns the learning rate of a step. It allocates nothing.
func (s *schedule) rate(base float64, at moment) float64 {
	i, t := s.phase(at)
	if i < 0 {
		return base
	}
	p := &s.phases[i]
	if p.kind.rate == nil { // reduce_on_plateau
		return math.Max(base*s.state[i].factor, math.Min(base, argNumber(p.call, "min_lr", 0)))
	}
	return p.kind.rate(p, base, t)
}

// momentum returns the momentum of a step, which is that of the optimizer but where a schedule cycles it. It allocates nothing.
func (s *schedule) momentum(base float64, at moment) float64 {
	i, t := s.phase(at)
	if i < 0 || s.phases[i].kind.momentum == nil {
		return base
	}
	p := &s.phases[i]
	if cycles, ok := p.args["cycle_momentum"].(bool); ok && !cycles {
		return base
	}
	return p.kind.momentum(p, t)
}

// momentumOf is what an optimizer's call says of momentum, by the name that it has there; 0 without one.
func momentumOf(optimizer call) float64 {
	return argNumber(optimizer, "momentum", argNumber(optimizer, "beta1", 0))
}

// whole is the clock of a schedule: whole epochs, or steps with by="step".
func (t phaseClock) whole(p *phase) int {
	if argWord(p.call, "by", "step") == "epoch" {
		return t.step / max(t.perEpoch, 1)
	}
	return t.step
}

// part is the share of the phase that is over, 0 to 1. By epochs, it moves after each.
func (t phaseClock) part(p *phase) float64 {
	per := 1
	if argWord(p.call, "by", "step") == "epoch" {
		per = max(t.perEpoch, 1)
	}
	total := max((t.steps+per-1)/per, 1)
	return float64(min(t.step/per, total)) / float64(total)
}

// epochDone tells the schedule what an epoch gave, whose last step was at. An error says that the value to be monitored is missing.
func (s *schedule) epochDone(r *EpochResult, m *modelInfo, at moment) error {
	i, _ := s.phase(at)
	if i < 0 || s.phases[i].name != "reduce_on_plateau" {
		return nil
	}
	w, err := watch(s.phases[i].call, r, m)
	if err == nil {
		s.state[i].observe(s.phases[i].call, w)
	}
	return err
}

// check is the error of epochDone in any phase, without its effect.
func (s *schedule) check(r *EpochResult, m *modelInfo) error {
	for i := range s.phases {
		if s.phases[i].name == "reduce_on_plateau" {
			if _, err := watch(s.phases[i].call, r, m); err != nil {
				return fmt.Errorf("schedule reduce_on_plateau %w", err)
			}
		}
	}
	return nil
}
