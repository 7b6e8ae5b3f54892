package verify

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dlc-ml/dlc/codegen"
	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/onnx"
	"github.com/dlc-ml/dlc/passes"
)

// TestBatches runs networks on both of their recorded examples in one call: the rows must be those of each alone.
func TestBatches(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles large programs with the Go command")
	}
	folders, err := Folders([]string{sharedData(t, "models/onnx")})
	if err != nil {
		t.Fatal(err)
	}
	var runs []*run
	var cases []codegen.Case
	for _, dir := range folders {
		name := filepath.Base(dir)
		if name == "test_superres__super_resolution_10" {
			continue // large
		}
		m, err := onnx.Read(filepath.Join(dir, "model.onnx"))
		if err != nil {
			t.Fatal(err)
		}
		sets, err := readSets(dir, m)
		if err != nil {
			t.Fatal(err)
		}
		opt := onnx.Options{Name: "model", Shapes: map[string][]int{}, Batch: true}
		for in, x := range sets[0].inputs {
			opt.Shapes[in], _ = x.Shape()
		}
		imp, err := m.Import(opt)
		if err != nil {
			t.Logf("%s: %v", name, err)
			continue
		}
		u, err := passes.Run(imp.Module, nil)
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, &run{folder: &folder{verdict: Verdict{Case: name}}, model: imp, unit: u, sets: sets})
		cases = append(cases, codegen.Case{Name: name, Unit: u, Func: u.Loop(ir.FuncInfer)})
	}
	if len(runs) < 12 {
		t.Errorf("only %d networks have a batch", len(runs))
	}
	s, err := driver.NewSuite(context.Background(), t.TempDir(), cases)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	for i, r := range runs {
		t.Run(r.folder.verdict.Case, func(t *testing.T) { r.together(t, s, i) })
	}
}

// together runs two data sets as one batch.
func (r *run) together(t *testing.T, s *driver.Suite, i int) {
	call := driver.Call{Batch: 2, Threads: 2, Weights: r.unit.Words(r.model.Floats())}
	for _, p := range r.model.Inputs {
		var both []uint32
		for _, set := range r.sets[:2] {
			words, err := inputWords(set.inputs[p.Name], p)
			if err != nil {
				t.Fatal(err)
			}
			both = append(both, words...)
		}
		call.Inputs = append(call.Inputs, both)
	}
	got, err := s.Run(i, call)
	if err != nil {
		t.Fatal(err)
	}
	for k, set := range r.sets[:2] {
		var rows [][]uint32
		for _, words := range got.Outputs {
			half := len(words) / 2
			rows = append(rows, slices.Clone(words[k*half:(k+1)*half]))
		}
		if err := compareOutputs(r.model, set, rows, onnx.Tolerance{Rel: 1e-3, Abs: 1e-5}, nil); err != nil {
			t.Errorf("example %d: %v", k, err)
		}
	}
}
