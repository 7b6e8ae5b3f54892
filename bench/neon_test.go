package main

import (
	"context"
	"testing"

	"github.com/dlc-ml/dlc/avo/vec/vectest"
	"github.com/dlc-ml/dlc/codegen"
	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/passes/pass"
)

// emulated is how many examples a step of training has that runs on NEON: emulation takes its time. Of models that are not listed only the outputs
// are compared.
var emulated = map[string]int{"lenet": 3, "cifarnet": 2, "speechnet": 1, "long": 1}

// sameOnNEON runs the outputs and some steps of the training of a model on an emulated arm64 processor of the first generation, which has no dot
// products. Outputs, parameters and gradients must be the bits that here gives, which has the same cases.
func sameOnNEON(t *testing.T, here *driver.Suite, u *pass.Unit, weights []uint32, classes int) {
	arm := vectest.Arm64()
	arm.Need(t)
	infer, train := u.Loop(ir.FuncInfer), u.Loop(ir.FuncTrain)
	cases := []codegen.Case{{Name: "infer", Unit: u, Func: infer}}
	batch := emulated[u.Module.Name]
	calls := []driver.Call{{Batch: max(1, batch), Weights: weights, Inputs: operands(infer, max(1, batch), 0)}}
	if batch > 0 {
		cases = append(cases, codegen.Case{Name: "train", Unit: u, Func: train})
		calls = append(calls, driver.Call{Batch: batch, Step: 1, Repeat: 20, Rate: 0.001, Weights: weights, Inputs: operands(train, batch, classes)})
	}
	there, err := driver.NewSuiteFor(context.Background(), driver.Machine(arm), t.TempDir(), cases)
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	var before *driver.Outcome
	for i, c := range cases {
		for _, s := range []*driver.Suite{here, there} {
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
			got, err := s.Run(i, calls[i])
			if err == nil && s == there {
				err = got.Same(before)
			}
			if err != nil {
				t.Fatalf("%s: %v", c.Name, err)
			}
			before = got
		}
	}
}
