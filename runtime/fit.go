package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// FitOption changes what Fit does.
type FitOption func(*fitOptions)

type fitOptions struct {
	held examples
	set  bool
}

// validate is Validate of generated packages: after each epoch the loss and the metrics over src go to its result.
func validate(src examples) FitOption {
	return func(o *fitOptions) { o.held, o.set = src, true }
}

// ErrDiverged is what Fit's error wraps when the loss or the weights are no longer finite numbers.
var ErrDiverged = errors.New("the training has diverged")

// fitRun is one call of fit: the programs and what they work on.
type fitRun struct {
	*Trainer
	ctx     context.Context
	src     examples
	held    examples // nil without a validation set
	pool    *pool
	x       *exec
	view    *batchView
	eval    *evaluator
	order   []int32 // of the examples in this epoch
	shown   Metrics // for events
	steps   int     // of each epoch
	speed   speedometer
	update  *exec   // the optimizer, where gradients of several batches are added up
	updates int     // of each epoch
	current float64 // learning rate of the step
}

// fit is Fit of generated packages: it trains until Train.Epochs epochs are done, from wherever the trainer stands, and returns the history,
// epochs before a resume included. Every epoch goes once through src in an order of its own; the last batch of an epoch may be smaller. When
// ctx is done, or an example is refused, fit writes the checkpoint, if there is one, and returns the error; another call of fit, or a
// trainer that resumes, goes on from there bit for bit. When the loss is infinite or NaN, the trainer goes back to the state of the last
// checkpoint or the last epoch's end, whichever is later, and the error wraps [ErrDiverged]. In the steady state a step allocates nothing.
func (t *Trainer) fit(ctx context.Context, src examples, opts ...FitOption) (History, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	r, err := t.newFitRun(ctx, src, opts)
	if err != nil {
		return t.History(), fmt.Errorf("%s: %w", t.info.name, err)
	}
	defer r.pool.close()
	if t.over() {
		r.tell(Event{Epoch: t.at.epoch, Done: true, EpochDone: true})
	}
	for !t.over() {
		if err := r.epoch(); err != nil {
			return t.History(), r.stopped(err)
		}
	}
	return t.History(), nil
}

// newFitRun checks the data sets and allocates everything.
func (t *Trainer) newFitRun(ctx context.Context, src examples, opts []FitOption) (*fitRun, error) {
	var o fitOptions
	for _, set := range opts {
		set(&o)
	}
	if err := checkExamples(src); err != nil {
		return nil, err
	}
	if o.set {
		if err := checkExamples(o.held); err != nil {
			return nil, fmt.Errorf("validation: %w", err)
		}
	}
	n := src.Len()
	if t.at.taken > 0 && t.at.examples != n {
		return nil, fmt.Errorf("this training stopped inside an epoch of %d examples; the data set now has %d", t.at.examples, n)
	}
	if err := t.checkMonitor(o.set); err != nil {
		return nil, err
	}
	t.at.examples = n
	r := &fitRun{
		Trainer: t, ctx: ctx, src: src, held: o.held,
		pool: newPool(t.o.Threads), order: make([]int32, n), shown: t.at.sums.quickMetrics(t.info.results),
		steps: (n + t.o.Batch - 1) / t.o.Batch,
	}
	r.updates = (r.steps + t.accumulate() - 1) / t.accumulate()
	r.x = newExec(t.info.train, t.o.Batch, t.weights, r.pool)
	r.x.grads, r.x.states, r.x.watch, r.x.wrap = t.grads, t.states, t.o.clock, t.o.wrap
	if t.info.update != nil {
		r.update = newExec(t.info.update, 1, t.weights, r.pool)
		r.update.grads, r.update.states = t.grads, t.states
	}
	r.view = newBatchView(t.info, r.x, func(p portInfo) int { return p.train })
	r.view.training, r.view.seed = true, t.o.Seed
	if r.held != nil {
		r.eval = newEvaluator(t.info, t.o.Batch, t.averaged(), r.pool)
		r.eval.view.seed = t.o.Seed
	}
	return r, nil
}

// checkMonitor finds out now, not after an epoch, that a schedule or a callback needs a validation set.
func (t *Trainer) checkMonitor(validated bool) error {
	probe := EpochResult{Metrics: newMetrics(t.info.results)}
	if validated {
		probe.ValMetrics = probe.Metrics
	}
	for i := range t.callbacks {
		if c := &t.callbacks[i]; c.kind.watches {
			if _, err := watch(c.call, &probe, t.info); err != nil {
				return fmt.Errorf("callback %s %w", c.name, err)
			}
		}
	}
	return t.sched.check(&probe, t.info)
}

// epoch goes on with the present epoch to its end.
func (r *fitRun) epoch() error {
	shuffle(r.order, r.o.Seed, r.at.epoch)
	r.view.epoch = r.at.epoch
	r.speed.start(r.at.seconds)
	for r.at.taken < r.at.examples {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		if err := r.step(min(r.o.Batch, r.at.examples-r.at.taken)); err != nil {
			return err
		}
		if every := r.o.CheckpointEvery; every > 0 && r.at.step%every == 0 && r.at.taken < r.at.examples {
			if err := r.save(); err != nil {
				return err
			}
		}
	}
	return r.endEpoch()
}

// moment is where the schedule stands before the given update, counted from 0.
func (r *fitRun) moment(update int) moment {
	return moment{step: update, steps: r.updates * r.o.Epochs, perEpoch: r.updates}
}

// step trains on the next n examples.
func (r *fitRun) step(n int) error {
	for i := range n {
		if err := r.view.fill(r.src, int(r.order[r.at.taken+i]), i); err != nil {
			return err
		}
	}
	r.current = r.sched.rate(r.o.LearningRate, r.moment(r.at.updates))
	v := scalars{batch: n, lr: r.current, momentum: r.sched.momentum(momentumOf(r.info.recipe.optimizer), r.moment(r.at.updates)), seed: r.o.Seed, step: r.at.step + 1, update: r.at.updates + 1, more: r.at.pending > 0}
	r.x.n = n
	r.x.setScalars(v)
	r.x.run()
	if loss := r.x.floats(r.x.prog.results[0], 1)[0]; loss-loss != 0 {
		return r.diverged(fmt.Sprintf("the loss is %v", loss))
	}
	r.at.pending++
	r.at.summed += n
	if r.update == nil || r.at.pending == r.accumulate() || r.at.taken+n == r.at.examples {
		if r.update != nil {
			v.summed = r.at.summed
			r.update.setScalars(v)
			r.update.run()
		}
		r.at.updates++
		r.at.pending, r.at.summed = 0, 0
	}
	r.at.sums.add(r.x, n)
	r.at.step++
	r.at.taken += n
	r.at.seconds = r.speed.seconds()
	r.tell(Event{Epoch: r.at.epoch + 1, Examples: r.at.taken})
	return nil
}

// tell completes an event and passes it on.
func (r *fitRun) tell(e Event) {
	if r.o.Progress == nil {
		return
	}
	e.Epochs, e.Steps, e.LearningRate = r.o.Epochs, r.steps, r.current
	e.Step = (e.Examples + r.o.Batch - 1) / r.o.Batch
	if !e.EpochDone {
		r.at.sums.readQuick(r.shown)
		e.Metrics, e.Loss = r.shown, r.shown[0].Value
		e.PerSecond = r.speed.perSecond(e.Examples)
		left := (r.o.Epochs-r.at.epoch)*r.at.examples - e.Examples
		e.ETA = remaining(left, e.PerSecond)
	} else if n := len(r.at.history); n > 0 {
		last := &r.at.history[n-1]
		e.Metrics, e.Loss, e.ValMetrics, e.ValLoss = last.Metrics, last.Loss, last.ValMetrics, last.ValLoss
		e.LearningRate, e.Examples, e.Step = last.LearningRate, r.at.examples, r.steps
		if last.Seconds > 0 {
			e.PerSecond = float64(e.Examples) / last.Seconds
		}
		e.ETA = remaining((r.o.Epochs-r.at.epoch)*r.at.examples, e.PerSecond)
	}
	r.o.Progress(e)
}

// endEpoch validates, records the epoch, and saves.
func (r *fitRun) endEpoch() error {
	if !r.info.finite(r.weights) {
		return r.diverged("a weight is infinite or NaN")
	}
	result := EpochResult{
		Epoch: r.at.epoch + 1, Seconds: r.at.seconds, Metrics: newMetrics(r.info.results),
		LearningRate: r.sched.rate(r.o.LearningRate, r.moment(r.at.updates-1)),
	}
	r.at.sums.read(result.Metrics)
	result.Loss = result.Metrics[0].Value
	if r.held != nil {
		r.averaged()
		r.eval.view.epoch = r.at.epoch
		m, err := r.eval.run(r.ctx, r.held)
		if err != nil {
			if r.ctx.Err() != nil {
				return err
			}
			return fmt.Errorf("validation: %w", err)
		}
		result.ValMetrics = slices.Clone(m)
		result.ValLoss = m[0].Value
	}
	if err := r.sched.epochDone(&result, r.info, r.moment(r.at.updates-1)); err != nil {
		return err
	}
	r.at.history = append(r.at.history, result)
	r.at.epoch++
	r.at.taken, r.at.seconds = 0, 0
	r.at.sums.reset()
	if err := r.callBack(&result); err != nil {
		return err
	}
	if err := r.save(); err != nil {
		return err
	}
	r.tell(Event{Epoch: r.at.epoch, EpochDone: true, Done: r.over()})
	return nil
}

// save keeps a snapshot, and writes the checkpoint where there is to be one.
func (r *fitRun) save() error {
	if !r.info.finite(r.weights) {
		return r.diverged("a weight is infinite or NaN")
	}
	r.keep()
	if r.o.Checkpoint == "" {
		return nil
	}
	if err := r.writeCheckpoint(r.o.Checkpoint); err != nil {
		return &checkpointError{err}
	}
	return nil
}

// checkpointError is a checkpoint that could not be written.
type checkpointError struct{ err error }

func (e *checkpointError) Error() string { return "checkpoint: " + e.err.Error() }
func (e *checkpointError) Unwrap() error { return e.err }

// stopped saves, where there is something good to save, and says where the training stands.
func (r *fitRun) stopped(why error) error {
	var failed *checkpointError
	if !errors.Is(why, ErrDiverged) && !errors.As(why, &failed) {
		if err := r.save(); errors.Is(err, ErrDiverged) {
			why = err
		} else {
			why = errors.Join(why, err)
		}
	}
	if errors.Is(why, ErrDiverged) {
		return fmt.Errorf("%s: %w", r.info.name, why)
	}
	return fmt.Errorf("%s: training stopped in epoch %d after step %d: %w", r.info.name, r.at.epoch+1, r.at.step, why)
}

// diverged goes back to the last good state and makes the error that says so.
func (r *fitRun) diverged(what string) error {
	epoch, step := r.at.epoch+1, r.at.step+1
	r.rollBack()
	return fmt.Errorf("%w: %s in epoch %d, step %d: the weights are those after step %d again; a learning rate below %g may help",
		ErrDiverged, what, epoch, step, r.at.step, r.current)
}

// speedometer measures the examples a second of an epoch, time before a resume included.
type speedometer struct {
	begin  time.Time
	before float64 // seconds
}

func (s *speedometer) start(seconds float64) {
	s.begin, s.before = time.Now(), seconds
}

func (s *speedometer) seconds() float64 { return s.before + time.Since(s.begin).Seconds() }

func (s *speedometer) perSecond(examples int) float64 {
	if t := s.seconds(); t > 0 {
		return float64(examples) / t
	}
	return 0
}

// remaining is the time that some examples take.
func remaining(examples int, perSecond float64) time.Duration {
	if perSecond <= 0 {
		return 0
	}
	return time.Duration(min(float64(examples)/perSecond, 1e9) * float64(time.Second))
}
