package runtime

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// callback is what happens after each epoch, as the train block says.
type callback struct {
	call
	kind  callbackKind
	state *plateau // of those that watch a value
	// columns are the names in a log that this process has begun.
	columns []string
}

// callbackKind is one kind of callback. The tables of package dsl have the defaults of its arguments.
type callbackKind struct {
	watches bool // it monitors a value
	check   argCheck
	// done is told each epoch, before the checkpoint is written. w is what a callback that watches sees.
	done func(r *fitRun, c *callback, w watched) error
}

// callbackKinds are the callbacks by their names:
//
//	early_stopping(monitor, patience, min_delta, mode, restore)  ends the training when the value has not got better by min_delta for
//	                                         patience epochs; with restore the weights are then, and at the training's end, those of
//	                                         the best epoch
//	best(monitor, mode, file)                writes the weights when the value is the best so far
//	last(file)                               writes the weights
//	csv(file), jsonl(file)                   append to the history: a line an epoch
//	tensorboard(folder)                      appends to an event file
//
// Files lie in Train.Folder, and are not written where that is "".
var callbackKinds = map[string]callbackKind{
	"early_stopping": {watches: true, check: checks(wholeArg("patience", 10, 0, 1<<30), numberArg("min_delta", 0, 0, 1e300)), done: stopEarly},
	"best": {watches: true, check: savesArg, done: func(r *fitRun, c *callback, w watched) error {
		if !c.state.improved(w, 0) {
			return nil
		}
		return r.saveBeside(c, ".best.safetensors")
	}},
	"last":        {check: savesArg, done: func(r *fitRun, c *callback, _ watched) error { return r.saveBeside(c, ".last.safetensors") }},
	"csv":         {done: func(r *fitRun, c *callback, _ watched) error { return r.logTo(c, ".csv", csvLog) }},
	"jsonl":       {done: func(r *fitRun, c *callback, _ watched) error { return r.logTo(c, ".jsonl", jsonLog) }},
	"tensorboard": {done: logEvents},
}

// watching are the callbacks that watch a value, and remember it.
func watching(calls []call) []call {
	return slices.DeleteFunc(slices.Clone(calls), func(c call) bool { return !callbackKinds[c.name].watches })
}

// newCallbacks checks the callbacks of a recipe. states has one for each that watches.
func newCallbacks(calls []call, m *modelInfo, states []plateau) ([]callback, error) {
	var list []callback
	for _, c := range calls {
		k, ok := callbackKinds[c.name]
		if !ok {
			return nil, fmt.Errorf("callback %s: no callback is called that; there are %s", c.name, strings.Join(slices.Sorted(maps.Keys(callbackKinds)), ", "))
		}
		if k.check != nil {
			if err := k.check(c); err != nil {
				return nil, fmt.Errorf("callback %s: %w", c.name, err)
			}
		}
		b := callback{call: c, kind: k}
		if k.watches {
			if err := monitorArg(c, m); err != nil {
				return nil, fmt.Errorf("callback %s: %w", c.name, err)
			}
			b.state, states = &states[0], states[1:]
		}
		list = append(list, b)
	}
	return list, nil
}

// restores reports whether a callback keeps the best weights.
func restores(calls []call) bool {
	return slices.ContainsFunc(calls, func(c call) bool {
		restore, ok := c.args["restore"].(bool)
		return c.name == "early_stopping" && (restore || !ok)
	})
}

// callBack tells the callbacks of an epoch, which is the last of the history.
func (r *fitRun) callBack(e *EpochResult) error {
	for i := range r.callbacks {
		c := &r.callbacks[i]
		var w watched
		if c.kind.watches {
			var err error
			if w, err = watch(c.call, e, r.info); err != nil {
				return fmt.Errorf("callback %s %w", c.name, err)
			}
		}
		if err := c.kind.done(r, c, w); err != nil {
			return fmt.Errorf("callback %s: %w", c.name, err)
		}
	}
	return nil
}

// improved notes a value and reports whether it is the best so far, by more than a difference.
func (p *plateau) improved(w watched, by float64) bool {
	if w.value == w.value && (!p.seen || w.better(p.best, by)) {
		p.seen, p.best, p.bad = true, w.value, 0
		return true
	}
	p.bad++
	return false
}

func stopEarly(r *fitRun, c *callback, w watched) error {
	if c.state.improved(w, argNumber(c.call, "min_delta", 0)) {
		copy(r.best, r.averaged())
		return nil
	}
	if float64(c.state.bad) >= max(argNumber(c.call, "patience", 10), 1) {
		r.at.stopped = true
	}
	return nil
}

// beside returns the path of a callback's file: its own, or the model's name with an ending. It is "" where no files are to be written.
func (r *fitRun) beside(c *callback, name, ending string) string {
	if r.o.Folder == "" {
		return ""
	}
	file := argWord(c.call, name, "")
	if file == "" {
		file = r.info.name + ending
	}
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(r.o.Folder, file)
}

// savesArg refuses a file of weights that is named after another format.
func savesArg(c call) error { return checkSafetensors(argWord(c, "file", "")) }

func (r *fitRun) saveBeside(c *callback, ending string) error {
	path := r.beside(c, "file", ending)
	if path == "" {
		return nil
	}
	return saveWeights(r.info, path, r.averaged())
}
