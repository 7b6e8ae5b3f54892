package ops

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/ir"
)

// snake is the form of names.
var snake = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// TestComplete fails for an operator that leaves something out.
func TestComplete(t *testing.T) {
	if len(All()) < 40 {
		t.Errorf("only %d operators are registered", len(All()))
	}
	for _, o := range All() {
		t.Run(o.Name, func(t *testing.T) {
			check := func(ok bool, format string, args ...any) {
				if !ok {
					t.Errorf(format, args...)
				}
			}
			check(snake.MatchString(o.Name), "the name is not in snake_case")
			check(strings.HasSuffix(o.Doc, "."), "Doc is missing or no sentence: %q", o.Doc)
			check(o.Formula != "", "Formula is missing")
			check(strings.Contains(o.Example, o.Name), "Example is missing or does not show the operator: %q", o.Example)
			check(slices.Contains(Categories, o.Category), "Category %q is none of %v", o.Category, Categories)
			check(o.Eval != nil, "Eval is missing")
			if o.Expand != nil && o.Infer == nil {
				check(o.Lower == nil && o.Grad == nil, "Lower and Grad follow from Expand")
			} else {
				check(o.Infer != nil && o.Lower != nil, "Infer or Lower is missing")
				check((o.Grad == nil) == (o.NoGrad != ""), "either Grad or a reason in NoGrad must be given, not both")
			}
			check(len(o.Samples) > 0, "there is no sample")
			for i, a := range o.Args {
				check(a.Name != "" && a.Doc != "", "operand %d has no name or no doc", i)
			}
			for _, a := range o.Attrs {
				check(snake.MatchString(a.Name) && a.Doc != "", "attribute %q has no name or no doc", a.Name)
				switch a.Zero().(type) {
				case int, float64, bool, string, []int, []float64:
				default:
					t.Errorf("attribute %s has Go type %T", a.Name, a.Zero())
				}
			}
			check(o.ONNX.Name == "" || o.ONNX.Min >= 1 && o.ONNX.Max >= o.ONNX.Min, "the opset range of ONNX is %d … %d", o.ONNX.Min, o.ONNX.Max)
		})
	}
}

// TestShapes compares the types that Infer gives with what Eval computes.
func TestShapes(t *testing.T) {
	eachSample(t, func(t *testing.T, o *Operator, s *Sample, c *sampleCase) {
		if err := Verify(c.module); err != nil {
			t.Fatal(err)
		}
		before := make([][]float64, len(c.args))
		for i, x := range c.args {
			before[i] = slices.Clone(x.Data)
		}
		got, err := EvalFunc(c.f, c.given(), c.n)
		if err != nil {
			t.Fatal(err)
		}
		if o.Expand != nil {
			c.compareExpanded(t, got)
			names, list := c.Variants()
			for i, v := range list {
				t.Run(names[i], func(t *testing.T) {
					got, err := EvalFunc(v.f, v.given(), v.n)
					if err != nil {
						t.Fatal(err)
					}
					v.compareExpanded(t, got)
				})
			}
		}
		for i, x := range c.args {
			if !slices.EqualFunc(before[i], x.Data, func(a, b float64) bool { return near(a, b, 0, 0) }) {
				t.Errorf("Eval changes operand %d", i)
			}
		}
	})
}

// compareExpanded compares what an operator expands to with its own evaluation, which is its specification.
func (c *sampleCase) compareExpanded(t *testing.T, got []*Tensor) {
	want := c.eval()
	if len(got) != len(want) {
		t.Fatalf("it expands to %d results, but evaluates to %d", len(got), len(want))
	}
	for i, w := range want {
		if !slices.Equal(got[i].Shape, w.Shape) || got[i].Elem != w.Elem {
			t.Fatalf("result %d is %s%v, but evaluates to %s%v", i, got[i].Elem, got[i].Shape, w.Elem, w.Shape)
		}
		for k, x := range w.Data {
			if !near(got[i].Data[k], x, 1e-9, 1e-12*(1+largest(w))) {
				t.Errorf("result %d, element %d: %g as expanded, %g by its evaluation\n%s", i, k, got[i].Data[k], x, c.f)
				break
			}
		}
	}
}

// TestText prints each sample, reads it back and prints it again.
func TestText(t *testing.T) {
	eachSample(t, func(t *testing.T, o *Operator, s *Sample, c *sampleCase) {
		first := ir.Print(c.module)
		m, err := ir.Parse("sample.ir", []byte(first))
		if err != nil {
			t.Fatalf("%v\n%s", err, first)
		}
		if second := ir.Print(m); second != first {
			t.Errorf("printed\n%s\nread back and printed\n%s", first, second)
		}
		if err := Verify(m); err != nil {
			t.Errorf("read back: %v\n%s", err, first)
		}
	})
}
