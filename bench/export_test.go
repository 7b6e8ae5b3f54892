package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestExport exports the models of bench/models and examples, and compares what ONNX Runtime makes of them with dlc's own outputs.
func TestExport(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles programs with the Go command")
	}
	p, err := findPeers("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("node"); err != nil || p.library() == "" {
		const missing = "ONNX Runtime is not installed: go run ./bench setup onnxruntime installs it, and Node runs it"
		if os.Getenv("DLC_CI") == "1" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	cmd := exec.Command("node", filepath.Join("peers", "export.mjs"))
	cmd.Env = append(os.Environ(), "PEERS="+p.home)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"models/*.dl", "../examples/*/*.dl"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no models in %s: %v", pattern, err)
		}
		for _, f := range files {
			if name := strings.TrimSuffix(filepath.Base(f), ".dl"); !strings.Contains(string(out), "ok   "+name+" ") {
				t.Errorf("%s was not compared", f)
			}
		}
	}
}
