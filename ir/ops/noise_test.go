package ops

import (
	"math"
	"testing"

	"github.com/dlc-ml/dlc/ir"
)

// TestSpatialDropout checks that a channel is dropped as a whole, and about as many as the rate says.
func TestSpatialDropout(t *testing.T) {
	x := NewTensor(ir.F32, 50, 3, 40)
	for i := range x.Data {
		x.Data[i] = 1
	}
	y := SpatialDropout.Eval([]*Tensor{x}, ir.Attrs{{Name: "rate", Value: 0.25}, {Name: "id", Value: 5}})[0]
	dropped := 0
	for n := range 50 {
		for c := range 40 {
			first := y.Data[n*120+c]
			for p := range 3 {
				if y.Data[n*120+p*40+c] != first {
					t.Fatalf("example %d, channel %d is dropped in part", n, c)
				}
			}
			if first == 0 {
				dropped++
			}
		}
	}
	if share := float64(dropped) / 2000; math.Abs(share-0.25) > 0.04 {
		t.Errorf("%.3f of the channels are dropped, not a quarter", share)
	}
}

// TestGaussianNoise checks the first moments of the noise.
func TestGaussianNoise(t *testing.T) {
	x := NewTensor(ir.F32, 1, 40000)
	y := GaussianNoise.Eval([]*Tensor{x}, ir.Attrs{{Name: "deviation", Value: 2.0}, {Name: "id", Value: 7}})[0]
	var m1, m2, m3, m4 float64
	for _, v := range y.Data {
		v /= 2
		m1, m2, m3, m4 = m1+v, m2+v*v, m3+v*v*v, m4+v*v*v*v
	}
	n := float64(len(y.Data))
	for i, c := range []struct{ got, want, within float64 }{{m1 / n, 0, 0.02}, {m2 / n, 1, 0.03}, {m3 / n, 0, 0.08}, {m4 / n, 3, 0.25}} {
		if math.Abs(c.got-c.want) > c.within {
			t.Errorf("moment %d is %.3f, not %g", i+1, c.got, c.want)
		}
	}
}
