package onnx

import (
	"math"
	"strings"
	"testing"
)

// TestCompare finds every kind of difference, and none where there is none.
func TestCompare(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	want := FloatTensor([]int{2, 2}, []float32{1, float32(nan), float32(inf), 0})
	tol := Tolerance{Rel: 1e-3, Abs: 1e-7}
	for message, c := range map[string]struct {
		t     DataType
		shape []int
		got   []float64
	}{
		"":                                    {Float, []int{2, 2}, []float64{1.0009, nan, inf, 1e-7}},
		"the elements are INT32":              {Int32, []int{2, 2}, []float64{1, nan, inf, 0}},
		"the shape is [4], not [2 2]":         {Float, []int{4}, []float64{1, nan, inf, 0}},
		"1.0011 where 1 is expected":          {Float, []int{2, 2}, []float64{1.0011, nan, inf, 0}},
		"0 where NaN is expected":             {Float, []int{2, 2}, []float64{1, 0, inf, 0}},
		"NaN where 0 is expected":             {Float, []int{2, 2}, []float64{1, nan, inf, nan}},
		"3e+38 where +Inf is expected":        {Float, []int{2, 2}, []float64{1, nan, 3e38, 0}},
		"+Inf where 0 is expected":            {Float, []int{2, 2}, []float64{1, nan, inf, inf}},
		"-Inf where +Inf is expected":         {Float, []int{2, 2}, []float64{1, nan, -inf, 0}},
		"2e-07 where 0 is expected, at [1 1]": {Float, []int{2, 2}, []float64{1, nan, inf, 2e-7}},
	} {
		_, err := want.Compare(c.t, c.shape, c.got, tol)
		if (err == nil) != (message == "") || err != nil && !strings.Contains(err.Error(), message) {
			t.Errorf("%v, want %q", err, message)
		}
	}
}
