package ops

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

var _, _ reporter = (*testing.T)(nil), (*rapid.T)(nil)

// eachSample runs a subtest for every operator × sample.
func eachSample(t *testing.T, test func(t *testing.T, o *Operator, s *Sample, c *sampleCase)) {
	for _, o := range All() {
		for i := range o.Samples {
			s := &o.Samples[i]
			t.Run(fmt.Sprintf("%s/%d", o.Name, i), func(t *testing.T) { test(t, o, s, newCase(t, o, s)) })
		}
	}
}

// reporter is what [testing.T] and [rapid.T] have in common.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// sampleCase is the case of a test.
type sampleCase = Case

func newCase(t reporter, o *Operator, s *Sample) *Case {
	t.Helper()
	c, err := NewCase(o, s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// near reports whether a is b but for a relative and an absolute error; infinities and NaN must agree.
func near(a, b, rtol, atol float64) bool {
	if math.IsNaN(a) || math.IsNaN(b) {
		return math.IsNaN(a) && math.IsNaN(b)
	}
	return a == b || math.Abs(a-b) <= atol+rtol*math.Abs(b)
}

// largest is the largest finite magnitude in a tensor.
func largest(x *Tensor) float64 {
	top := 0.0
	for _, v := range x.Data {
		if a := math.Abs(v); a > top && !math.IsInf(v, 0) {
			top = a
		}
	}
	return top
}
