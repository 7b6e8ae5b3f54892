package runtime

import (
	"errors"
	"fmt"
	"math"
	stdruntime "runtime"
	"slices"
	"sort"
	"strings"
)

// Train says how to train. A zero field takes its value from the train block of the model; with Resume, from the checkpoint.
type Train struct {
	Epochs       int     // to train in all, those before a resume included
	Batch        int     // examples of one step
	Seed         int     // of the first weights, the order of the examples, and dropout
	LearningRate float64 // the base rate, which the schedule changes
	Threads      int     // 0: as many as the process may use; the result is the same bits whatever the number

	From *Model // start with its weights and not with random ones

	Checkpoint      string // the file that keeps the training: written after each epoch, and when it is cancelled; "" for none
	CheckpointEvery int    // also after each so many steps; 0: not
	Resume          bool   // go on from the checkpoint, bit for bit as if there had been no break

	Folder string // where the files of the train block's callbacks go (logs, best weights); "" writes none

	clock *stopwatch // takes the time of the steps of the program; nil for none
	wrap  wrapper    // what is done around their pieces; nil for nothing

	Progress func(Event) // told after every step and every epoch; nil for none
}

// Trainer trains a model. One goroutine at a time may use it.
type Trainer struct {
	info    *modelInfo
	o       Train // complete
	weights []float32
	grads   []float32
	states  [][]float32
	average int       // the state that holds averaged weights, or -1
	mean    []float32 // those, with what is not trained
	best    []float32 // the weights of the best epoch, where early stopping restores them; else nil
	sched   *schedule
	watch   []plateau // what the schedules, then the callbacks, remember
	at      position
	good    snapshot

	callbacks []callback
	events    string // the event file of this run; "" before the first
}

// position is how far a training has come, besides its weights and optimizer state.
type position struct {
	step     int       // steps done in all
	updates  int       // of the weights, in all: as many, unless gradients of several steps are added up
	pending  int       // steps whose gradients are added up and wait
	summed   int       // their examples
	epoch    int       // epochs done
	taken    int       // examples of the present epoch done
	examples int       // of the data set; 0 before the first step
	seconds  float64   // spent in the present epoch
	sums     tallies   // of the present epoch
	history  History   // of the epochs done
	plateaus []plateau // of the schedules and the callbacks
	stopped  bool      // early
}

// snapshot is a copy of all that a step changes, from when the weights were last known to be good.
type snapshot struct {
	weights []float32
	states  [][]float32
	best    []float32
	at      position
}

// newTrainer is NewTrainer of generated packages.
func newTrainer(info *modelInfo, o Train) (*Trainer, error) {
	if errISA != nil {
		return nil, errISA
	}
	if info.train == nil || info.eval == nil {
		return nil, fmt.Errorf("%s has no train block", info.name)
	}
	if err := checkTrain(info, &o); err != nil {
		return nil, fmt.Errorf("%s: %w", info.name, err)
	}
	sched, err := newSchedule(info.recipe.schedule, info)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", info.name, err)
	}
	t := &Trainer{info: info, o: o, sched: sched, weights: newArena(info.arena), grads: newArena(info.arena)}
	t.watch = make([]plateau, len(sched.phases)+len(watching(info.recipe.callbacks)))
	copy(t.watch, sched.state)
	sched.state = t.watch[:len(sched.phases)]
	if t.callbacks, err = newCallbacks(info.recipe.callbacks, info, t.watch[len(sched.phases):]); err != nil {
		return nil, fmt.Errorf("%s: %w", info.name, err)
	}
	if restores(info.recipe.callbacks) {
		t.best = newArena(info.arena)
	}
	t.average = slices.Index(info.states, "average")
	for range info.states {
		t.states = append(t.states, newArena(info.arena))
	}
	t.at.sums = newTallies(info)
	if o.Resume {
		err = t.readCheckpoint(o.Checkpoint)
	} else {
		err = t.start()
	}
	if err != nil {
		return nil, err
	}
	if err := checkBatch(info.train, t.o.Batch); err != nil {
		return nil, fmt.Errorf("%s: Batch is %d: %w", info.name, t.o.Batch, err)
	}
	if err := checkBatch(info.eval, t.o.Batch); err != nil {
		return nil, fmt.Errorf("%s: Batch is %d: %w", info.name, t.o.Batch, err)
	}
	t.keep()
	return t, nil
}

// start sets the first weights and completes the options from the recipe.
func (t *Trainer) start() error {
	t.complete(t.info.recipe.epochs, t.info.recipe.batch, t.info.recipe.seed, argNumber(t.info.recipe.optimizer, "lr", 0))
	if t.o.LearningRate == 0 {
		return fmt.Errorf("%s: no learning rate: the optimizer has no lr, and Train.LearningRate is 0", t.info.name)
	}
	if t.o.From != nil {
		copy(t.weights, t.o.From.weights)
	} else {
		first, err := initialWeights(t.info, t.o.Seed)
		if err != nil {
			return err
		}
		t.weights = first
	}
	if t.average >= 0 {
		copy(t.states[t.average], t.weights)
	}
	return nil
}

// accumulate is how many steps make one update.
func (t *Trainer) accumulate() int { return max(1, t.info.recipe.accumulate) }

// over reports whether nothing is left to train.
func (t *Trainer) over() bool { return t.at.stopped || t.at.epoch >= t.o.Epochs }

// visible returns the weights that are saved: those of the best epoch, where early stopping restores them and the training is over, else
// those that are validated.
func (t *Trainer) visible() []float32 {
	if t.best != nil && t.over() && len(t.at.history) > 0 {
		return t.best
	}
	return t.averaged()
}

// averaged brings the weights that are validated up to date and returns them: the moving average where there is one.
func (t *Trainer) averaged() []float32 {
	if t.average < 0 {
		return t.weights
	}
	if t.mean == nil {
		t.mean = newArena(t.info.arena)
	}
	n := copy(t.mean, t.states[t.average][:t.info.trained])
	copy(t.mean[n:], t.weights[n:])
	return t.mean
}

// complete fills the options that are zero.
func (t *Trainer) complete(epochs, batch, seed int, lr float64) {
	if t.o.Epochs == 0 {
		t.o.Epochs = epochs
	}
	if t.o.Batch == 0 {
		t.o.Batch = batch
	}
	if t.o.Seed == 0 {
		t.o.Seed = seed
	}
	if t.o.LearningRate == 0 {
		t.o.LearningRate = lr
	}
	if t.o.Threads == 0 {
		t.o.Threads = min(stdruntime.GOMAXPROCS(0), maxThreads)
	}
}

// checkTrain refuses what no training can mean.
func checkTrain(info *modelInfo, o *Train) error {
	switch {
	case o.Epochs < 0:
		return fmt.Errorf("Train.Epochs is %d; it must be positive", o.Epochs)
	case o.Batch < 0:
		return fmt.Errorf("Train.Batch is %d; it must be positive", o.Batch)
	case o.Threads < 0 || o.Threads > maxThreads:
		return fmt.Errorf("Train.Threads is %d; it must be 1 to %d", o.Threads, maxThreads)
	case o.CheckpointEvery < 0:
		return fmt.Errorf("Train.CheckpointEvery is %d; it must be positive", o.CheckpointEvery)
	case !(o.LearningRate >= 0) || math.IsInf(o.LearningRate, 0):
		return fmt.Errorf("Train.LearningRate is %v; it must be positive and finite", o.LearningRate)
	case o.Checkpoint == "" && o.Resume:
		return errors.New("Train.Resume needs Train.Checkpoint, the file to go on from")
	case o.Checkpoint == "" && o.CheckpointEvery > 0:
		return errors.New("Train.CheckpointEvery needs Train.Checkpoint, the file to write")
	case o.From != nil && o.Resume:
		return errors.New("Train.From and Train.Resume exclude each other: a checkpoint has its own weights")
	case o.From != nil && o.From.info != info:
		return fmt.Errorf("Train.From is a model %s", o.From.info.name)
	}
	return nil
}

// keep takes a snapshot.
func (t *Trainer) keep() {
	g := &t.good
	g.weights = append(g.weights[:0], t.weights...)
	if g.states == nil {
		g.states = make([][]float32, len(t.states))
	}
	for i, s := range t.states {
		g.states[i] = append(g.states[i][:0], s...)
	}
	g.best = append(g.best[:0], t.best...)
	g.at.copy(&t.at, t.watch)
}

// rollBack returns to the snapshot.
func (t *Trainer) rollBack() {
	copy(t.weights, t.good.weights)
	for i, s := range t.states {
		copy(s, t.good.states[i])
	}
	copy(t.best, t.good.best)
	copy(t.watch, t.good.at.plateaus)
	t.at.copy(&t.good.at, t.good.at.plateaus)
}

// copy makes p what from is, sharing nothing that changes.
func (p *position) copy(from *position, plateaus []plateau) {
	sums := p.sums
	sums.copy(&from.sums)
	kept := append(p.plateaus[:0], plateaus...)
	*p = *from
	p.sums, p.plateaus = sums, kept
	p.history = slices.Clip(from.history) // entries are never changed
}

// Model returns a model with the weights as they are now, or their moving average where the train block asks for one. Further training does not change it.
func (t *Trainer) Model() *Model {
	weights := newArena(t.info.arena)
	copy(weights, t.visible())
	return &Model{info: t.info, weights: weights}
}

// Save writes the weights of [Trainer.Model] to a safetensors file, as [Model.Save] does.
func (t *Trainer) Save(path string) error { return saveWeights(t.info, path, t.visible()) }

// History returns the results of the epochs so far, those before a resume included.
func (t *Trainer) History() History { return slices.Clone(t.at.history) }

// describe writes calls as the source does, with sorted arguments; arguments named in without are left out.
func describe(calls []call, without string) string {
	var b strings.Builder
	for i, c := range calls {
		if i > 0 {
			b.WriteString(" |> ")
		}
		var names []string
		for n := range c.args {
			if n != without {
				names = append(names, n)
			}
		}
		sort.Strings(names)
		b.WriteString(c.name + "(")
		for j, n := range names {
			if j > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%s=%v", n, c.args[n])
		}
		b.WriteString(")")
	}
	return b.String()
}
