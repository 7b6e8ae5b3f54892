// Package verify checks imported ONNX models: hundreds of them are compiled to one program, which runs them on recorded inputs, and every output is compared
// with the recorded one. The data has the form of ONNX's backend tests.
package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/onnx"
	"github.com/dlc-ml/dlc/passes"
	"github.com/dlc-ml/dlc/passes/pass"
)

// The results of a case of dlc verify.
const (
	Pass        = "pass"
	Fail        = "fail"
	Unsupported = "unsupported"
)

// Verdict is what dlc verify says of one folder.
type Verdict struct {
	Case   string  `json:"case"`
	Result string  `json:"result"`
	Detail string  `json:"detail,omitempty"`
	Error  float64 `json:"max_error"`
	// Fixed are inputs that say extents and so were known when the model was compiled.
	Fixed []string `json:"fixed,omitempty"`
	// Operators are those that the model holds.
	Operators []string `json:"-"`
}

// Checker checks folders in the form of ONNX's backend tests.
type Checker struct {
	Tolerance onnx.Tolerance
	ISA       string
	Jobs      int                   // how many programs are compiled and run at a time
	Batch     bool                  // make the first axis of each model the batch, where that is possible
	Tell      func(v Verdict)       // called for each folder, in order
	Progress  func(done, total int) // where set, called while programs are compiled
}

// folder is one folder on its way.
type folder struct {
	verdict Verdict
	runs    []*run
}

// run is one compiled function with the data sets that it is run on.
type run struct {
	folder  *folder
	model   *onnx.Import
	unit    *pass.Unit
	sets    []*dataSet
	weights int // words of all weights
}

// dataSet is one data set.
type dataSet struct {
	name    string
	inputs  map[string]*onnx.Tensor
	outputs []*onnx.Tensor
}

// Folders returns the folders with a model.onnx among the given ones and what lies in them.
func Folders(dirs []string) ([]string, error) {
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
func (v *Checker) Run(ctx context.Context, folders []string) ([]Verdict, error) {
	list := make([]*folder, len(folders))
	var runs []*run
	for i, dir := range folders {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		list[i] = &folder{verdict: Verdict{Case: filepath.Base(dir)}}
		list[i].prepare(dir, v.Batch)
		runs = append(runs, list[i].runs...)
	}
	if err := v.runAll(ctx, runs); err != nil {
		return nil, err
	}
	verdicts := make([]Verdict, len(list))
	for i, f := range list {
		if f.verdict.Result == "" {
			f.verdict.Result = Pass
		}
		verdicts[i] = f.verdict
		if v.Tell != nil {
			v.Tell(f.verdict)
		}
	}
	return verdicts, nil
}

// settle says the result of a folder, unless a worse one is known.
func (f *folder) settle(result string, detail string) {
	if f.verdict.Result == "" || f.verdict.Result == Unsupported && result == Fail {
		f.verdict.Result, f.verdict.Detail = result, detail
	}
}

// prepare reads a folder and compiles its model for each data set, once where the sets allow it.
func (f *folder) prepare(dir string, batch bool) {
	defer func() {
		if r := recover(); r != nil {
			f.settle(Fail, fmt.Sprintf("internal error: %v", r))
			f.runs = nil
		}
	}()
	m, err := onnx.Read(filepath.Join(dir, "model.onnx"))
	if err != nil {
		f.settle(Fail, err.Error())
		return
	}
	f.verdict.Operators = operators(m)
	sets, err := readSets(dir, m)
	if err != nil {
		f.settle(Fail, err.Error())
		return
	}
	for _, set := range sets {
		if err := f.compile(m, set, batch); err != nil {
			if u := (*onnx.Unsupported)(nil); errors.As(err, &u) {
				f.settle(Unsupported, problems(u))
			} else {
				f.settle(Fail, err.Error())
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
func (f *folder) compile(m *onnx.Model, set *dataSet, batch bool) error {
	read := (*onnx.Model).Import
	if batch {
		read = driver.ImportONNX
	}
	opt := onnx.Options{Name: "model", Shapes: map[string][]int{}, Values: map[string]*onnx.Tensor{}}
	for name, t := range set.inputs {
		shape, err := t.Shape()
		if err != nil {
			return err
		}
		opt.Shapes[name] = shape
	}
	imp, err := read(m, opt)
	if u := (*onnx.Unsupported)(nil); errors.As(err, &u) && len(u.Needs) > 0 {
		// Inputs that say extents are known when the model is compiled.
		for len(u.Needs) > 0 && len(opt.Values) < len(set.inputs) {
			for _, name := range u.Needs {
				opt.Values[name] = set.inputs[name]
				f.verdict.Fixed = append(f.verdict.Fixed, name)
			}
			if imp, err = read(m, opt); err == nil || !errors.As(err, &u) {
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
	f.runs = append(f.runs, &run{folder: f, model: imp, unit: u, sets: []*dataSet{set}, weights: u.ArenaLen})
	return nil
}

func sameInputs(a, b *onnx.Import) bool {
	return slices.EqualFunc(a.Inputs, b.Inputs, func(p, q onnx.Port) bool { return p.Name == q.Name && p.IR.Equal(q.IR) })
}

// readSets reads test_data_set_0, test_data_set_1 …
func readSets(dir string, m *onnx.Model) ([]*dataSet, error) {
	var sets []*dataSet
	for i := 0; ; i++ {
		s := &dataSet{name: "test_data_set_" + strconv.Itoa(i), inputs: map[string]*onnx.Tensor{}}
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
