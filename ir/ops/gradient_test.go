package ops

import (
	"fmt"
	"slices"
	"testing"

	"github.com/dlc-ml/dlc/ir"
)

// TestGradients compares the gradient that each operator builds with central differences, both in float64, for the loss
// Σ r·y with random r. An operand without a gradient must have none by central differences either.
func TestGradients(t *testing.T) {
	eachSample(t, func(t *testing.T, o *Operator, s *Sample, c *sampleCase) {
		if o.NoGrad != "" || s.NoGrad {
			return
		}
		weights := make([]*Tensor, len(c.results))
		grads := make([]*ir.Value, len(c.results))
		given := c.given()
		for i, y := range c.results {
			if y.Type.Elem != ir.F32 {
				continue
			}
			grads[i] = c.f.Input(fmt.Sprintf("r%d", i), y.Type, y.Pos)
			weights[i] = NewTensor(ir.F32, Extents(y.Type.Shape, c.n)...)
			copy(weights[i].Data, c.spread(len(weights[i].Data), -1, 1, 0))
			given[grads[i]] = weights[i]
		}
		// Each difference evaluates the operator twice: of a sample with a large operand some elements are compared, of any other all.
		large := slices.ContainsFunc(c.args, func(x *Tensor) bool { return len(x.Data) > 2000 })
		exact := c.gradient(t, grads, given)
		for i, x := range c.args {
			if x.Elem != ir.F32 {
				if exact[i] != nil {
					t.Errorf("operand %d is %s but has a gradient", i, s.Args[i])
				}
				continue
			}
			step := 1
			if large {
				step += len(x.Data) / 50
			}
			for k := 0; k < len(x.Data); k += step {
				want := c.difference(i, k, weights)
				got := 0.0
				if exact[i] != nil {
					got = exact[i].Data[k]
				}
				if !near(got, want, 1e-3, 1e-5) {
					t.Errorf("operand %s, element %d: gradient %g, by differences %g", o.Args[min(i, len(o.Args)-1)].Name, k, got, want)
				}
			}
		}
	})
}

// gradient builds the gradients of all operands and evaluates them; nil where there is none.
func (c *sampleCase) gradient(t *testing.T, grads []*ir.Value, given map[*ir.Value]*Tensor) []*Tensor {
	t.Helper()
	dx := mustReverse(t, c, grads)
	c.f.Results = nil
	for i, g := range dx {
		if g == nil {
			continue
		}
		c.f.Return(fmt.Sprintf("dx%d", i), g)
	}
	if err := Verify(c.module); err != nil {
		t.Fatalf("%v\n%s", err, c.f)
	}
	list, err := EvalFunc(c.f, given, c.n)
	if err != nil {
		t.Fatalf("%v\n%s", err, c.f)
	}
	all := make([]*Tensor, len(dx))
	for i, g := range dx {
		if g != nil {
			all[i], list = list[0], list[1:]
		}
	}
	return all
}

// mustReverse is Case.reverse for tests.
func mustReverse(t reporter, c *Case, given []*ir.Value) []*ir.Value {
	t.Helper()
	list, err := c.reverse(given)
	if err != nil {
		t.Fatalf("%v\n%s", err, c.f)
	}
	return list
}

// difference is the central difference of Σ weights·y for element k of operand i. The two steps are large enough for the rounding
// of float64 and small enough for curved functions.
func (c *sampleCase) difference(i, k int, weights []*Tensor) float64 {
	const step = 1e-5
	x := c.args[i].Data
	saved := x[k]
	loss := func(at float64) float64 {
		x[k] = at
		sum := 0.0
		for j, y := range c.eval() {
			if weights[j] == nil {
				continue
			}
			for e, w := range weights[j].Data {
				sum += w * y.Data[e]
			}
		}
		return sum
	}
	d := (loss(saved+step) - loss(saved-step)) / (2 * step)
	x[k] = saved
	return d
}
