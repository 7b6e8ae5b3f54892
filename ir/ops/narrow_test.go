package ops

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/dlc-ml/dlc/ir"
)

// TestShortFloats gives every operator of the language that takes f32 the shorter floating-point types. Its results are those of f32 but for their
// rounding, or it has some of no floating-point type.
func TestShortFloats(t *testing.T) {
	for _, o := range All() {
		if o.Effect || o.Internal || o.Category == "metric" || o.Category == "optimizer" || len(o.Args) == 0 || o.Name == "cast" {
			continue
		}
		for i := range o.Samples {
			s := o.Samples[i]
			floats := 0
			for _, a := range s.Args {
				if a.Elem == ir.F32 {
					floats++
				} else if a.Elem.Float() {
					floats = math.MinInt
				}
			}
			if floats <= 0 {
				continue
			}
			for _, d := range []ir.DType{ir.F16, ir.BF16} {
				t.Run(fmt.Sprintf("%s/%d/%s", o.Name, i, d), func(t *testing.T) { compareShort(t, o, s, d) })
			}
		}
	}
}

// compareShort compares the loop program of an operator on short operands with its evaluation.
func compareShort(t *testing.T, o *Operator, s Sample, d ir.DType) {
	short := s
	short.Args = nil
	for _, a := range s.Args {
		if a.Elem == ir.F32 {
			a.Elem = d
		}
		short.Args = append(short.Args, a)
	}
	c := newCase(t, o, &short)
	given := c.given()
	want, err := EvalFunc(c.f, given, c.n)
	if err != nil {
		t.Fatal(err)
	}
	f, bufs := c.lower(t)
	got := c.run(t, f, bufs, given, c.returned(), want)
	for i, w := range want {
		if w.Elem == ir.F32 {
			t.Errorf("result %d is f32", i)
		}
		unit := map[ir.DType]float64{ir.F16: 0x1p-10, ir.BF16: 0x1p-7}[d] // of a result that is rounded the other way
		for k, v := range w.Data {
			if !near(got[i].Data[k], v, unit, 2e-6*(1+largest(w))) {
				t.Errorf("result %d, element %d: %g, want %g\n%s", i, k, got[i].Data[k], v, c.f)
				break
			}
		}
	}
	if o.NoGrad == "" {
		compareShortGradient(t, o, &s, &short)
	}
}

// compareShortGradient checks that a short operand has a gradient of its type where an f32 one has.
func compareShortGradient(t *testing.T, o *Operator, long, short *Sample) {
	t.Helper()
	given := func(s *Sample) (names []string, types []ir.Type) {
		c := newCase(t, o, s)
		if err := c.Differentiate(); err != nil {
			t.Fatal(err)
		}
		if err := Verify(c.module); err != nil {
			t.Fatal(err)
		}
		for _, r := range c.f.Results {
			names, types = append(names, r.Name), append(types, r.Value.Type)
		}
		return names, types
	}
	want, _ := given(long)
	got, types := given(short)
	if !slices.Equal(got, want) {
		t.Errorf("it has the gradients %v, for f32 %v", got, want)
	}
	for _, d := range types {
		if d.Elem == ir.F32 {
			t.Errorf("a gradient is %s", d)
		}
	}
}
