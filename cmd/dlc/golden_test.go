package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/golden"
	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/passes/pass"
)

// TestGolden runs recorded models from end to end: "in.dl" is compiled to a program, which runs with the weights of "in.weights.json" (name → numbers)
// on the input of "in.json", or on the inputs x and y of "in.x.json" and "in.y.json"; "out.json" holds its outputs. Numbers may differ by rounding.
func TestGolden(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles programs with the Go command")
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	golden.Run(t, "../../golden/run", func(t *testing.T, in map[string]string) map[string]string {
		for _, isa := range []string{"go", ""} {
			out := runModel(t, in, isa)
			if golden.Updating() {
				return map[string]string{"out.json": out}
			}
			if d := differs(t, in["out.json"], out); d != "" {
				t.Errorf("DLC_ISA=%s: %s", isa, d)
			}
		}
		return nil
	})
}

// runModel compiles and runs one model and returns the line that dlc run prints.
func runModel(t *testing.T, in map[string]string, isa string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	m, err := driver.Compile(write("model.dl", []byte(in["in.dl"])), nil, &pass.Config{})
	if err != nil {
		t.Fatal(err)
	}
	weights := map[string][]float32{}
	if err := json.Unmarshal([]byte(in["in.weights.json"]), &weights); err != nil {
		t.Fatal(err)
	}
	program, err := m.Program(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"run", "--weights=" + write("model.safetensors", safetensors(t, m, weights)), "--json"}
	for _, name := range slices.Sorted(maps.Keys(in)) {
		switch input, of := strings.CutPrefix(name, "in."); {
		case name == "in.json":
			args = append(args, write(name, []byte(in[name])))
		case of && strings.HasSuffix(input, ".json") && name != "in.weights.json":
			args = append(args, strings.TrimSuffix(input, ".json")+"="+write(input, []byte(in[name])))
		}
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "DLC_ISA="+isa)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.ReplaceAll(string(out), dir+string(filepath.Separator), "")
}

// safetensors writes the format (https://github.com/huggingface/safetensors) with the parameters of m.
func safetensors(t *testing.T, m *driver.Model, weights map[string][]float32) []byte {
	t.Helper()
	type entry struct {
		DType   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	header := map[string]entry{}
	var data []byte
	for _, p := range m.Unit.Module.Params {
		values, ok := weights[p.Name]
		n, _ := p.Type.Shape.Elems()
		if !ok || len(values) != n.Size {
			t.Fatalf("the case gives %d numbers for %s, which has %d", len(values), p.Name, n.Size)
		}
		e := entry{DType: "F32", Shape: []int{}, Offsets: [2]int{len(data), len(data) + 4*len(values)}}
		for _, d := range p.Type.Shape {
			e.Shape = append(e.Shape, d.Size)
		}
		if p.Type.Elem.Cell() == ir.I32 {
			e.DType = "I32"
		}
		header[p.Name] = e
		for _, v := range values {
			b := math.Float32bits(v)
			if e.DType == "I32" {
				b = uint32(int32(v))
			}
			data = append(data, byte(b), byte(b>>8), byte(b>>16), byte(b>>24))
		}
	}
	head, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	n := len(head)
	return append(append([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24), 0, 0, 0, 0}, head...), data...)
}

// differs compares two JSON values, numbers within 1e-5.
func differs(t *testing.T, want, got string) string {
	t.Helper()
	var a, b any
	if err := json.Unmarshal([]byte(want), &a); err != nil {
		t.Fatalf("out.json: %v", err)
	}
	if err := json.Unmarshal([]byte(got), &b); err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	var walk func(path string, a, b any) string
	walk = func(path string, a, b any) string {
		switch x := a.(type) {
		case float64:
			y, ok := b.(float64)
			if !ok || math.Abs(x-y) > 1e-5*(1+math.Abs(x)) {
				return fmt.Sprintf("%s is %v, not %v", path, b, x)
			}
			return ""
		case []any:
			y, ok := b.([]any)
			if !ok || len(x) != len(y) {
				return fmt.Sprintf("%s is %v, not %v", path, b, a)
			}
			for i := range x {
				if d := walk(fmt.Sprintf("%s[%d]", path, i), x[i], y[i]); d != "" {
					return d
				}
			}
			return ""
		case map[string]any:
			y, ok := b.(map[string]any)
			if !ok || len(x) != len(y) {
				return fmt.Sprintf("%s is %v, not %v", path, b, a)
			}
			for k := range x {
				if d := walk(path+"."+k, x[k], y[k]); d != "" {
					return d
				}
			}
			return ""
		}
		if a != b {
			return fmt.Sprintf("%s is %v, not %v", path, b, a)
		}
		return ""
	}
	return walk("out", a, b)
}
