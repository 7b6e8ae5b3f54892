package onnx

import (
	"fmt"
	"math"
	"slices"
)

// Tolerance says how far a number may be from the one expected: by Abs plus Rel times that.
type Tolerance struct{ Rel, Abs float64 }

// Compare says where got, in the elements' order of ONNX, differs from what is expected: in type, in shape, where NaNs are, or by more than the tolerance.
// worst is the largest difference.
func (want *Tensor) Compare(t DataType, shape []int, got []float64, tol Tolerance) (worst float64, err error) {
	if t == BFloat16 && want.Type == Uint16 {
		t, got = Uint16, brainBits(got)
	}
	if t != want.Type {
		return 0, fmt.Errorf("the elements are %v, not %v", t, want.Type)
	}
	dims, err := want.Shape()
	if err != nil {
		return 0, err
	}
	if !slices.Equal(dims, shape) {
		return 0, fmt.Errorf("the shape is %v, not %v", shape, dims)
	}
	data, err := want.Numbers()
	if err != nil {
		return 0, err
	}
	bad, far := -1, 0.0
	for i, w := range data {
		g := got[i]
		if g == w || math.IsNaN(g) && math.IsNaN(w) {
			continue
		}
		d := math.Abs(g - w)
		if math.IsNaN(d) {
			d = math.Inf(1)
		}
		worst = max(worst, d)
		if !(d <= tol.Abs+tol.Rel*math.Abs(w)) || math.IsInf(w, 0) {
			if bad < 0 || d > far {
				bad, far = i, d
			}
		}
	}
	if bad < 0 {
		return worst, nil
	}
	return worst, fmt.Errorf("%v where %v is expected, at %v, an error of %.3g", got[bad], data[bad], place(bad, dims), far)
}

// brainBits are the bits of bfloat16 numbers as whole numbers: ONNX's own tests store and compare them so.
func brainBits(list []float64) []float64 {
	bits := make([]float64, len(list))
	for i, x := range list {
		bits[i] = float64(math.Float32bits(float32(x)) >> 16)
	}
	return bits
}

// place is the index of an element.
func place(i int, dims []int) []int {
	ix := make([]int, len(dims))
	for k := len(dims) - 1; k >= 0; k-- {
		ix[k], i = i%dims[k], i/dims[k]
	}
	return ix
}

// As is the tensor as the type that the model gives it, where the two hold the same bits: ONNX's own tests store inputs that are BFLOAT16 as UINT16.
func (t *Tensor) As(want DataType) *Tensor {
	if want != BFloat16 || t.Type != Uint16 {
		return t
	}
	r := *t
	r.Type = BFloat16
	return &r
}
