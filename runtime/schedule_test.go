package runtime

import (
	"math"
	"strings"
	"testing"
)

func ratesOf(t *testing.T, calls []call, steps, perEpoch int) []float64 {
	t.Helper()
	s, err := newSchedule(calls, []string{"loss", "accuracy"})
	if err != nil {
		t.Fatal(err)
	}
	var list []float64
	for i := range steps {
		list = append(list, s.rate(1, moment{step: i, steps: steps, epoch: i / perEpoch}))
	}
	return list
}

func TestSchedules(t *testing.T) {
	for _, c := range []struct {
		name  string
		calls []call
		want  []float64
	}{
		{"none", nil, []float64{1, 1, 1, 1, 1, 1}},
		{"constant", []call{{"constant", nil}}, []float64{1, 1, 1, 1, 1, 1}},
		{"step", []call{{"step", map[string]any{"every": 2.0, "factor": 0.5}}}, []float64{1, 1, 1, 1, 0.5, 0.5}},
		{"step by step", []call{{"step", map[string]any{"every": 2.0, "factor": 0.5, "by": "step"}}}, []float64{1, 1, 0.5, 0.5, 0.25, 0.25}},
		{"cosine", []call{{"cosine", nil}}, []float64{1, 0.9330127018922193, 0.75, 0.5, 0.25, 0.06698729810778065}},
		{"cosine to min", []call{{"cosine", map[string]any{"min": 0.5}}}, []float64{1, 0.9665063509461097, 0.875, 0.75, 0.625, 0.5334936490538904}},
		{"warmup", []call{{"warmup", map[string]any{"steps": 4.0}}}, []float64{0.25, 0.5, 0.75, 1, 1, 1}},
		{"both", []call{{"step", map[string]any{"every": 1.0, "factor": 0.5}}, {"warmup", map[string]any{"steps": 2.0}}}, []float64{0.5, 1, 0.5, 0.5, 0.25, 0.25}},
	} {
		for i, got := range ratesOf(t, c.calls, 6, 2) {
			if math.Abs(got-c.want[i]) > 1e-15 {
				t.Errorf("%s: step %d: %v, want %v", c.name, i, got, c.want[i])
			}
		}
	}
}

func TestPlateau(t *testing.T) {
	names := []string{"loss", "accuracy"}
	for _, c := range []struct {
		monitor, mode string
		values        []float64
		want          []float64
	}{
		{"val_loss", "", []float64{3, 2, 2, 2, 1, 1, 1, 1, 1}, []float64{1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2}},
		{"accuracy", "", []float64{0.1, 0.2, 0.2, 0.1, 0.3}, []float64{1, 1, 1, 0.5, 0.5}},
		{"accuracy", "min", []float64{0.1, 0.2, 0.3}, []float64{1, 1, 0.5}},
	} {
		args := map[string]any{"monitor": c.monitor, "factor": 0.5, "patience": 2.0, "min_lr": 0.2}
		if c.mode != "" {
			args["mode"] = c.mode
		}
		s, err := newSchedule([]call{{"reduce_on_plateau", args}}, names)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range c.values {
			r := &EpochResult{Metrics: newMetrics(names), ValMetrics: newMetrics(names)}
			if c.monitor == "accuracy" {
				r.Metrics[1].Value = v
			} else {
				r.ValMetrics[0].Value = v
			}
			if err := s.epochDone(r, names); err != nil {
				t.Fatal(err)
			}
			if got := s.rate(1, moment{epoch: i}); got != c.want[i] {
				t.Errorf("%s: epoch %d: %v, want %v", c.monitor, i, got, c.want[i])
			}
		}
	}
}

func TestScheduleErrors(t *testing.T) {
	for want, c := range map[string]call{
		"schedule stop: no schedule is called that": {"stop", nil},
		"every is 0 and must be 1":                  {"step", nil},
		"every is 1.5 and must be a whole number":   {"step", map[string]any{"every": 1.5}},
		"by is \"day\" and must be epoch or step":   {"step", map[string]any{"every": 1.0, "by": "day"}},
		"min is -1":                      {"cosine", map[string]any{"min": -1.0}},
		"steps is NaN":                   {"warmup", map[string]any{"steps": math.NaN()}},
		"monitor is \"f1\"":              {"reduce_on_plateau", map[string]any{"monitor": "f1"}},
		"factor is 2 and must be 0 to 1": {"reduce_on_plateau", map[string]any{"factor": 2.0}},
		"mode is \"up\"":                 {"reduce_on_plateau", map[string]any{"mode": "up"}},
	} {
		if _, err := newSchedule([]call{c}, []string{"loss"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
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
