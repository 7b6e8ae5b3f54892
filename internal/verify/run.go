package verify

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"

	"github.com/dlc-ml/dlc/codegen"
	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/onnx"
)

// runAll compiles the functions to programs of a bounded size and runs them.
func (v *Checker) runAll(ctx context.Context, runs []*run) error {
	total, done := len(runs), 0
	var groups [][]*run
	for len(runs) > 0 {
		n, weights := 0, 0
		for n < len(runs) && n < casesInProgram && (n == 0 || weights+runs[n].weights <= weightsInProgram) {
			weights += runs[n].weights
			n++
		}
		groups, runs = append(groups, runs[:n]), runs[n:]
	}
	jobs := max(1, v.Jobs)
	results := make(chan error, len(groups))
	slots := make(chan struct{}, jobs)
	for _, g := range groups {
		go func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			results <- v.runGroup(ctx, g)
		}()
	}
	var first error
	for _, g := range groups {
		if err := <-results; err != nil && first == nil {
			first = err
		}
		if done += len(g); v.Progress != nil {
			v.Progress(min(done, total), total)
		}
	}
	return first
}

// runGroup runs some functions as one program. Where that cannot be compiled it tries the halves, down to the one that is to blame.
func (v *Checker) runGroup(ctx context.Context, runs []*run) error {
	runs = slices.DeleteFunc(slices.Clone(runs), func(r *run) bool { return r.unit == nil }) // those that were run before
	if len(runs) == 0 {
		return nil
	}
	err := v.runSafely(ctx, runs)
	switch {
	case err == nil || ctx.Err() != nil:
		return ctx.Err()
	case len(runs) == 1:
		runs[0].folder.settle(Fail, err.Error())
		return nil
	}
	half := len(runs) / 2
	if err := v.runGroup(ctx, runs[:half]); err != nil {
		return err
	}
	return v.runGroup(ctx, runs[half:])
}

// runSafely makes an error of a panic.
func (v *Checker) runSafely(ctx context.Context, runs []*run) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error: %v", r)
		}
	}()
	return v.runProgram(ctx, runs)
}

// runProgram compiles some functions to one program and runs each on its data.
func (v *Checker) runProgram(ctx context.Context, runs []*run) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	dir, err := os.MkdirTemp("", "dlc-verify-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cases := make([]codegen.Case, len(runs))
	for i, r := range runs {
		cases[i] = codegen.Case{Name: r.folder.verdict.Case, Unit: r.unit, Func: r.unit.Loop(ir.FuncInfer)}
	}
	s, err := driver.NewSuite(ctx, dir, cases)
	if err != nil {
		return err
	}
	defer s.Close()
	var env []string
	if v.ISA != "" {
		env = append(env, "DLC_ISA="+v.ISA)
	}
	if err := s.Start(env...); err != nil {
		return err
	}
	for i, r := range runs {
		if s.Refused[i] != nil {
			r.folder.settle(Fail, s.Refused[i].Error())
			continue
		}
		for _, set := range r.sets {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if !s.Running() {
				if err := s.Start(env...); err != nil {
					return err
				}
			}
			worst, err := r.run(s, i, set, v.Tolerance)
			r.folder.verdict.Error = max(r.folder.verdict.Error, finite(worst))
			if b := (*beyond)(nil); errors.As(err, &b) {
				r.folder.settle(Unsupported, set.name+": "+err.Error())
			} else if err != nil {
				r.folder.settle(Fail, set.name+": "+err.Error())
			}
		}
		r.done()
	}
	return nil
}

// done lets go of the weights, of which many models would fill the memory.
func (r *run) done() { r.unit, r.model = nil, nil }

// finite is x as JSON can hold it.
func finite(x float64) float64 {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return math.MaxFloat64
	}
	return x
}

// run runs a function on a data set and compares every output.
func (r *run) run(s *driver.Suite, i int, set *dataSet, tol onnx.Tolerance) (worst float64, err error) {
	call := driver.Call{Batch: 1, Threads: 1, Weights: r.unit.Words(r.model.Floats())}
	for _, p := range r.model.Inputs {
		words, err := inputWords(set.inputs[p.Name], p)
		if err != nil {
			return 0, err
		}
		call.Inputs = append(call.Inputs, words)
	}
	got, err := s.Run(i, call)
	if err != nil {
		return 0, err
	}
	err = compareOutputs(r.model, set, got.Outputs, tol, &worst)
	return worst, err
}

// compareOutputs compares what a function gave, one list of words for each of its results, with what is expected.
func compareOutputs(m *onnx.Import, set *dataSet, got [][]uint32, tol onnx.Tolerance, worst *float64) error {
	at := 0
	for k, p := range m.Outputs {
		var numbers []float64
		if p.Port != "" {
			numbers, at = outputNumbers(got[at], p), at+1
		}
		shape := p.Shape
		if i := slices.Index(m.Extents, p.Count); i >= 0 {
			numbers, shape = p.First(numbers, int(int32(got[len(got)-len(m.Extents)+i][0])))
		}
		d, err := set.outputs[k].Compare(p.Type, shape, numbers, tol)
		if worst != nil {
			*worst = max(*worst, d)
		}
		if err != nil {
			return fmt.Errorf("output %s: %w", p.Name, err)
		}
	}
	return nil
}

// beyond says that data does not fit the cells of a program, in which it is refused.
type beyond struct{ error }

// inputWords are the elements of an input as a program takes them. It is an error where one does not fit 32 bits.
func inputWords(t *onnx.Tensor, p onnx.Port) ([]uint32, error) {
	if t = t.As(p.Type); t.Type != p.Type {
		return nil, fmt.Errorf("input %s is %v, not %v", p.Name, t.Type, p.Type)
	}
	data, err := t.Numbers()
	if err != nil {
		return nil, fmt.Errorf("input %s: %w", p.Name, err)
	}
	words := make([]uint32, len(data))
	for i, x := range data {
		if p.IR.Elem.Float() {
			f := float32(x)
			if math.IsInf(float64(f), 0) && !math.IsInf(x, 0) {
				return nil, &beyond{fmt.Errorf("input %s: element %d is %v, but numbers are held as f32", p.Name, i, x)}
			}
			words[i] = math.Float32bits(f)
			continue
		}
		if x < math.MinInt32 || x > math.MaxInt32 {
			return nil, &beyond{fmt.Errorf("input %s: element %d is %v, but whole numbers are held in 32 bits", p.Name, i, x)}
		}
		words[i] = uint32(int32(x))
	}
	return words, nil
}

// outputNumbers are the elements of an output.
func outputNumbers(words []uint32, p onnx.Port) []float64 {
	list := make([]float64, len(words))
	for i, w := range words {
		if p.IR.Elem.Float() {
			list[i] = float64(math.Float32frombits(w))
		} else {
			list[i] = float64(int32(w))
		}
	}
	return list
}
