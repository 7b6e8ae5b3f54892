// Package tune times the kernels of models on this machine, says how well the cost model predicts them, and fits its constants.
package tune

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dlc-ml/dlc/avo/kernel"
	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/codegen"
	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/dlc-ml/dlc/passes/pass"
)

// Sample is one kernel that was timed.
type Sample struct {
	*kernel.Measured
	Name string // the model and its step
	Time *driver.StepTime
}

// Result is what the kernels of all models say.
type Result struct {
	Target  vec.Target
	Samples []*Sample // no two of the same code and the same work, ordered by form and name
	Table   *kernel.Costs
	Fitted  *kernel.Costs
}

// shortest is the time in milliseconds that a step takes at least to be counted: reading the clock takes part of what is shorter.
const shortest = 0.002

// Options say what is timed.
type Options struct {
	Modes   []string // "infer", "train": calls, steps of training
	Batches []int    // examples in one call or step
	ISA     string   // the instruction set to take, "" for the best that the processor has
}

// Run compiles models, times their kernels in each mode with each of the batches on one thread, and fits the constants to them. tell hears what is being done.
func Run(ctx context.Context, files []string, o Options, tell func(string)) (*Result, error) {
	r := &Result{}
	if o.ISA != "" {
		if _, err := targetOf(o.ISA); err != nil {
			return nil, err
		}
	}
	for _, file := range files {
		m, err := driver.Compile(file, nil, &pass.Config{})
		if err != nil {
			return nil, err
		}
		program, err := m.Program(ctx, func() { tell("compiling " + file) })
		if err != nil {
			return nil, err
		}
		steps, err := codegen.Steps(m.Unit)
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		for _, mode := range o.Modes {
			for _, batch := range o.Batches {
				tell(fmt.Sprintf("timing %s, %s, batch %d", file, mode, batch))
				profile, err := driver.RunProfile(program, mode, o.ISA, batch)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", file, err)
				}
				if err := r.add(name, mode, steps, profile); err != nil {
					return nil, err
				}
			}
		}
	}
	return r, r.fit()
}

// add takes the steps of one profile.
func (r *Result) add(model, mode string, steps []*codegen.Step, p *driver.Profile) error {
	target, err := targetOf(p.ISA)
	if err != nil {
		return err
	}
	r.Target = target
	perMs := p.Peak * 1e6 / (2 * kernel.FMARate(target) * float64(target.Lanes))
	for _, s := range steps {
		took := p.Step(s.Name)
		if s.Func != mode || s.Kernel == nil || took == nil || took.Ms < shortest || fewRows(s.Kernel, p.Examples) {
			continue
		}
		m, err := kernel.NewMeasured(s.Kernel, target, p.Examples, took.Ms*perMs)
		if err != nil {
			return err
		}
		r.Samples = append(r.Samples, &Sample{m, fmt.Sprintf("%s %s, batch %d", model, s.Name, p.Examples), took})
	}
	return nil
}

// fewRows reports whether a call is too small for the tile: the model is about larger ones.
func fewRows(k *kernel.Builder, examples int) bool {
	return k.Grid.PerBatch && k.Grid.Extent*examples < k.Grid.Tile
}

// targetOf is the target that an instruction set is.
func targetOf(isa string) (vec.Target, error) {
	for _, t := range []vec.Target{vec.AVX2, vec.AVX512, vec.NEON} {
		if t.Name == isa {
			return t, nil
		}
	}
	return vec.Target{}, fmt.Errorf("the cost model is about vector units, and there is none for %s", isa)
}

// fit drops what is there twice, orders the rest and fits the constants.
func (r *Result) fit() error {
	r.Table = kernel.Table(r.Target)
	key := func(s *Sample) string {
		return fmt.Sprint(s.Form(), s.Tiling(), s.Predicted(r.Table), s.Time.Flops, s.Time.Bytes)
	}
	best := map[string]*Sample{}
	for _, s := range r.Samples {
		if old := best[key(s)]; old == nil || s.Cycles < old.Cycles {
			best[key(s)] = s
		}
	}
	r.Samples = slices.DeleteFunc(r.Samples, func(s *Sample) bool { return best[key(s)] != s })
	slices.SortStableFunc(r.Samples, func(a, b *Sample) int {
		return strings.Compare(a.Form()+" "+a.Name, b.Form()+" "+b.Name)
	})
	if len(r.Samples) == 0 {
		return fmt.Errorf("no kernel takes %g ms, so there is nothing to fit: give larger models or batches", shortest)
	}
	r.Fitted = kernel.Fit(measured(r.Samples), r.Table)
	return nil
}

func measured(list []*Sample) []*kernel.Measured {
	var m []*kernel.Measured
	for _, s := range list {
		m = append(m, s.Measured)
	}
	return m
}
