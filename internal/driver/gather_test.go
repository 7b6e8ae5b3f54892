package driver

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dlc-ml/dlc/codegen"
	"github.com/dlc-ml/dlc/dsl"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/passes"
	"github.com/dlc-ml/dlc/passes/pass"
)

// scatters are models whose gradients add to places that many examples share: rows of an embedding that are shared out by columns, and rows that
// are too narrow for that; elements of a sorted tensor; sums along an axis.
var scatters = []string{
	`input tokens: i32[40]
    target y: f32[8]
    output out = tokens |> embedding(50, 264) |> reduce_mean([1]) |> dense(8)`,
	`input tokens: i32[300]
    target y: f32[3]
    output out = tokens |> embedding(19, 3) |> reduce_mean([1]) |> dense(3)`,
	`input tokens: i32[60]
    target y: f32[4]
    best, places = tokens |> embedding(23, 5) |> reduce_sum([2]) |> topk(7)
    output out = best |> cumsum |> dense(4)`,
}

// TestScatterThreads trains one step of models whose gradients meet in one place, on one thread and on several, by the best kernels and by plain Go: not
// a bit differs.
func TestScatterThreads(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a program with the Go command")
	}
	var cases []codegen.Case
	for i, body := range scatters {
		src := "model m {\n    " + body + "\n    train {\n        loss = mse(out, y)\n        optimizer = sgd(lr=0.5)\n    }\n}\n"
		m, err := dsl.Compile("m.dl", []byte(src), dsl.Options{})
		if err != nil {
			t.Fatal(err)
		}
		u, err := passes.Run(m, &pass.Config{})
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, codegen.Case{Name: fmt.Sprint(i), Unit: u, Func: u.Loop(ir.FuncTrain)})
	}
	s, err := NewSuite(context.Background(), t.TempDir(), cases)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	first := make([]*Outcome, len(cases))
	isas, err := s.ISAs()
	if err != nil {
		t.Fatal(err)
	}
	for _, isa := range isas {
		if err := s.Start("DLC_ISA=" + isa); err != nil {
			t.Fatal(err)
		}
		for i, c := range cases {
			for _, threads := range []int{1, 2, 5} {
				got, err := s.Run(i, scatterCall(c, threads))
				if err != nil {
					t.Fatal(err)
				}
				if first[i] == nil {
					first[i] = got
					if !slices.ContainsFunc(got.Grads, func(w uint32) bool { return w != 0 }) {
						t.Errorf("model %d: every gradient is zero", i)
					}
				}
				for k, want := range [][]uint32{first[i].Outputs[0], first[i].Weights, first[i].Grads} {
					if have := [][]uint32{got.Outputs[0], got.Weights, got.Grads}[k]; !slices.Equal(have, want) {
						t.Errorf("model %d with %d threads and ISA %q: the loss, the weights or the gradients (%d) differ", i, threads, isa, k)
					}
				}
			}
		}
	}
}

// scatterCall fills weights and inputs at random, with some tokens out of range.
func scatterCall(c codegen.Case, threads int) Call {
	const batch = 37
	rng := rand.New(rand.NewPCG(1, 2))
	call := Call{Batch: batch, Threads: threads, Step: 1, Rate: 0.5, Weights: make([]uint32, c.Unit.ArenaLen)}
	number := func() uint32 { return math.Float32bits(float32(rng.NormFloat64())) }
	for i := range call.Weights {
		call.Weights[i] = number()
	}
	for _, v := range c.Unit.Module.Func(ir.FuncTrain).Inputs {
		n, _ := v.Type.Shape.Elems()
		list := make([]uint32, n.Size*batch)
		for i := range list {
			if list[i] = number(); v.Type.Elem == ir.I32 {
				list[i] = uint32(int32(rng.IntN(60) - 3))
			}
		}
		call.Inputs = append(call.Inputs, list)
	}
	return call
}
