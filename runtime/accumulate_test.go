package runtime

import (
	"context"
	"math"
	"path/filepath"
	"testing"
)

// tinySums is tiny with the gradients of three steps added up for one update, and averaged weights.
func tinySums() *modelInfo {
	m := tiny()
	m.states = append(m.states, "gradients", "average")
	m.trained = 32
	m.recipe.accumulate = 3
	m.recipe.average = []call{{"ema", map[string]any{"decay": 0.9}}}
	train, whole := *m.train, m.train.run
	train.scalars = append(train.scalars, scalarInfo{name: "more", buffer: 10})
	train.bases, train.fixed = append(train.bases, base{7, false}), 8
	train.run = func(x *exec) {
		// The program of tiny with nothing left to change: its rate and its velocity are not read after it.
		w, v := append([]float32(nil), x.weights...), append([]float32(nil), x.states[0]...)
		whole(x)
		copy(x.weights[:32], w)
		copy(x.states[0], v)
		more, n := x.floats(10, 1)[0], x.floats(5, 1)[0]
		for i, g := range x.grads {
			if more == 0 {
				x.states[1][i] = 0
			}
			x.states[1][i] = fma32(n, g, x.states[1][i])
		}
	}
	m.train = &train
	m.update = &program{
		name: "update", table: -1, fixed: 10, bases: train.bases, scalars: append(train.scalars[1:5:5], scalarInfo{name: "share", buffer: 0}),
		run: func(x *exec) {
			for i, s := range x.states[1] {
				x.grads[i] = s * x.floats(0, 1)[0]
			}
			x.each(len(x.weights), 16, 16, tinyUpdate)
			for i, w := range x.weights {
				x.states[2][i] = fma32(0.9, x.states[2][i], 0.1*w)
			}
		},
	}
	return m
}

// TestAccumulate wants the weights of one update for three batches to be those of a batch three times as large, a shorter one at the
// end of the epoch included, and validation and Model to see the average.
func TestAccumulate(t *testing.T) {
	m := tinySums()
	quiet := func(m *modelInfo) *modelInfo { // no noise and no statistic, which hang on the step
		run := m.train.run
		m.train.run = func(x *exec) { x.ints(7, 1)[0] = 0; run(x); x.weights[32] = 0.75 }
		return m
	}
	data := &tinySame{newTinyData(26)}
	sums, err := newTrainer(quiet(m), Train{Epochs: 2})
	if err != nil {
		t.Fatal(err)
	}
	large := quiet(tiny())
	large.recipe.batch = 12
	whole, err := newTrainer(large, Train{Epochs: 2})
	if err != nil {
		t.Fatal(err)
	}
	h := mustFit(t, sums, data, validate(newTinyData(7)))
	mustFit(t, whole, data)
	if sums.at.step != 14 || sums.at.updates != 6 || sums.at.pending != 0 {
		t.Errorf("%d steps made %d updates, %d wait", sums.at.step, sums.at.updates, sums.at.pending)
	}
	for i, w := range whole.weights {
		if math.Abs(float64(sums.weights[i]-w)) > 1e-5 {
			t.Errorf("weight %d is %g, with large batches %g", i, sums.weights[i], w)
		}
	}
	got, err := sums.Model().evaluate(context.Background(), newTinyData(7))
	if err != nil || got[0].Value != h[1].ValLoss {
		t.Errorf("the model has the loss %v, validation had %g; %v", got, h[1].ValLoss, err)
	}
	for i, w := range sums.Model().weights {
		if want := sums.states[2][i]; i < 32 && w != want || i >= 32 && w != sums.weights[i] {
			t.Errorf("weight %d of the model is %g, not the average %g", i, w, want)
		}
	}
}

// tinySame is a data set whose examples are all the first one, so that their order is nothing.
type tinySame struct{ *tinyData }

func (d *tinySame) load(_, at int, b *batchView) error { return d.tinyData.load(0, at, b) }

// TestResumeAccumulating stops after every step, in the middle of a sum too, and wants the bits of a training that nobody stopped.
func TestResumeAccumulating(t *testing.T) {
	fit := func(o Train, stop int) *Trainer {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		steps := 0
		o.Progress = func(e Event) {
			if steps++; steps == stop {
				cancel()
			}
		}
		tr, err := newTrainer(tinySums(), o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tr.fit(ctx, newTinyData(21)); (err != nil) != (stop > 0) {
			t.Fatal(err)
		}
		return tr
	}
	want := stateOf(fit(Train{Epochs: 2}, 0))
	for stop := 1; stop <= 12; stop++ {
		path := filepath.Join(t.TempDir(), "tiny.ckpt")
		fit(Train{Epochs: 2, Checkpoint: path}, stop)
		if got := stateOf(fit(Train{Checkpoint: path, Resume: true}, 0)); got != want {
			t.Errorf("stop %d:\n%s\nwant\n%s", stop, got, want)
		}
	}
}
