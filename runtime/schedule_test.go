package runtime

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

// recorded is what PyTorch's schedulers gave; bench/peers/schedules.py records it.
type recorded struct {
	LR       float64
	Steps    int
	PerEpoch int `json:"per_epoch"`
	Losses   []float64
	Cases    []recordedCase
	Plateaus []recordedCase
}

type recordedCase struct {
	Calls []struct {
		Name string
		Args map[string]any
	}
	Rates []float64
}

func readRecorded(t *testing.T) recorded {
	t.Helper()
	data, err := os.ReadFile("testdata/schedules.json")
	if err != nil {
		t.Fatal(err)
	}
	var r recorded
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// calls are the case's schedules as a recipe has them.
func (c *recordedCase) calls() []call {
	var list []call
	for _, x := range c.Calls {
		args := map[string]any{}
		for k, v := range x.Args {
			if l, ok := v.([]any); ok {
				var floats []float64
				for _, f := range l {
					floats = append(floats, f.(float64))
				}
				v = floats
			}
			args[k] = v
		}
		list = append(list, call{x.Name, args})
	}
	return list
}

// TestSchedules compares every schedule with PyTorch's, step by step.
func TestSchedules(t *testing.T) {
	r := readRecorded(t)
	tested := map[string]bool{"reduce_on_plateau": true}
	for _, c := range r.Cases {
		calls := c.calls()
		for _, x := range calls {
			tested[x.name] = true
		}
		s, err := newSchedule(calls, tiny())
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range c.Rates {
			got := s.rate(r.LR, moment{step: i, steps: r.Steps, perEpoch: r.PerEpoch})
			if !(math.Abs(got-want) <= 1e-12) {
				t.Errorf("%s: step %d: %v, PyTorch has %v", describe(calls, ""), i, got, want)
			}
		}
	}
	for name := range scheduleKinds {
		if !tested[name] {
			t.Errorf("no recorded case has %s", name)
		}
	}
}

// TestScheduleEnds asks for the rates behind the end of schedules that are shorter than the training.
func TestScheduleEnds(t *testing.T) {
	for _, c := range []struct {
		call call
		want float64
	}{
		{call{"cosine", map[string]any{"steps": 4.0, "min": 0.1}}, 0.1},
		{call{"polynomial", map[string]any{"epochs": 1.0, "min": 0.1}}, 0.1},
		{call{"one_cycle", map[string]any{"steps": 4.0, "div": 2.0, "final_div": 5.0}}, 0.1},
		{call{"warmup", map[string]any{"steps": 4.0}}, 1},
	} {
		s, err := newSchedule([]call{c.call}, tiny())
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []int{4, 5, 9} {
			if got := s.rate(1, moment{step: step, steps: 10, perEpoch: 4}); math.Abs(got-c.want) > 1e-15 {
				t.Errorf("%s: step %d: %v, want %v", c.call.name, step, got, c.want)
			}
		}
	}
}

// TestPlateau compares reduce_on_plateau with PyTorch's, epoch by epoch.
func TestPlateau(t *testing.T) {
	r := readRecorded(t)
	m := tiny()
	for _, c := range r.Plateaus {
		calls := c.calls()
		s, err := newSchedule(calls, m)
		if err != nil {
			t.Fatal(err)
		}
		for i, loss := range r.Losses {
			at := moment{step: i, steps: len(r.Losses), perEpoch: 1}
			if got := s.rate(r.LR, at); math.Abs(got-c.Rates[i]) > 1e-15 {
				t.Errorf("%s: epoch %d: %v, PyTorch has %v", describe(calls, ""), i, got, c.Rates[i])
			}
			e := &EpochResult{Metrics: newMetrics(m.results), ValMetrics: newMetrics(m.results)}
			e.ValMetrics[0].Value = loss
			if err := s.epochDone(e, m, at); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestMonitor has metrics that should rise and such as should fall, and modes that say otherwise.
func TestMonitor(t *testing.T) {
	m := tiny()
	m.results = []string{"loss", "accuracy", "mae"}
	m.metrics = []metricInfo{{}, {}, {falls: true}}
	e := &EpochResult{Metrics: Metrics{{Name: "loss", Value: 1}, {Name: "accuracy", Value: 2}, {Name: "mae", Value: 3}}}
	for _, c := range []struct {
		monitor, mode string
		value         float64
		falls         bool
	}{{"loss", "auto", 1, true}, {"accuracy", "auto", 2, false}, {"mae", "auto", 3, true}, {"accuracy", "min", 2, true}, {"loss", "max", 1, false}} {
		w, err := watch(call{"best", map[string]any{"monitor": c.monitor, "mode": c.mode}}, e, m)
		if err != nil || w.value != c.value || w.falls != c.falls || !w.better(c.value+map[bool]float64{true: 1, false: -1}[c.falls], 0.5) {
			t.Errorf("%+v gives %+v, %v", c, w, err)
		}
	}
	if _, err := watch(call{"best", nil}, e, m); fmt.Sprint(err) != "monitors val_loss, but there is no validation set" {
		t.Errorf("the error is %v", err)
	}
}

func TestScheduleErrors(t *testing.T) {
	loss := tiny()
	loss.results = []string{"loss"}
	for want, c := range map[string]call{
		"schedule stop: no schedule is called that": {"stop", nil},
		"every is 0 and must be 1":                  {"step", nil},
		"every is 1.5 and must be a whole number":   {"step", map[string]any{"every": 1.5}},
		"by is \"day\" and must be epoch or step":   {"step", map[string]any{"every": 1.0, "by": "day"}},
		"min is -1":                              {"cosine", map[string]any{"min": -1.0}},
		"steps is NaN":                           {"warmup", map[string]any{"steps": math.NaN()}},
		"steps is 0 and must be at least 1":      {"warmup", nil},
		"it lasts 3 steps or 4 epochs, not both": {"cosine", map[string]any{"steps": 3.0, "epochs": 4.0}},
		"milestones are [3 2]":                   {"multi_step", map[string]any{"milestones": []float64{3, 2}}},
		"up is 0 and must be 1 to":               {"cyclic", map[string]any{"max": 1.0}},
		"mode is \"square\" and must be triangular, triangular2 or exp_range": {"cyclic", map[string]any{"max": 1.0, "up": 2.0, "mode": "square"}},
		"monitor is \"f1\"":              {"reduce_on_plateau", map[string]any{"monitor": "f1"}},
		"factor is 2 and must be 0 to 1": {"reduce_on_plateau", map[string]any{"factor": 2.0}},
		"mode is \"up\"":                 {"reduce_on_plateau", map[string]any{"mode": "up"}},
	} {
		if _, err := newSchedule([]call{c}, loss); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
	if _, err := newSchedule([]call{{"cosine", nil}, {"constant", nil}}, loss); err == nil || !strings.Contains(err.Error(), "schedule cosine: steps or epochs must say how long it lasts, since constant follows") {
		t.Errorf("error is %v", err)
	}
	m := tiny()
	m.recipe.schedule = []call{{"reduce_on_plateau", nil}}
	tr, err := newTrainer(m, Train{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.fit(nil, newTinyData(8)); err == nil || !strings.Contains(err.Error(), "monitors val_loss, but there is no validation set") {
		t.Errorf("error is %v", err)
	}
}

// TestMomentum compares the momentum of schedules that cycle it with their definitions: it goes the other way from the rate.
func TestMomentum(t *testing.T) {
	linear := map[string]any{"anneal": "linear", "rise": 0.3}
	for _, c := range []struct {
		call call
		want []float64 // of 10 steps
	}{
		{call{"one_cycle", linear}, []float64{0.95, 0.90, 0.85, 0.85 + 0.1/7, 0.85 + 0.2/7, 0.85 + 0.3/7, 0.85 + 0.4/7, 0.85 + 0.5/7, 0.85 + 0.6/7, 0.95}},
		{call{"one_cycle", map[string]any{"cycle_momentum": false}}, []float64{0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5}},
		{call{"cyclic", map[string]any{"max": 1.0, "up": 2.0, "base_momentum": 0.6}}, []float64{0.9, 0.75, 0.6, 0.75, 0.9, 0.75, 0.6, 0.75, 0.9, 0.75}},
		{call{"cyclic", map[string]any{"max": 1.0, "up": 2.0, "mode": "triangular2"}}, []float64{0.9, 0.85, 0.8, 0.85, 0.9, 0.875, 0.85, 0.875, 0.9, 0.8875}},
		{call{"constant", nil}, []float64{0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5}},
	} {
		s, err := newSchedule([]call{c.call}, tiny())
		if err != nil {
			t.Fatal(err)
		}
		for step, want := range c.want {
			if got := s.momentum(0.5, moment{step: step, steps: 10, perEpoch: 5}); math.Abs(got-want) > 1e-12 {
				t.Errorf("%v: step %d has the momentum %v, not %v", c.call, step, got, want)
			}
		}
	}
}
