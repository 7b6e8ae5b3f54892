package runtime

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func mustTrainer(t testing.TB, o Train) *Trainer {
	t.Helper()
	tr, err := newTrainer(tiny(), o)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func mustFit(t testing.TB, tr *Trainer, src examples, opts ...FitOption) History {
	t.Helper()
	h, err := tr.fit(context.Background(), src, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestFitLearns(t *testing.T) {
	tr := mustTrainer(t, Train{Epochs: 30, LearningRate: 0.2})
	h := mustFit(t, tr, newTinyData(102), validate(newTinyData(50)))
	if len(h) != 30 {
		t.Fatalf("%d epochs in the history, want 30", len(h))
	}
	first, last := h[0], h[29]
	if !(last.Loss < first.Loss) {
		t.Errorf("loss went from %g to %g", first.Loss, last.Loss)
	}
	if acc, ok := last.ValMetrics.Get("accuracy"); !ok || acc < 0.85 || !(last.ValLoss < first.ValLoss) {
		t.Errorf("validation accuracy is %g, %v", acc, ok)
	}
	if last.Epoch != 30 || last.LearningRate != 0.2 || last.Loss != last.Metrics[0].Value || last.ValLoss != last.ValMetrics[0].Value {
		t.Errorf("inconsistent result %+v", last)
	}
	m, err := tr.Model().evaluate(context.Background(), newTinyData(50))
	if err != nil {
		t.Fatal(err)
	}
	if m[0].Value != last.ValLoss || m[1].Value != last.ValMetrics[1].Value {
		t.Errorf("Evaluate gives %v, validation gave %v", m, last.ValMetrics)
	}
	if again := mustFit(t, tr, newTinyData(102)); len(again) != 30 {
		t.Errorf("Fit of a finished training trained on: %d epochs", len(again))
	}
}

// TestAverages checks the weighting of a last batch that is smaller.
func TestAverages(t *testing.T) {
	m, err := untrainedModel(tiny(), 3)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := m.evaluate(context.Background(), newTinyData(9)) // batches of 4, 4, 1
	if err != nil {
		t.Fatal(err)
	}
	want := 0.0
	s := m.NewSession()
	for i := range 9 {
		view := newBatchView(m.info, s.x, func(p portInfo) int { return p.infer })
		if err := newTinyData(9).load(i, 0, view); err != nil {
			t.Fatal(err)
		}
		label := view.targetInts(0, 0)[0]
		if err := s.Run(1); err != nil {
			t.Fatal(err)
		}
		for j, y := range s.output(0) {
			d := float64(y)
			if int(label) == j {
				d--
			}
			want += d * d / 9
		}
	}
	if got := whole[0].Value; math.Abs(got-want) > 1e-6 {
		t.Errorf("mean loss is %g, want %g", got, want)
	}
}

func TestThreadsSameBits(t *testing.T) {
	var want string
	for _, threads := range []int{1, 2, 3, 8} {
		tr := mustTrainer(t, Train{Threads: threads, Epochs: 4})
		mustFit(t, tr, newTinyData(53), validate(newTinyData(11)))
		if got := stateOf(tr); want == "" {
			want = got
		} else if got != want {
			t.Errorf("%d threads:\n%s\nwant\n%s", threads, got, want)
		}
	}
}

// TestResume stops a training at every step in turn and goes on, in the same trainer and from the file, and wants the bits of the
// training that nobody stopped.
func TestResume(t *testing.T) {
	const n = 14 // 4 steps an epoch, the last of 2 examples
	schedule := []call{{"warmup", map[string]any{"steps": 3.0}}, {"cosine", map[string]any{"min": 0.001, "steps": 2.0}},
		{"reduce_on_plateau", map[string]any{"patience": 0.0, "factor": 0.5, "threshold": 0.5}}}
	trainer := func(o Train) *Trainer {
		m := tiny()
		m.recipe.schedule = schedule
		o.Epochs = 3
		o.Threads = 1
		tr, err := newTrainer(m, o)
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}
	held := validate(newTinyData(6))
	whole := trainer(Train{})
	mustFit(t, whole, newTinyData(n), held)
	want := stateOf(whole)
	for stop := 1; stop <= 12; stop++ {
		path := filepath.Join(t.TempDir(), "tiny.ckpt")
		ctx, cancel := context.WithCancel(context.Background())
		steps := 0
		tr := trainer(Train{Checkpoint: path, Progress: func(e Event) {
			if !e.EpochDone {
				if steps++; steps == stop {
					cancel()
				}
			}
		}})
		_, err := tr.fit(ctx, newTinyData(n), held)
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("stop %d: error is %v", stop, err)
		}
		resumed := trainer(Train{Checkpoint: path, Resume: true})
		if resumed.at.step != stop {
			t.Errorf("stop %d: resumed after step %d", stop, resumed.at.step)
		}
		for name, tr := range map[string]*Trainer{"same trainer": tr, "file": resumed} {
			mustFit(t, tr, newTinyData(n), held)
			if got := stateOf(tr); got != want {
				t.Errorf("stop %d, %s:\n%s\nwant\n%s", stop, name, got, want)
			}
		}
	}
}

func TestCheckpointEvery(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tiny.ckpt")
	var last int
	boom := errors.New("boom")
	data := newTinyData(20)
	data.bad, data.err = 13, boom
	tr := mustTrainer(t, Train{Checkpoint: path, CheckpointEvery: 1, Progress: func(e Event) {
		if _, err := os.Stat(path); e.Step > 1 && err != nil {
			t.Errorf("step %d: %v", e.Step, err)
		}
		last = e.Step
	}})
	_, err := tr.fit(context.Background(), data)
	if !errors.Is(err, boom) || !strings.Contains(err.Error(), "example 13: boom") {
		t.Fatalf("error is %v", err)
	}
	if re := mustTrainer(t, Train{Checkpoint: path, Resume: true}); re.at.step != last {
		t.Errorf("checkpoint is of step %d, want %d", re.at.step, last)
	}
}

func TestDiverged(t *testing.T) {
	data := newTinyData(20)
	for _, c := range []struct {
		name string
		lr   float64
		big  float32
	}{{"NaN example", 0.1, float32(math.NaN())}, {"overflow", 1e20, 0}} {
		path := filepath.Join(t.TempDir(), "tiny.ckpt")
		d := *data
		if d.big = c.big; c.big != 0 {
			d.bad = 5
		}
		tr := mustTrainer(t, Train{LearningRate: c.lr, Checkpoint: path})
		before := stateOf(tr)
		_, err := tr.fit(context.Background(), &d)
		if !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), "after step 0 again") {
			t.Fatalf("%s: error is %v", c.name, err)
		}
		tr.at.examples = 0 // Fit has learned it
		if got := stateOf(tr); got != before {
			t.Errorf("%s: state is\n%s\nwant that of before\n%s", c.name, got, before)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: a checkpoint was written", c.name)
		}
	}
}

// TestDivergedLater has NaN come in epoch 2 and wants the state of epoch 1's end.
func TestDivergedLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tiny.ckpt")
	one := mustTrainer(t, Train{Epochs: 1})
	mustFit(t, one, newTinyData(20))
	data := newTinyData(20)
	tr := mustTrainer(t, Train{Epochs: 3, Checkpoint: path, Progress: func(e Event) {
		if e.EpochDone {
			data.bad, data.big = 3, float32(math.Inf(1))
		}
	}})
	_, err := tr.fit(context.Background(), data)
	if !errors.Is(err, ErrDiverged) {
		t.Fatalf("error is %v", err)
	}
	resumed := mustTrainer(t, Train{Checkpoint: path, Resume: true})
	one.o.Epochs = 3
	for name, got := range map[string]*Trainer{"trainer": tr, "checkpoint": resumed} {
		if g, w := stateOf(got), stateOf(one); g != w {
			t.Errorf("%s:\n%s\nwant\n%s", name, g, w)
		}
	}
}

func TestBadData(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		want string
		src  examples
	}{
		{"example 2: label is 2, but its classes are 0 to 1", &tinyData{n: 5, bad: 2, label: 2}},
		{"example 4: label is -1, but its classes are 0 to 1", &tinyData{n: 5, bad: 4, label: -1}},
		{"the data set has 0 examples", newTinyData(0)},
		{"the data set has -3 examples", newTinyData(-3)},
		{"the data set is nil", nil},
	} {
		if _, err := mustTrainer(t, Train{}).fit(ctx, c.src); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Fit: error is %v, want %q", err, c.want)
		}
		if _, err := mustTrainer(t, Train{}).fit(ctx, newTinyData(4), validate(c.src)); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "validation: ") {
			t.Errorf("Validate: error is %v, want %q", err, c.want)
		}
		if _, err := mustTrainer(t, Train{}).Model().evaluate(ctx, c.src); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Evaluate: error is %v, want %q", err, c.want)
		}
	}
}

func TestBadOptions(t *testing.T) {
	other := tiny()
	other.name = "other"
	stranger, err := untrainedModel(other, 1)
	if err != nil {
		t.Fatal(err)
	}
	for want, o := range map[string]Train{
		"Epochs is -1": {Epochs: -1},
		"Batch is -2":  {Batch: -2},
		fmt.Sprintf("Batch is %d: an example", math.MaxInt): {Batch: math.MaxInt},
		"Threads is 100000":                    {Threads: 100000},
		"LearningRate is NaN":                  {LearningRate: math.NaN()},
		"LearningRate is -1":                   {LearningRate: -1},
		"CheckpointEvery needs":                {CheckpointEvery: 3},
		"Resume needs":                         {Resume: true},
		"From and Train.Resume exclude":        {Resume: true, Checkpoint: "x", From: stranger},
		"From is a model other":                {From: stranger},
		"nothing to resume: stat /nonexistent": {Resume: true, Checkpoint: "/nonexistent/x.ckpt"},
	} {
		if _, err := newTrainer(tiny(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
}

func TestEvents(t *testing.T) {
	var events []Event
	tr := mustTrainer(t, Train{Epochs: 2, Progress: func(e Event) { events = append(events, e) }})
	mustFit(t, tr, newTinyData(10), validate(newTinyData(5)))
	if len(events) != 8 { // 3 steps and the end of the epoch, twice
		t.Fatalf("%d events", len(events))
	}
	for i, e := range events {
		step, examples := i%4+1, min(4*(i%4+1), 10)
		if i%4 == 3 {
			step = 3
		}
		if e.Epoch != i/4+1 || e.Epochs != 2 || e.Step != step || e.Steps != 3 || e.Examples != examples || e.LearningRate != 0.05 ||
			e.EpochDone != (i%4 == 3) || e.Done != (i == 7) || e.PerSecond <= 0 || (e.ValMetrics != nil) != e.EpochDone {
			t.Errorf("event %d: %+v", i, e)
		}
	}
	if events[7].ETA != 0 || events[3].ETA <= 0 {
		t.Errorf("ETA is %v at the end, %v in the middle", events[7].ETA, events[3].ETA)
	}
}

func TestStepAllocations(t *testing.T) {
	calls := 0
	m := tiny()
	m.recipe.schedule = []call{{"warmup", map[string]any{"steps": 20.0}}, {"cosine_restarts", map[string]any{"period": 9.0, "multiplier": 2.0, "by": "step", "steps": 30.0}},
		{"one_cycle", nil}}
	tr, err := newTrainer(m, Train{Threads: 2, Progress: func(Event) { calls++ }})
	if err != nil {
		t.Fatal(err)
	}
	r, err := tr.newFitRun(context.Background(), newTinyData(4000), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.pool.close()
	shuffle(r.order, 1, 0)
	r.speed.start(0)
	n := testing.AllocsPerRun(100, func() {
		if err := r.step(4); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 || calls < 100 {
		t.Errorf("a step allocates %g times; %d events", n, calls)
	}
}
