package runtime

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// tallied is tiny with a metric of every kind; they take the outputs, what is left of them after the loss, for whatever they need.
func tallied() *modelInfo {
	m := tiny()
	m.results = append(m.results, "rmse", "perplexity", "r2", "confusion_matrix", "roc_auc")
	pair := [][]int{{}, {}}
	m.metrics = []metricInfo{{}, {}, {finisher: &finishRoot, falls: true},
		{reduce: "sum", elems: 2, finisher: &finishPerplexity, falls: true},
		{reduce: "rows", elems: 2, shapes: pair, finisher: &finishR2},
		{reduce: "rows", elems: 2, shapes: pair, finisher: &finishConfusionMatrix},
		{reduce: "collect", elems: 2, shapes: pair, finisher: &finishRocAuc}}
	for _, p := range []**program{&m.eval, &m.train} {
		q := **p
		q.results = append(append([]int{}, q.results...), 3, 2, 2, 2, 2)
		*p = &q
	}
	return m
}

// TestResumeTallies stops a training with metrics of every kind at every step and goes on: the bits are those of one that nobody stopped.
func TestResumeTallies(t *testing.T) {
	trainer := func(o Train) *Trainer {
		o.Epochs, o.Threads = 2, 1
		tr, err := newTrainer(tallied(), o)
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}
	held := validate(newTinyData(6))
	whole := trainer(Train{})
	mustFit(t, whole, newTinyData(14), held)
	want := stateOf(whole)
	if e := whole.at.history[1]; len(e.Metrics[5].Table) != 2 || len(e.ValMetrics[5].Table) != 2 {
		t.Errorf("the confusion matrices are %v and %v", e.Metrics[5].Table, e.ValMetrics[5].Table)
	}
	for stop := 1; stop <= 8; stop++ {
		path := filepath.Join(t.TempDir(), "tiny.ckpt")
		ctx, cancel := context.WithCancel(context.Background())
		steps := 0
		tr := trainer(Train{Checkpoint: path, Progress: func(e Event) {
			if _, late := e.Metrics.Get("roc_auc"); late != e.EpochDone {
				t.Errorf("roc_auc in an event: %v at the end of an epoch: %v", late, e.EpochDone)
			}
			if !e.EpochDone {
				if steps++; steps == stop {
					cancel()
				}
			}
		}})
		if _, err := tr.fit(ctx, newTinyData(14), held); !errors.Is(err, context.Canceled) {
			t.Fatalf("stop %d: error is %v", stop, err)
		}
		for name, tr := range map[string]*Trainer{"same trainer": tr, "file": trainer(Train{Checkpoint: path, Resume: true})} {
			mustFit(t, tr, newTinyData(14), held)
			if got := stateOf(tr); got != want {
				t.Errorf("stop %d, %s:\n%s\nwant\n%s", stop, name, got, want)
			}
		}
	}
}

// TestTalliesText reads back what is written, and refuses what does not fit.
func TestTalliesText(t *testing.T) {
	m := tallied()
	a := newTallies(m)
	for i := range a.of {
		a.of[i].examples = 2
		for k := range a.of[i].sums {
			a.of[i].sums[k] = 1 / float64(3+k+i)
		}
	}
	a.of[6].rows = []float32{1, 0, 0.1, 1}
	b := newTallies(m)
	if err := b.parse(a.text(), 2); err != nil || !reflect.DeepEqual(a.of, b.of) {
		t.Errorf("%v\n%v\n%v", err, a.of, b.of)
	}
	text := a.text()
	for name, bad := range map[string]string{"short": "0x1p+0\n", "long": text + "\n", "open": strings.TrimSuffix(text, "\n"),
		"no number": "x" + text, "base64": strings.Replace(text, "=\n", "\n", 1)} {
		if err := b.parse(bad, 2); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := b.parse(text, 3); err == nil {
		t.Error("rows of two examples were taken for three")
	}
}

// TestTallyAllocations counts what adding and showing allocate between ends of epochs: nothing, but for what is collected.
func TestTallyAllocations(t *testing.T) {
	m := tallied()
	m.results, m.metrics = m.results[:6], m.metrics[:6]
	p := *m.eval
	p.results = p.results[:6]
	x := newExec(&p, 4, newArena(m.arena), nil)
	a := newTallies(m)
	shown := a.quickMetrics(m.results)
	if n := testing.AllocsPerRun(20, func() { a.add(x, 4); a.readQuick(shown) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
	if len(shown) != 5 {
		t.Errorf("a step shows %v", shown)
	}
	for name, less := range map[string]bool{"loss": true, "accuracy": false, "rmse": true, "r2": false, "nothing": false} {
		if m.lessIsBetter(name) != less {
			t.Errorf("less of %s is better: %v", name, !less)
		}
	}
}
