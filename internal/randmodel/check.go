package randmodel

import (
	"context"
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/codegen"
	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/ir/ops"
	"github.com/dlc-ml/dlc/passes"
	"github.com/dlc-ml/dlc/passes/pass"
)

// Find is something wrong with one model.
type Find struct {
	Model *Model
	Text  string // its program
	Err   error
}

// compiled is one model on its way through.
type compiled struct {
	m    *Model
	text string
	unit *pass.Unit
}

// Check compiles models to one program in dir, runs it by the best kernels of this machine on one thread and two, by those of AVX2 where there are better ones, and by plain Go, and returns
// what is wrong. All must give the same bits, and what the evaluation gives within a tolerance.
func Check(ctx context.Context, dir string, models []*Model) (finds []Find, err error) {
	var list []compiled
	var cases []codegen.Case
	for _, m := range models {
		text := ir.Print(m.Module)
		u, err := compile(m)
		if err != nil {
			finds = append(finds, Find{m, text, err})
			continue
		}
		list = append(list, compiled{m, text, u})
		cases = append(cases, codegen.Case{Name: fmt.Sprintf("seed %d", m.Seed), Unit: u, Func: u.Loops[0]})
	}
	s, err := driver.NewSuite(ctx, dir, cases)
	if err != nil {
		return finds, err
	}
	defer s.Close()
	first := make([]*driver.Outcome, len(list))
	for _, run := range []struct {
		isa     string
		threads int
	}{{"", 1}, {"", 2}, {"avx2", 3}, {"go", 1}} {
		if err := s.Start("DLC_ISA=" + run.isa); err != nil {
			return finds, err
		}
		for i, c := range list {
			got, err := s.Run(i, c.call(run.threads))
			if err == nil {
				err = c.compare(got)
			}
			if err == nil && first[i] != nil {
				err = got.Same(first[i])
			}
			if err != nil {
				finds = append(finds, Find{c.m, c.text, fmt.Errorf("isa %q, %d threads: %w", run.isa, run.threads, err)})
				if s.Refused[i] == nil {
					if err := s.Start("DLC_ISA=" + run.isa); err != nil {
						return finds, err
					}
				}
				continue
			}
			first[i] = got
		}
	}
	return finds, nil
}

// compile takes a model through the passes; a panic of one is an error.
func compile(m *Model) (u *pass.Unit, err error) {
	defer func() {
		if e := recover(); e != nil {
			err = fmt.Errorf("panic: %v", e)
		}
	}()
	return passes.Run(m.Module, &pass.Config{})
}

// call gives the model its operands: inputs in the order of the function's buffers, parameters at their places.
func (c *compiled) call(threads int) driver.Call {
	call := driver.Call{Batch: c.m.Batch, Threads: threads, Weights: make([]uint32, c.unit.ArenaLen)}
	byName := map[string]*ops.Tensor{}
	for v, x := range c.m.Given {
		if v.Param == nil {
			byName[v.Name] = x
			continue
		}
		for _, pl := range c.unit.Places {
			if pl.Param == v.Param {
				for i, w := range driver.Bits(x) {
					call.Weights[pl.At(i)] = w
				}
			}
		}
	}
	for _, b := range c.unit.Loops[0].Buffers {
		if b.Space == loop.Input {
			call.Inputs = append(call.Inputs, driver.Bits(byName[b.Name]))
		}
	}
	return call
}

// compare holds what the program gave against the evaluation. A model may move by what its results move when the operands do.
func (c *compiled) compare(got *driver.Outcome) error {
	for i, want := range c.m.Want {
		scale := 1.0
		for _, v := range want.Data {
			if a := math.Abs(v); a > scale && !math.IsInf(v, 0) {
				scale = a
			}
		}
		if move := 50 * c.m.Loose[i]; move == move {
			scale += 1e4 * move
		}
		for k, v := range want.Data {
			g := float64(math.Float32frombits(got.Outputs[i][k]))
			if want.Elem.Cell() != ir.F32 {
				g = float64(int32(got.Outputs[i][k]))
			}
			if g != v && !(math.Abs(g-v) <= 1e-4*scale+unit(want.Elem)*math.Abs(v)) && !(g != g && v != v) {
				return fmt.Errorf("result %s element %d: %g, want %g", c.m.Module.Funcs[0].Results[i].Name, k, g, v)
			}
		}
	}
	return nil
}

// unit is the distance of one number of a short type from the next, by the magnitude of the number: a value that lies between the two may be rounded to either. It is 0 for
// other types.
func unit(t ir.DType) float64 {
	switch t {
	case ir.F16:
		return 1.0 / (1 << 10)
	case ir.BF16:
		return 1.0 / (1 << 7)
	}
	return 0
}
