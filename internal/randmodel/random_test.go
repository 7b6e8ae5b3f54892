package randmodel

import (
	"context"
	"testing"

	"github.com/dlc-ml/dlc/golden"
)

// TestRandomModels runs random models of 5 to 30 operators through the compiler and compares. "go run ./bench/random" runs any number.
func TestRandomModels(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles large programs with the Go command")
	}
	kinds, trained, operators := map[string]int{}, 0, 0
	var models []*Model
	for seed := range uint64(200) {
		m, err := New(seed)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		models = append(models, m)
		for _, k := range m.Kinds {
			kinds[k]++
		}
		operators += len(m.Kinds)
		if m.Trained {
			trained++
		}
	}
	t.Logf("%d operators of %d kinds, %d models with gradients", operators, len(kinds), trained)
	if operators < 200*8 || trained < 50 {
		t.Errorf("only %d operators and %d models with gradients: the test shows little", operators, trained)
	}
	for len(models) > 0 {
		n := min(100, len(models))
		finds, err := Check(context.Background(), t.TempDir(), models[:n])
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range finds {
			t.Errorf("seed %d: %v\n%s", f.Model.Seed, f.Err, f.Text)
		}
		models = models[n:]
	}
}

// TestFinds runs the models in which something was wrong once.
func TestFinds(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a program with the Go command")
	}
	golden.Run(t, "../../golden/random", func(t *testing.T, in map[string]string) map[string]string {
		m, err := Read(in["in.ir"])
		if err != nil {
			t.Fatal(err)
		}
		finds, err := Check(context.Background(), t.TempDir(), []*Model{m})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range finds {
			t.Error(f.Err)
		}
		return nil
	})
}
