package runtime

import (
	"fmt"
	"math"
)

// schedule is the learning rate over time. Its steps, one for each call of the recipe, multiply the base rate in order:
//
//	constant()                            leaves it
//	step(every, factor, by="epoch")       times factor after each every epochs, or steps with by="step"
//	cosine(min=0)                         half a cosine from the rate down to min, over all the training's steps
//	warmup(steps)                         from near 0 up to the rate, in a straight line over the first steps
//	reduce_on_plateau(monitor="val_loss", factor=0.1, patience=10, min_lr=0, min_delta=1e-4)
//	                                      times factor when the monitored value has not got better for patience epochs;
//	                                      mode="min" says that less is better, "max" that more is; without it the loss
//	                                      should fall and a metric rise
//
// All arithmetic is of a fixed order, so the rate has the same bits everywhere.
type schedule struct {
	calls []call
	state []plateau // of each call; used by reduce_on_plateau
}

// plateau is what reduce_on_plateau remembers.
type plateau struct {
	seen   bool
	best   float64
	bad    int     // epochs since best
	factor float64 // so far
}

// moment is a point in training.
type moment struct {
	step  int // steps done before this one
	steps int // of the whole training
	epoch int // epochs done
}

// newSchedule checks the calls of a recipe; results are the names that a value can be monitored by.
func newSchedule(calls []call, results []string) (*schedule, error) {
	s := &schedule{calls: calls, state: make([]plateau, len(calls))}
	for i, c := range calls {
		s.state[i].factor = 1
		if err := checkScheduleCall(c, results); err != nil {
			return nil, fmt.Errorf("schedule %s: %w", c.name, err)
		}
	}
	return s, nil
}

func checkScheduleCall(c call, results []string) error {
	in := func(name string, otherwise, low, high float64) error {
		if v := argNumber(c, name, otherwise); !(v >= low && v <= high) {
			return fmt.Errorf("%s is %v and must be %v to %v", name, v, low, high)
		}
		return nil
	}
	switch c.name {
	case "constant":
		return nil
	case "step":
		if by := argWord(c, "by", "epoch"); by != "epoch" && by != "step" {
			return fmt.Errorf("by is %q and must be epoch or step", by)
		}
		if v := argNumber(c, "every", 0); v != math.Trunc(v) {
			return fmt.Errorf("every is %v and must be a whole number", v)
		}
		return firstError(in("every", 0, 1, 1<<30), in("factor", 0.1, 0, math.MaxFloat64))
	case "cosine":
		return in("min", 0, 0, math.MaxFloat64)
	case "warmup":
		return in("steps", 0, 1, 1<<53)
	case "reduce_on_plateau":
		monitor := argWord(c, "monitor", "val_loss")
		if _, ok := monitored(monitor, results); !ok {
			return fmt.Errorf("monitor is %q and must be one of %v, or one of them with val_ before it", monitor, results)
		}
		if mode := argWord(c, "mode", "min"); mode != "min" && mode != "max" {
			return fmt.Errorf("mode is %q and must be min or max", mode)
		}
		return firstError(in("factor", 0.1, 0, 1), in("patience", 10, 0, 1<<53), in("min_lr", 0, 0, math.MaxFloat64), in("min_delta", 1e-4, 0, math.MaxFloat64))
	}
	return fmt.Errorf("no schedule is called that; there are constant, step, cosine, warmup and reduce_on_plateau")
}

// firstError returns the first that is not nil.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// rate returns the learning rate of a step. It allocates nothing.
func (s *schedule) rate(base float64, at moment) float64 {
	lr := base
	for i := range s.calls {
		c := &s.calls[i]
		switch c.name {
		case "step":
			done := at.epoch
			if argWord(*c, "by", "epoch") == "step" {
				done = at.step
			}
			lr *= power(argNumber(*c, "factor", 0.1), done/int(argNumber(*c, "every", 1)))
		case "cosine":
			low := math.Min(argNumber(*c, "min", 0), lr)
			part := float64(min(at.step, at.steps)) / float64(max(at.steps, 1))
			lr = low + float64((lr-low)*float64(0.5*(1+cosPi(part))))
		case "warmup":
			if n := argNumber(*c, "steps", 1); float64(at.step) < n {
				lr = float64(lr*float64(at.step+1)) / n
			}
		case "reduce_on_plateau":
			lr = math.Max(lr*s.state[i].factor, math.Min(lr, argNumber(*c, "min_lr", 0)))
		}
	}
	return lr
}

// epochDone tells the schedule what an epoch gave. An error says that the value to be monitored is missing.
func (s *schedule) epochDone(r *EpochResult, results []string) error {
	for i, c := range s.calls {
		if c.name != "reduce_on_plateau" {
			continue
		}
		v, isLoss, err := watched(c, r, results)
		if err != nil {
			return err
		}
		mode := "max"
		if isLoss {
			mode = "min"
		}
		s.state[i].observe(c, v, argWord(c, "mode", mode) == "min")
	}
	return nil
}

// check is epochDone's error without its effect.
func (s *schedule) check(r *EpochResult, results []string) error {
	for _, c := range s.calls {
		if c.name == "reduce_on_plateau" {
			if _, _, err := watched(c, r, results); err != nil {
				return err
			}
		}
	}
	return nil
}

// watched returns the value that reduce_on_plateau monitors, and whether it is a loss.
func watched(c call, r *EpochResult, results []string) (value float64, isLoss bool, err error) {
	monitor := argWord(c, "monitor", "val_loss")
	name, _ := monitored(monitor, results)
	from := r.Metrics
	if monitor != name {
		from = r.ValMetrics
	}
	v, ok := from.Get(name)
	if !ok {
		return 0, false, fmt.Errorf("schedule reduce_on_plateau monitors %s, but there is no validation set", monitor)
	}
	return v, name == results[0], nil
}

// observe counts one value; fall says that less is better.
func (p *plateau) observe(c call, v float64, fall bool) {
	delta := argNumber(c, "min_delta", 1e-4)
	better := v > p.best+delta
	if fall {
		better = v < p.best-delta
	}
	if better || !p.seen {
		p.seen, p.best, p.bad = true, v, 0
		return
	}
	if p.bad++; float64(p.bad) >= math.Max(argNumber(c, "patience", 10), 1) {
		p.factor *= argNumber(c, "factor", 0.1)
		p.bad = 0
	}
}

// monitored returns the result that a name such as val_loss means.
func monitored(name string, results []string) (result string, ok bool) {
	for _, r := range results {
		if name == r || name == "val_"+r {
			return r, true
		}
	}
	return "", false
}

// argNumber returns a number among a call's arguments, or otherwise.
func argNumber(c call, name string, otherwise float64) float64 {
	if v, ok := c.args[name].(float64); ok {
		return v
	}
	return otherwise
}

// argWord returns a word among a call's arguments, or otherwise.
func argWord(c call, name, otherwise string) string {
	if v, ok := c.args[name].(string); ok {
		return v
	}
	return otherwise
}
