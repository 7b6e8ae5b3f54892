package main

import (
	"context"
	"strconv"
	"testing"

	"github.com/dlc-ml/dlc/codegen"
	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/passes/pass"
)

// long compiles the model of long sequences for one length.
func long(t *testing.T, length int) *pass.Unit {
	t.Helper()
	m, err := driver.Compile("testdata/long.dl", map[string]string{"length": strconv.Itoa(length)}, &pass.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return m.Unit
}

// TestLongMemory bounds the memory that an example of a long sequence takes, in inference and in training: less than the scores of a single layer alone, and
// twice as much for twice the length.
func TestLongMemory(t *testing.T) {
	const length, heads = 1024, 4
	short, double := long(t, length), long(t, 2*length)
	for _, c := range []struct {
		name string
		most float64 // elements for each place of a sequence
	}{{ir.FuncInfer, 600}, {ir.FuncTrain, 2600}} {
		got, twice := float64(short.Loop(c.name).Plan.PerExample), float64(double.Loop(c.name).Plan.PerExample)
		t.Logf("%s: %.0f elements for each of %d places, %.0f for each of %d", c.name, got/length, length, twice/(2*length), 2*length)
		if got > c.most*length || got >= heads*length*length {
			t.Errorf("%s takes %.0f elements for each place, of which the scores of one layer would be %d", c.name, got/length, heads*length)
		}
		if twice > 2.4*got {
			t.Errorf("%s takes %.0f elements for twice the length of a sequence that takes %.0f", c.name, twice, got)
		}
	}
}

// TestLongBits runs the model of long sequences in tiles that do not come out even, in inference and for some steps of training, by every instruction set of this
// machine and on an emulated arm64, on several numbers of threads. Not a bit may differ.
func TestLongBits(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles large programs with the Go command")
	}
	u := long(t, 200)
	infer, train := u.Loop(ir.FuncInfer), u.Loop(ir.FuncTrain)
	s, err := driver.NewSuite(context.Background(), t.TempDir(), []codegen.Case{{Name: "infer", Unit: u, Func: infer}, {Name: "train", Unit: u, Func: train}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	weights := startWeights(u)
	sameBits(t, s, u, weights, 10)
	sameOnNEON(t, s, u, weights, 10)
}
