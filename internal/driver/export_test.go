package driver

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/dlc-ml/dlc/codegen"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
	"github.com/dlc-ml/dlc/onnx"
	"github.com/dlc-ml/dlc/passes"
	"github.com/dlc-ml/dlc/passes/pass"
)

// TestExportModels exports every model of the benchmarks and examples, imports it again, and runs both by compiled code.
func TestExportModels(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles programs with the Go command")
	}
	var files []string
	for _, pattern := range []string{"../../bench/models/*.dl", "../../examples/*/*.dl"} {
		list, err := filepath.Glob(pattern)
		if err != nil || len(list) == 0 {
			t.Fatalf("%s: no models (%v)", pattern, err)
		}
		files = append(files, list...)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { exportAndBack(t, file) })
	}
}

func exportAndBack(t *testing.T, file string) {
	m, module, err := Parse(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(7, 1))
	values, weights := map[string][]float64{}, map[string][]float32{}
	for _, p := range module.Params {
		low, width := 0.0, 0.3
		switch p.Init.Kind {
		case "ones":
			low = 1
		case "zeros":
		default:
			width = p.Init.Scale
		}
		n, _ := p.Type.Shape.Elems()
		for range n.Size {
			w := float32(low + width*(2*rng.Float64()-1))
			weights[p.Name], values[p.Name] = append(weights[p.Name], w), append(values[p.Name], float64(w))
		}
	}
	again := reimported(t, module, values)
	first, err := m.run(module, &pass.Config{})
	if err != nil {
		t.Fatal(err)
	}
	second, err := passes.Run(again.Module, &pass.Config{})
	if err != nil {
		t.Fatal(err)
	}
	const batch = 2
	calls := []Call{{Batch: batch, Threads: 2, Weights: first.Words(weights)}, {Batch: batch, Threads: 2, Weights: second.Words(again.Floats())}}
	for _, v := range first.Module.Func(ir.FuncInfer).Inputs {
		words := make([]uint32, count(v.Type, batch))
		for i := range words {
			words[i] = math.Float32bits(2*rng.Float32() - 1)
		}
		for i := range calls {
			calls[i].Inputs = append(calls[i].Inputs, words)
		}
	}
	want, got := runBoth(t, first, second, calls)
	for k := range want {
		compareWords(t, want[k], got[k])
	}
}

// reimported is what is left of a module on its way to ONNX and back.
func reimported(t *testing.T, m *ir.Module, values map[string][]float64) *onnx.Import {
	x, err := onnx.Export(m, values)
	if err != nil {
		t.Fatal(err)
	}
	data, err := x.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if x, err = onnx.Parse(m.Name+".onnx", data); err != nil {
		t.Fatal(err)
	}
	again, err := x.Import(onnx.Options{Batch: true})
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func count(t ir.Type, batch int) int {
	n := 1
	for _, d := range ops.Extents(t.Shape, batch) {
		n *= d
	}
	return n
}

func runBoth(t *testing.T, first, second *pass.Unit, calls []Call) (want, got [][]uint32) {
	s, err := NewSuite(context.Background(), t.TempDir(), []codegen.Case{{Name: "first", Unit: first, Func: first.Loop(ir.FuncInfer)}, {Name: "second", Unit: second, Func: second.Loop(ir.FuncInfer)}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	var outcomes [2]*Outcome
	for i := range calls {
		if s.Refused[i] != nil {
			t.Fatal(s.Refused[i])
		}
		if outcomes[i], err = s.Run(i, calls[i]); err != nil {
			t.Fatal(err)
		}
	}
	return outcomes[0].Outputs, outcomes[1].Outputs
}

// compareWords compares two outputs at a tolerance: the orders of sums differ with the layouts.
func compareWords(t *testing.T, want, got []uint32) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("an output has %d elements, not %d", len(got), len(want))
	}
	worst, largest := 0.0, 0.0
	for i := range want {
		x, y := float64(math.Float32frombits(want[i])), float64(math.Float32frombits(got[i]))
		worst, largest = max(worst, math.Abs(x-y)), max(largest, math.Abs(x))
	}
	if !(worst <= 1e-4*largest) {
		t.Errorf("an output differs by %g, and its largest element is %g", worst, largest)
	}
}
