package verify

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/dsl"
	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/dlc-ml/dlc/onnx"
	"github.com/dlc-ml/dlc/passes"
)

// TestNetworks runs the trained networks of the shared data on their recorded results.
func TestNetworks(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles large programs with the Go command")
	}
	folders, err := Folders([]string{sharedData(t, "models/onnx")})
	if err != nil {
		t.Fatal(err)
	}
	if len(folders) < 13 {
		t.Errorf("there are only %d networks", len(folders))
	}
	for _, batch := range []bool{false, true} {
		v := &Checker{Tolerance: onnx.Tolerance{Rel: 1e-3, Abs: 1e-5}, Batch: batch}
		list, err := v.Run(context.Background(), folders)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range list {
			if d.Result != Pass {
				t.Errorf("%s, batch %v: %s: %s", d.Case, batch, d.Result, d.Detail)
			}
		}
	}
}

// TestLightNetworks runs the topologies of the shared data. Their input is by agreement the numbers of its elements over how many there are.
func TestLightNetworks(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles large programs with the Go command")
	}
	files, err := filepath.Glob(filepath.Join(sharedData(t, "models/onnx-light"), "*.onnx"))
	if err != nil || len(files) < 9 {
		t.Fatalf("%d topologies: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".onnx"), func(t *testing.T) { runLight(t, file) })
	}
}

func runLight(t *testing.T, file string) {
	m, err := onnx.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	want, err := onnx.ReadTensor(strings.TrimSuffix(file, ".onnx") + "_output_0.pb")
	if err != nil {
		t.Fatal(err)
	}
	set := &dataSet{name: "light", inputs: map[string]*onnx.Tensor{}, outputs: []*onnx.Tensor{want}}
	for _, in := range m.Graph.Inputs {
		shape := []int{}
		for _, d := range in.Type.Tensor.Dims {
			shape = append(shape, max(1, int(d.Value)))
		}
		set.inputs[in.Name] = ramp(shape)
	}
	f := &folder{verdict: Verdict{Case: filepath.Base(file)}}
	if err := f.compile(m, set, true); err != nil {
		t.Fatal(err)
	}
	v := &Checker{Tolerance: onnx.Tolerance{Rel: 1e-3, Abs: 1e-5}}
	if err := v.runAll(context.Background(), f.runs); err != nil {
		t.Fatal(err)
	}
	if f.verdict.Result != "" {
		t.Errorf("%s: %s", f.verdict.Result, f.verdict.Detail)
	}
	t.Logf("max error %.3g", f.verdict.Error)
}

// ramp is 0, 1/n, 2/n … for n elements.
func ramp(shape []int) *onnx.Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	list := make([]float32, n)
	for i := range list {
		list[i] = float32(float64(i) / float64(n))
	}
	return onnx.FloatTensor(shape, list)
}

// sharedData is a folder of the shared data, without which a test is left out.
func sharedData(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("DLC_TESTDATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	dir := filepath.Join(root, name)
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("DLC_CI") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return dir
}

// TestImportedSources imports networks as sources, and runs what these compile to on the recorded results.
func TestImportedSources(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles large programs with the Go command")
	}
	folders, err := Folders([]string{sharedData(t, "models/onnx")})
	if err != nil {
		t.Fatal(err)
	}
	var runs []*run
	for _, dir := range folders {
		name := filepath.Base(dir)
		if name == "test_superres__super_resolution_10" {
			continue // large, with nothing that others have not
		}
		runs = append(runs, sourceRun(t, dir, false))
		if strings.Contains(name, "mnist") || strings.Contains(name, "dtln") || strings.Contains(name, "silero") {
			runs = append(runs, sourceRun(t, dir, true))
		}
	}
	v := &Checker{Tolerance: onnx.Tolerance{Rel: 1e-3, Abs: 1e-5}}
	if err := v.runAll(context.Background(), runs); err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		if r.folder.verdict.Result != "" {
			t.Errorf("%s: %s", r.folder.verdict.Case, r.folder.verdict.Detail)
		}
	}
}

// sourceRun imports the network of a folder as a source, with a line for each node or the short way, and prepares what it compiles to.
func sourceRun(t *testing.T, dir string, keep bool) *run {
	name := filepath.Base(dir)
	shapes := map[string]string{}
	if strings.Contains(name, "ppocr") {
		shapes["x"] = "1x3x48x192"
	}
	imp, err := driver.Import(filepath.Join(dir, "model.onnx"), shapes, keep)
	if err != nil {
		t.Fatal(err)
	}
	module, err := dsl.Compile("model.dl", imp.Source, dsl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	u, err := passes.Run(module, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Read(filepath.Join(dir, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	sets, err := readSets(dir, m)
	if err != nil {
		t.Fatal(err)
	}
	if keep {
		name += ", a line for each node"
	}
	return &run{folder: &folder{verdict: Verdict{Case: name}}, model: imp.Model, unit: u, sets: sets, weights: u.ArenaLen}
}
