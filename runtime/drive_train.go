package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	stdruntime "runtime"
	"strings"
	"syscall"
)

// trainFlags are the flags of train.
type trainFlags struct {
	place      *dataPlace
	o          Train
	output     string
	checkpoint string
	from       string // where the first weights are, "" for those inside the program, or random ones
	with       string // of an ONNX model: the file that said how it is trained
}

func (d *driver) trainFlags(args []string) (*trainFlags, error) {
	t := &trainFlags{place: d.dataFlags()}
	f := d.flags
	f.IntVar(&t.o.Epochs, "epochs", 0, "how often to go through the data (default: the train block's)")
	f.IntVar(&t.o.Seed, "seed", 0, "the seed of weights, order and dropout (default: the train block's)")
	f.IntVar(&t.o.Threads, "threads", 0, "how many threads to use (default: the processor's)")
	f.IntVar(&t.o.Batch, "batch", 0, "examples in one step (default: the train block's)")
	f.Float64Var(&t.o.LearningRate, "lr", 0, "the learning rate (default: the optimizer's)")
	f.BoolVar(&t.o.Resume, "resume", false, "go on from the checkpoint")
	f.StringVar(&t.from, "from", "", "start with the weights of this `file`, .safetensors, .npz or .npy")
	f.StringVar(&t.with, "with", "", "of an ONNX model: the `file` with its target and train block")
	f.StringVar(&t.output, "output", d.m.name+".safetensors", "write the weights to this `file`, .safetensors, .npz, .npy or a folder")
	f.StringVar(&t.checkpoint, "checkpoint", d.m.name+".checkpoint", "keep the state of the training in this `file`")
	if err := d.parse(args, false); err != nil {
		return nil, err
	}
	// In Train a zero stands for the train block's value, so a zero that the user means cannot be passed on.
	for name, zero := range map[string]bool{"epochs": t.o.Epochs == 0, "seed": t.o.Seed == 0, "batch": t.o.Batch == 0, "threads": t.o.Threads == 0, "lr": t.o.LearningRate == 0} {
		if zero && d.given(name) {
			return nil, d.usage("--%s must not be 0; leave it out for the default", name)
		}
	}
	t.o.Checkpoint, t.o.Folder = t.checkpoint, t.place.base
	return t, nil
}

// again is the command that goes on with a training.
func (t *trainFlags) again(m *modelInfo) string {
	source := t.place.path(m.source)
	command := "dlc train " + source + " --resume"
	if t.with != "" {
		command += " --with " + t.with
	}
	if t.checkpoint != strings.TrimSuffix(source, filepath.Ext(source))+".checkpoint" {
		command += " --checkpoint " + t.checkpoint
	}
	return command
}

// train trains the model, measures it on the test set and writes its weights.
func (d *driver) train(args []string) error {
	f, err := d.trainFlags(args)
	if err != nil {
		return err
	}
	if err := d.needsTraining(); err != nil {
		return err
	}
	if err := checkFormat(f.output, d.m.entries(nil)); err != nil {
		return err
	}
	if f.from != "" || f.with != "" && !f.o.Resume { // an imported network has its weights inside
		if f.o.From, err = d.model(f.from); err != nil {
			return err
		}
	}
	data, err := openData(d.m, *f.place, "train", "test")
	if err != nil {
		return err
	}
	if _, err := os.Stat(f.checkpoint); err == nil && !f.o.Resume {
		fmt.Fprintf(d.stderr, "dlc: note: training starts anew and replaces %s; --resume goes on from it\n", f.checkpoint)
	}
	show := newProgress(d.stderr)
	f.o.Progress = func(e Event) { d.progress(show, e) }
	t, err := newTrainer(d.m, f.o)
	if err != nil {
		return err
	}
	if err := d.printStart(t, data); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second interrupt ends the program at once.
	context.AfterFunc(ctx, stop)
	var options []FitOption
	if data.held != nil {
		options = append(options, validate(data.held))
	}
	history, err := t.fit(ctx, data.train, options...)
	stop() // from here on an interrupt ends the program: the checkpoint is complete
	show.end()
	if err != nil {
		return d.stopped(t, f, err)
	}
	if err := t.saveTo(f.output); err != nil {
		return err
	}
	if t.at.stopped {
		fmt.Fprintf(d.stderr, "dlc: stopped early after epoch %d\n", t.at.epoch)
	}
	return d.finish(t, f, history, data)
}

// progress shows one event: nothing of single steps but on a terminal.
func (d *driver) progress(show *progress, e Event) {
	switch {
	case d.json:
		if e.EpochDone {
			d.printJSON(epochObject(e))
		}
	case d.terminal:
		show.event(e)
	case e.EpochDone:
		head, tail := progressText(e)
		fmt.Fprintln(d.stderr, head+tail)
	}
}

// epochObject is the JSON of the end of an epoch.
func epochObject(e Event) object {
	o := object{{"event", "epoch"}, {"epoch", e.Epoch}, {"epochs", e.Epochs}, {"learning_rate", e.LearningRate}, {"per_s", e.PerSecond}}
	o = append(o, metricMembers("", e.Metrics)...)
	return append(o, metricMembers("val_", e.ValMetrics)...)
}

// metricMembers are metrics by their names; one with a table is its rows.
func metricMembers(prefix string, m Metrics) object {
	var o object
	for _, x := range m {
		if x.Table != nil {
			o = append(o, member{prefix + x.Name, x.Table})
			continue
		}
		o = append(o, member{prefix + x.Name, jsonNumber(x.Value)})
	}
	return o
}

// printStart says what is trained on what.
func (d *driver) printStart(t *Trainer, data dataSets) error {
	parameters := 0
	for i := range d.m.params {
		parameters += d.m.params[i].elems()
	}
	held, test := 0, 0
	if data.held != nil {
		held = data.held.Len()
	}
	if data.test != nil {
		test = data.test.Len()
	}
	if d.json {
		return d.printJSON(object{{"event", "start"}, {"model", d.m.name}, {"parameters", parameters}, {"examples", data.train.Len()},
			{"validation", held}, {"test", test}, {"epochs", t.o.Epochs}, {"batch", t.o.Batch}, {"seed", t.o.Seed}, {"threads", t.o.Threads},
			{"isa", string(isa)}})
	}
	fmt.Fprintf(d.stderr, "training %s: %d parameters, %d examples, %d held out for validation, batch %d, threads %d, %s\n",
		d.m.name, parameters, data.train.Len(), held, t.o.Batch, t.o.Threads, isa)
	return nil
}

// stopped says why training ended early. After an interrupt the status is 130, as of a program that the signal ended.
func (d *driver) stopped(t *Trainer, f *trainFlags, err error) error {
	var lost *checkpointError
	switch {
	case errors.Is(err, ErrDiverged) && t.at.step > 0:
		return fmt.Errorf("%w; %s --lr RATE goes on from %s", err, f.again(d.m), f.checkpoint)
	case !errors.Is(err, context.Canceled) || errors.As(err, &lost):
		return err
	}
	if d.json {
		d.printJSON(object{{"event", "interrupted"}, {"checkpoint", f.checkpoint}, {"epochs", t.at.epoch}, {"steps", t.at.step}})
	}
	fmt.Fprintf(d.stderr, "dlc: interrupted after %d epochs, at step %d; the training is kept in %s: %s goes on\n",
		t.at.epoch, t.at.step, f.checkpoint, f.again(d.m))
	return exitStatus(130)
}

// finish measures the trained model on the test set and prints the result.
func (d *driver) finish(t *Trainer, f *trainFlags, history History, data dataSets) error {
	var test Metrics
	if data.test != nil {
		var err error
		if test, err = measure(t.Model(), data.test, t.o.Batch, t.o.Threads); err != nil {
			return err
		}
	}
	seconds := 0.0
	var last EpochResult
	for _, e := range history {
		seconds += e.Seconds
		last = e
	}
	if d.json {
		o := object{{"event", "done"}, {"epochs", len(history)}, {"train_seconds", seconds}}
		o = append(o, metricMembers("val_", last.ValMetrics)...)
		return d.printJSON(append(o, metricMembers("test_", test)...))
	}
	fmt.Fprintf(d.stdout, "trained %d epochs in %.1f s\n", len(history), seconds)
	if test != nil {
		fmt.Fprint(d.stdout, "test ")
		fmt.Fprint(d.stdout, numbersOf("", test))
		fmt.Fprintf(d.stdout, "  (%d examples)\n", data.test.Len())
	}
	fmt.Fprintf(d.stdout, "wrote %s\n", f.output)
	return nil
}

// eval measures a trained model.
func (d *driver) eval(args []string) error {
	place := d.dataFlags()
	weights := d.flags.String("weights", d.m.name+".safetensors", "the `file` with the weights, .safetensors, .npz or .npy")
	split := d.flags.String("split", "test", "the part to measure on: test, validation or train")
	batch := d.flags.Int("batch", 0, "examples in one call (default: the train block's)")
	threads := d.flags.Int("threads", 0, "how many threads to use (default: the processor's)")
	if err := d.parse(args, false); err != nil {
		return err
	}
	if err := d.checkChoice("split", *split, "test", "validation", "train"); err != nil {
		return err
	}
	if err := d.needsTraining(); err != nil {
		return err
	}
	model, err := d.model(*weights)
	if err != nil {
		return err
	}
	feed := feeder{m: d.m, place: *place, parts: map[string]dataPart{}}
	t, err := feed.part(*split)
	if err != nil {
		return err
	}
	if *batch == 0 {
		*batch = d.m.recipe.batch
	}
	if *threads == 0 {
		*threads = min(stdruntime.GOMAXPROCS(0), maxThreads)
	}
	got, err := measure(model, t, *batch, *threads)
	if err != nil {
		return err
	}
	if d.json {
		prefix := map[string]string{"test": "test_", "validation": "val_", "train": ""}[*split]
		return d.printJSON(append(object{{"event", "eval"}, {"split", *split}, {"examples", t.Len()}}, metricMembers(prefix, got)...))
	}
	for _, m := range got {
		if m.Table != nil {
			fmt.Fprintf(d.stdout, "%s_%s, a row for each right class and a column for each predicted:\n%s", *split, m.Name, tableText(m.Table))
			continue
		}
		fmt.Fprintf(d.stdout, "%s_%s %s\n", *split, m.Name, number(m.Value))
	}
	return nil
}

// measure returns the loss and the metrics of a model over a data set.
func measure(m *Model, data dataPart, batch, threads int) (Metrics, error) {
	if threads < 1 || threads > maxThreads {
		return nil, fmt.Errorf("the number of threads is %d and must be 1 to %d", threads, maxThreads)
	}
	if err := checkBatch(m.info.eval, batch); err != nil {
		return nil, fmt.Errorf("batch %d: %w", batch, err)
	}
	p := newPool(threads)
	defer p.close()
	return newEvaluator(m.info, batch, m.weights, p).run(context.Background(), data)
}
