package driver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dlc-ml/dlc/codegen"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/onnx"
	"github.com/dlc-ml/dlc/passes"
	"github.com/dlc-ml/dlc/passes/pass"
)

// The results of a case of dlc verify.
const (
	VerifyPass        = "pass"
	VerifyFail        = "fail"
	VerifyUnsupported = "unsupported"
)

// Verdict is what dlc verify says of one folder.
type Verdict struct {
	Case   string  `json:"case"`
	Result string  `json:"result"`
	Detail string  `json:"detail,omitempty"`
	Error  float64 `json:"max_error"`
	// Fixed are inputs that say extents and so were known when the model was compiled.
	Fixed []string `json:"fixed,omitempty"`
}

// Verify checks folders in the form of ONNX's backend tests.
type Verify struct {
	Tolerance onnx.Tolerance
	ISA       string
	Jobs      int                   // how many programs are compiled and run at a time
	Tell      func(v Verdict)       // called for each folder, in order
	Progress  func(done, total int) // where set, called while programs are compiled
}

// verifyFolder is one folder on its way.
type verifyFolder struct {
	verdict Verdict
	runs    []*verifyRun
}

// verifyRun is one compiled function with the data sets that it is run on.
type verifyRun struct {
	folder  *verifyFolder
	model   *onnx.Import
	unit    *pass.Unit
	sets    []*verifySet
	weights int // words of all weights
}

// verifySet is one data set.
type verifySet struct {
	name    string
	inputs  map[string]*onnx.Tensor
	outputs []*onnx.Tensor
}

// FindVerifyFolders returns the folders with a model.onnx among the given ones and what lies in them.
func FindVerifyFolders(dirs []string) ([]string, error) {
	var list []string
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "model.onnx")); err == nil {
			list = append(list, filepath.Clean(dir))
			continue
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		before := len(list)
		for _, e := range entries {
			sub := filepath.Join(dir, e.Name())
			if _, err := os.Stat(filepath.Join(sub, "model.onnx")); err == nil {
				list = append(list, sub)
			}
		}
		if len(list) == before {
			return nil, fmt.Errorf("%s holds no model.onnx, and neither does a folder in it", dir)
		}
	}
	return list, nil
}

// casesInProgram is how many functions one program holds, and weightsInProgram how many words of weights their models have together.
const (
	casesInProgram   = 250
	weightsInProgram = 1 << 24
)

// Run checks the folders and returns the verdict of each, in order. The error is a failure to compile or run programs at all.
func (v *Verify) Run(ctx context.Context, folders []string) ([]Verdict, error) {
	list := make([]*verifyFolder, len(folders))
	var runs []*verifyRun
	for i, dir := range folders {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		list[i] = &verifyFolder{verdict: Verdict{Case: filepath.Base(dir)}}
		list[i].prepare(dir)
		runs = append(runs, list[i].runs...)
	}
	if err := v.runAll(ctx, runs); err != nil {
		return nil, err
	}
	verdicts := make([]Verdict, len(list))
	for i, f := range list {
		if f.verdict.Result == "" {
			f.verdict.Result = VerifyPass
		}
		verdicts[i] = f.verdict
		if v.Tell != nil {
			v.Tell(f.verdict)
		}
	}
	return verdicts, nil
}

// settle says the result of a folder, unless a worse one is known.
func (f *verifyFolder) settle(result string, detail string) {
	if f.verdict.Result == "" || f.verdict.Result == VerifyUnsupported && result == VerifyFail {
		f.verdict.Result, f.verdict.Detail = result, detail
	}
}

// prepare reads a folder and compiles its model for each data set, once where the sets allow it.
func (f *verifyFolder) prepare(dir string) {
	defer func() {
		if r := recover(); r != nil {
			f.settle(VerifyFail, fmt.Sprintf("internal error: %v", r))
			f.runs = nil
		}
	}()
	m, err := onnx.Read(filepath.Join(dir, "model.onnx"))
	if err != nil {
		f.settle(VerifyFail, err.Error())
		return
	}
	sets, err := readSets(dir, m)
	if err != nil {
		f.settle(VerifyFail, err.Error())
		return
	}
	for _, set := range sets {
		if err := f.compile(m, set); err != nil {
			if u := (*onnx.Unsupported)(nil); errors.As(err, &u) {
				f.settle(VerifyUnsupported, problems(u))
			} else {
				f.settle(VerifyFail, err.Error())
			}
			f.runs = nil
			return
		}
	}
}

// problems are what is not supported, in one line.
func problems(u *onnx.Unsupported) string {
	var list []string
	for _, p := range u.Problems {
		list = append(list, fmt.Sprintf("%s (%s): %s", p.Op, p.Node, p.Reason))
	}
	return strings.Join(list, "; ")
}

// compile makes the function for a data set, or takes one that was made for an earlier set of the same shapes.
func (f *verifyFolder) compile(m *onnx.Model, set *verifySet) error {
	opt := onnx.Options{Name: "model", Shapes: map[string][]int{}, Values: map[string]*onnx.Tensor{}}
	for name, t := range set.inputs {
		shape, err := t.Shape()
		if err != nil {
			return err
		}
		opt.Shapes[name] = shape
	}
	imp, err := m.Import(opt)
	if u := (*onnx.Unsupported)(nil); errors.As(err, &u) && len(u.Needs) > 0 {
		// Inputs that say extents are known when the model is compiled.
		for len(u.Needs) > 0 && len(opt.Values) < len(set.inputs) {
			for _, name := range u.Needs {
				opt.Values[name] = set.inputs[name]
				f.verdict.Fixed = append(f.verdict.Fixed, name)
			}
			if imp, err = m.Import(opt); err == nil || !errors.As(err, &u) {
				break
			}
		}
	}
	if err != nil {
		return err
	}
	if len(f.runs) > 0 && len(opt.Values) == 0 && sameInputs(f.runs[0].model, imp) {
		f.runs[0].sets = append(f.runs[0].sets, set)
		return nil
	}
	if len(imp.Module.Func(ir.FuncInfer).Results) == 0 { // results without elements only: there is nothing to run
		return compareOutputs(imp, set, nil, onnx.Tolerance{}, nil)
	}
	u, err := passes.Run(imp.Module, nil)
	if err != nil {
		return err
	}
	f.runs = append(f.runs, &verifyRun{folder: f, model: imp, unit: u, sets: []*verifySet{set}, weights: u.ArenaLen})
	return nil
}

func sameInputs(a, b *onnx.Import) bool {
	return slices.EqualFunc(a.Inputs, b.Inputs, func(p, q onnx.Port) bool { return p.Name == q.Name && p.IR.Equal(q.IR) })
}

// readSets reads test_data_set_0, test_data_set_1 …
func readSets(dir string, m *onnx.Model) ([]*verifySet, error) {
	var sets []*verifySet
	for i := 0; ; i++ {
		s := &verifySet{name: "test_data_set_" + strconv.Itoa(i), inputs: map[string]*onnx.Tensor{}}
		sub := filepath.Join(dir, s.name)
		if _, err := os.Stat(sub); errors.Is(err, fs.ErrNotExist) {
			break
		}
		known := map[string]bool{}
		for _, t := range m.Graph.Initializers {
			known[t.Name] = true
		}
		n := 0
		for _, in := range m.Graph.Inputs {
			if in.Type == nil || in.Type.Tensor == nil {
				n++
				continue // the import says what is wrong
			}
			t, err := onnx.ReadTensor(filepath.Join(sub, "input_"+strconv.Itoa(n)+".pb"))
			if errors.Is(err, fs.ErrNotExist) && known[in.Name] {
				continue
			}
			if err != nil {
				return nil, err
			}
			s.inputs[in.Name] = t
			n++
		}
		for k, out := range m.Graph.Outputs {
			t := &onnx.Tensor{}
			if out.Type != nil && out.Type.Tensor != nil {
				var err error
				if t, err = onnx.ReadTensor(filepath.Join(sub, "output_"+strconv.Itoa(k)+".pb")); err != nil {
					return nil, err
				}
			}
			s.outputs = append(s.outputs, t)
		}
		sets = append(sets, s)
	}
	if len(sets) == 0 {
		return nil, fmt.Errorf("%s has no test_data_set_0", dir)
	}
	return sets, nil
}

// runAll compiles the functions to programs of a bounded size and runs them.
func (v *Verify) runAll(ctx context.Context, runs []*verifyRun) error {
	total, done := len(runs), 0
	var groups [][]*verifyRun
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
			results <- v.runProgram(ctx, g)
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

// runProgram compiles some functions to one program and runs each on its data.
func (v *Verify) runProgram(ctx context.Context, runs []*verifyRun) error {
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
	s, err := NewSuite(ctx, dir, cases)
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
			r.folder.settle(VerifyFail, s.Refused[i].Error())
			continue
		}
		for _, set := range r.sets {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if s.cmd == nil {
				if err := s.Start(env...); err != nil {
					return err
				}
			}
			worst, err := r.run(s, i, set, v.Tolerance)
			r.folder.verdict.Error = max(r.folder.verdict.Error, finite(worst))
			if b := (*beyond)(nil); errors.As(err, &b) {
				r.folder.settle(VerifyUnsupported, set.name+": "+err.Error())
			} else if err != nil {
				r.folder.settle(VerifyFail, set.name+": "+err.Error())
			}
		}
		r.unit, r.model = nil, nil // the weights of many models would fill the memory
	}
	return nil
}

// finite is x as JSON can hold it.
func finite(x float64) float64 {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return math.MaxFloat64
	}
	return x
}

// run runs a function on a data set and compares every output.
func (r *verifyRun) run(s *Suite, i int, set *verifySet, tol onnx.Tolerance) (worst float64, err error) {
	call := Call{Batch: 1, Threads: 1, Weights: arenaWords(r.unit, r.model.Weights)}
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
func compareOutputs(m *onnx.Import, set *verifySet, got [][]uint32, tol onnx.Tolerance, worst *float64) error {
	for k, p := range m.Outputs {
		var numbers []float64
		if p.Port != "" {
			numbers, got = outputNumbers(got[0], p), got[1:]
		}
		var shape []int
		for _, d := range p.IR.Shape {
			shape = append(shape, d.Size)
		}
		d, err := set.outputs[k].As(p.Type).Compare(p.Type, shape, numbers, tol)
		if worst != nil {
			*worst = max(*worst, d)
		}
		if err != nil {
			return fmt.Errorf("output %s: %w", p.Name, err)
		}
	}
	return nil
}

// arenaWords are the weights as they lie in the parameter arena.
func arenaWords(u *pass.Unit, weights map[string][]float32) []uint32 {
	words := make([]uint32, u.ArenaLen)
	for _, pl := range u.Places {
		for i, x := range weights[pl.Param.Name] {
			words[pl.At(i)] = math.Float32bits(x)
		}
	}
	return words
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
