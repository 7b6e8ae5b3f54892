package main

import (
	"slices"
	"testing"

	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/passes/pass"
)

// repeated are the models that are also trained for some steps, each of which finds what the one before it left.
var repeated = []string{"lenet", "cifarnet", "speechnet", "long"}

// chained is a model whose training has chains, in which a part is one or a few examples, and sums over the batch inside them.
const chained = "resnet20"

// sameBits runs the outputs (case 0) and some steps of the training (case 1) of a model by the kernels of every instruction set that this machine has,
// with several numbers of threads. Not a bit may differ.
func sameBits(t *testing.T, s *driver.Suite, u *pass.Unit, weights []uint32, classes int) {
	isas, err := s.ISAs()
	if err != nil {
		t.Fatal(err)
	}
	type run struct {
		name   string
		number int
		call   driver.Call
		plain  bool // by plain Go too, which takes its time
	}
	infer := func(batch int) driver.Call {
		return driver.Call{Batch: batch, Weights: weights, Inputs: operands(u.Loop(ir.FuncInfer), batch, 0)}
	}
	runs := []run{{"outputs of one", 0, infer(1), true}, {"outputs", 0, infer(9), false}}
	if slices.Contains(repeated, u.Module.Name) {
		const batch = 5
		runs = append(runs, run{"20 steps", 1, driver.Call{Batch: batch, Step: 1, Repeat: 20, Rate: 0.01, Weights: weights,
			Inputs: operands(u.Loop(ir.FuncTrain), batch, classes)}, true})
	}
	if u.Module.Name == chained {
		const batch = 9
		runs = append(runs, run{"2 steps", 1, driver.Call{Batch: batch, Step: 1, Repeat: 2, Rate: 0.01, Weights: weights,
			Inputs: operands(u.Loop(ir.FuncTrain), batch, classes)}, false})
	}
	first := make([]*driver.Outcome, len(runs))
	for _, isa := range isas {
		if err := s.Start("DLC_ISA=" + isa); err != nil {
			t.Fatal(err)
		}
		for i, r := range runs {
			if isa == "go" && !r.plain {
				continue
			}
			for _, threads := range []int{1, 2, 3, 7} {
				if isa == "go" && threads != 3 && first[i] != nil {
					continue
				}
				r.call.Threads = threads
				got, err := s.Run(r.number, r.call)
				if err != nil {
					t.Fatal(err)
				}
				if first[i] == nil {
					first[i] = got
				} else if err := got.Same(first[i]); err != nil {
					t.Errorf("%s by %s with %d threads: %v", r.name, isa, threads, err)
				}
			}
		}
	}
}
