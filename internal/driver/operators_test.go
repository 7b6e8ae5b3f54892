package driver

import (
	"context"
	"flag"
	"fmt"
	"math"
	"regexp"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/avo/vec/vectest"
	"github.com/dlc-ml/dlc/codegen"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
	"github.com/dlc-ml/dlc/passes"
	"github.com/dlc-ml/dlc/passes/pass"
)

// some narrows TestOperators to operators whose names match, while one works on them: -operators '^(pow|mod)$'.
var some = flag.String("operators", "", "test operators whose names match this expression only")

// operatorCase is one operator on one sample, or its gradient, as generated code.
type operatorCase struct {
	name     string
	c        *ops.Case
	want     []*ops.Tensor
	variants []operatorCase // the same function on other operands
}

// operatorCases lists every operator × sample, and the gradient of each.
func operatorCases(t *testing.T) (list []operatorCase, suite []codegen.Case) {
	t.Helper()
	match, err := regexp.Compile(*some)
	if err != nil {
		t.Fatal(err)
	}
	add := func(name string, c *ops.Case) {
		one := operatorCase{name: name, c: c}
		names, variants := c.Variants()
		for i, v := range variants {
			one.variants = append(one.variants, operatorCase{name: name + "/" + names[i], c: v})
			if err := one.variants[i].evaluate(); err != nil {
				t.Error(err)
				return
			}
		}
		if err := one.evaluate(); err != nil {
			t.Error(err)
			return
		}
		u, err := passes.Run(c.Module(), &pass.Config{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		list = append(list, one)
		suite = append(suite, codegen.Case{Name: name, Unit: u, Func: u.Loops[0]})
	}
	for _, o := range ops.All() {
		if !match.MatchString(o.Name) {
			continue
		}
		if o.Effect {
			continue // an optimizer is tested by whole training steps
		}
		for i := range o.Samples {
			name := fmt.Sprintf("%s/%d", o.Name, i)
			c, err := ops.NewCase(o, &o.Samples[i])
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			add(name, c)
			if o.NoGrad != "" {
				continue
			}
			if c, err = ops.NewCase(o, &o.Samples[i]); err == nil {
				err = c.Differentiate()
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if len(c.Func().Results) > 0 {
				add(name+"/gradient", c)
			}
		}
	}
	return list, suite
}

// TestOperators compiles every operator, with its gradient, on every sample to one program, runs it by the kernels of every instruction set that this
// machine has, and compares with the evaluation. All give the same bits, but for plain Go that rounds products.
func TestOperators(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a large program with the Go command")
	}
	list, cases := operatorCases(t)
	const most = 400 // cases in one program: the Go compiler takes its time
	var best [][]*Outcome
	for at := 0; at < len(cases); at += most {
		end := min(at+most, len(cases))
		best = append(best, runOperators(t, list[at:end], cases[at:end])...)
	}
	t.Run("neon", func(t *testing.T) { runNEON(t, list, cases, best) })
}

// perOperator is how many cases of each operator run on NEON, the first ones: emulation takes its time.
const perOperator = 3

// runNEON compiles some cases of every operator to one program for arm64, and compares what its NEON kernels give on an emulated processor with
// this machine's bits. They use nothing that a Cortex-A53 lacks, dot products among it.
func runNEON(t *testing.T, list []operatorCase, cases []codegen.Case, want [][]*Outcome) {
	arm := vectest.Arm64()
	arm.Need(t)
	var some []int
	var few []codegen.Case
	taken := map[string]int{}
	for i, c := range list {
		name, _, _ := strings.Cut(c.name, "/")
		if taken[name]++; taken[name] <= perOperator {
			some, few = append(some, i), append(few, cases[i])
		}
	}
	s, err := NewSuiteFor(context.Background(), Machine(arm), t.TempDir(), few)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Start("DLC_ISA=neon"); err != nil {
		t.Fatal(err)
	}
	for at, i := range some {
		c := list[i]
		for k, v := range append(c.variants, c) {
			if k >= len(want[i]) {
				break // it has failed already
			}
			got, err := s.Run(at, v.call(1))
			if err == nil {
				err = got.Same(want[i][k])
			}
			if err != nil {
				t.Fatalf("%s: %v", v.name, err)
			}
		}
	}
}

// runOperators compiles some cases to one program and runs each. It returns what each, and each of its variants, gave.
func runOperators(t *testing.T, list []operatorCase, cases []codegen.Case) [][]*Outcome {
	s, err := NewSuiteFor(context.Background(), Machine{Arch: goruntime.GOARCH}, t.TempDir(), cases, codegen.FastTarget)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	best := make([][]*Outcome, len(list))
	for _, isa := range []string{"", "go", codegen.FastTarget} {
		if err := s.Start("DLC_ISA=" + isa); err != nil {
			t.Fatal(err)
		}
		for i, c := range list {
			t.Run(c.name+"/"+isa, func(t *testing.T) {
				for k, v := range append(c.variants, c) {
					got, err := s.Run(i, v.call(1))
					if err != nil {
						t.Fatalf("%s: %v", v.name, err)
					}
					v.compare(t, got)
					if isa == "" {
						best[i] = append(best[i], got)
					} else if isa == codegen.FastTarget {
						continue // its bits are its own
					} else if err := got.Same(best[i][k]); err != nil {
						t.Fatalf("%s: %v", v.name, err)
					}
				}
			})
		}
	}
	return best
}

// evaluate computes what is right.
func (c *operatorCase) evaluate() (err error) {
	given := map[*ir.Value]*ops.Tensor{}
	for i, v := range c.c.Func().Inputs {
		given[v] = c.c.Args()[i]
	}
	if c.want, err = ops.EvalFunc(c.c.Func(), given, c.c.Batch()); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return nil
}

// call runs the case on its operands.
func (c *operatorCase) call(threads int) Call {
	call := Call{Batch: c.c.Batch(), Threads: threads}
	for _, x := range c.c.Args() {
		call.Inputs = append(call.Inputs, Bits(x))
	}
	return call
}

// compare holds what generated code gave against the evaluation.
func (c *operatorCase) compare(t *testing.T, got *Outcome) {
	t.Helper()
	for i, want := range c.want {
		scale := 1.0
		for _, v := range want.Data {
			if a := math.Abs(v); a > scale && !math.IsInf(v, 0) {
				scale = a
			}
		}
		for k, v := range want.Data {
			g := float64(math.Float32frombits(got.Outputs[i][k]))
			if want.Elem.Cell() == ir.F32 {
				v = float64(float32(v)) // infinite where it is beyond f32
			} else {
				g = float64(int32(got.Outputs[i][k]))
			}
			if g != v && !(math.IsNaN(g) && math.IsNaN(v)) && !(math.Abs(g-v) <= 4e-6*scale+2e-5*math.Abs(v)) {
				t.Errorf("%s: result %d element %d: %g, want %g", c.name, i, k, g, v)
				break
			}
		}
	}
}
