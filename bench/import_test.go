package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/internal/verify"
	"github.com/dlc-ml/dlc/onnx"
)

// TestImport imports the networks of bench/models as PyTorch exports them, for batches of 1 and 32, and compares what their compiled code makes of random
// inputs with what ONNX Runtime makes of the same.
func TestImport(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles programs with the Go command")
	}
	p, err := findPeers("")
	if err != nil {
		t.Fatal(err)
	}
	models, err := filepath.Glob(filepath.Join(p.models(), "*-b*.onnx"))
	if _, missing := exec.LookPath("node"); err != nil || missing != nil || p.library() == "" || len(models) == 0 {
		const missing = "ONNX Runtime or the models that PyTorch exports are not there: go run ./bench setup makes them, and Node runs the former"
		if os.Getenv("DLC_CI") == "1" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	dir := t.TempDir()
	var out, msg strings.Builder
	cmd := exec.Command("node", append([]string{filepath.Join("peers", "import.mjs"), dir}, models...)...)
	cmd.Env = append(os.Environ(), "PEERS="+p.home)
	cmd.Stdout, cmd.Stderr = &out, &msg
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, msg.String())
	}
	most := map[string]float64{} // the largest output of each model
	for line := range strings.Lines(out.String()) {
		var name string
		var largest, apart float64
		if _, err := fmt.Sscan(line, &name, &largest, &apart); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		most[name] = largest
		if strings.HasSuffix(name, "-b32") && apart < largest/100 {
			t.Errorf("%s: outputs are up to %g, but those of different inputs differ by %g, which shows little: go run ./bench setup exports it again", name, largest, apart)
		}
	}
	sources, err := filepath.Glob("models/*.dl")
	if err != nil || len(sources) == 0 {
		t.Fatalf("no models: %v", err)
	}
	var folders []string
	for _, s := range sources {
		for _, batch := range []string{"-b1", "-b32"} {
			name := strings.TrimSuffix(filepath.Base(s), ".dl") + batch
			if most[name] == 0 {
				t.Errorf("%s was not recorded", name)
				continue
			}
			folders = append(folders, filepath.Join(dir, name))
		}
	}
	const tolerance = 1e-5 // of the largest output of the model
	v := &verify.Checker{Tolerance: onnx.Tolerance{Abs: tolerance * slices.Max(slices.Collect(maps.Values(most)))}, Batch: true}
	verdicts, err := v.Run(context.Background(), folders)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range verdicts {
		t.Logf("%-15s %s, largest difference %.1e, largest output %.1e", d.Case, d.Result, d.Error, most[d.Case])
		if d.Result != verify.Pass || d.Error > tolerance*most[d.Case] {
			t.Errorf("%s: the largest difference is %g, the largest output %g: %s", d.Case, d.Error, most[d.Case], d.Detail)
		}
	}
}
