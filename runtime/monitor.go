package runtime

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// watched is a value that a schedule or a callback monitors.
type watched struct {
	value float64
	falls bool // less is better
}

// watch returns what a call monitors of an epoch: a result by its name, or of the validation set with val_ before it. Whether less is
// better follows from the result, unless mode says min or max. The error is that there was no validation.
func watch(c call, r *EpochResult, m *modelInfo) (watched, error) {
	monitor := argWord(c, "monitor", "val_loss")
	name, _ := monitored(monitor, m.results)
	from := r.Metrics
	if monitor != name {
		from = r.ValMetrics
	}
	v, ok := from.Get(name)
	if !ok {
		return watched{}, fmt.Errorf("monitors %s, but there is no validation set", monitor)
	}
	falls := m.lessIsBetter(name)
	if mode := argWord(c, "mode", "auto"); mode != "auto" {
		falls = mode == "min"
	}
	return watched{v, falls}, nil
}

// better reports whether w is better than best by more than a difference.
func (w watched) better(best, by float64) bool {
	if w.falls {
		return w.value < best-by
	}
	return w.value > best+by
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

// plateau is what reduce_on_plateau and early_stopping remember.
type plateau struct {
	seen   bool
	best   float64
	bad    int     // epochs since best
	wait   int     // epochs of the cooldown that are left
	factor float64 // so far
}

// observe counts one value for reduce_on_plateau, in the order in which PyTorch does.
func (p *plateau) observe(c call, w watched) {
	by := argNumber(c, "threshold", 1e-4)
	if argWord(c, "threshold_mode", "rel") == "rel" {
		by *= p.best // as PyTorch has it, also where best is negative
	}
	if p.bad++; !p.seen || w.better(p.best, by) {
		p.seen, p.best, p.bad = true, w.value, 0
	}
	if p.wait > 0 {
		p.wait--
		p.bad = 0
	}
	if p.bad > int(argNumber(c, "patience", 10)) {
		p.factor *= argNumber(c, "factor", 0.1)
		p.wait, p.bad = int(argNumber(c, "cooldown", 0)), 0
	}
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

// argCheck refuses an argument of a call.
type argCheck func(c call) error

// checks makes one of several.
func checks(list ...argCheck) argCheck {
	return func(c call) error {
		for _, check := range list {
			if err := check(c); err != nil {
				return err
			}
		}
		return nil
	}
}

// numberArg wants a number from low to high.
func numberArg(name string, otherwise, low, high float64) argCheck {
	return func(c call) error {
		if v := argNumber(c, name, otherwise); !(v >= low && v <= high) {
			return fmt.Errorf("%s is %v and must be %s to %s", name, v, plainNumber(low), plainNumber(high))
		}
		return nil
	}
}

// wholeArg wants a whole number from low to high.
func wholeArg(name string, otherwise, low, high float64) argCheck {
	return func(c call) error {
		if v := argNumber(c, name, otherwise); v != math.Trunc(v) {
			return fmt.Errorf("%s is %v and must be a whole number", name, v)
		}
		return numberArg(name, otherwise, low, high)(c)
	}
}

// wordArg wants one of some words, the first of which is the default.
func wordArg(name string, choices ...string) argCheck {
	return func(c call) error {
		if v := argWord(c, name, choices[0]); !slices.Contains(choices, v) {
			last := len(choices) - 1
			return fmt.Errorf("%s is %q and must be %s or %s", name, v, strings.Join(choices[:last], ", "), choices[last])
		}
		return nil
	}
}

// clockArg checks by.
func clockArg(c call) error { return wordArg("by", "epoch", "step")(c) }

// lastsArg wants a schedule to say how long it lasts.
func lastsArg(c call) error {
	if argNumber(c, "steps", 0)+argNumber(c, "epochs", 0) < 1 {
		return fmt.Errorf("steps is %v and must be at least 1, or epochs", argNumber(c, "steps", 0))
	}
	return nil
}

// milestonesArg wants milestones that do not fall.
func milestonesArg(c call) error {
	list, _ := c.args["milestones"].([]float64)
	if len(list) == 0 || !slices.IsSorted(list) {
		return fmt.Errorf("milestones are %v and must be some numbers, the least first", list)
	}
	return nil
}

// monitorArg wants a call to monitor something that there is.
func monitorArg(c call, m *modelInfo) error {
	monitor := argWord(c, "monitor", "val_loss")
	if _, ok := monitored(monitor, m.results); !ok {
		return fmt.Errorf("monitor is %q and must be one of %v, or one of them with val_ before it", monitor, m.results)
	}
	return wordArg("mode", "auto", "min", "max")(c)
}

// plainNumber writes a number without an exponent where it is whole.
func plainNumber(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
