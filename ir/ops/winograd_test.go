package ops

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/dlc-ml/dlc/ir"
)

// TestMinimal compares each algorithm with the filter that it computes, in float64.
func TestMinimal(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, m := range minimals {
		d, g := make([]float64, m.span), make([]float64, 3)
		for _, list := range [][]float64{d, g} {
			for i := range list {
				list[i] = rng.Float64() - 0.5
			}
		}
		points := timesVector(m.input, d)
		for i, x := range timesVector(m.kernel, g) {
			points[i] *= x
		}
		for i, got := range timesVector(m.outputs, points) {
			want := 0.0
			for k, x := range g {
				want += x * d[i+k]
			}
			if math.Abs(got-want) > 1e-14 {
				t.Errorf("squares of %d, output %d: %g, want %g", m.side, i, got, want)
			}
		}
	}
}

// timesVector multiplies a matrix by a vector.
func timesVector(m [][]float64, x []float64) []float64 {
	y := make([]float64, len(m))
	for i, row := range m {
		for j, c := range row {
			y[i] += c * x[j]
		}
	}
	return y
}

// TestWinogradError bounds the error that the transforms add: of each output, at most 1e-6 of what the products of its sum have as magnitudes, 16 roundings of
// f32. The image and kernel are those of a trained network in scale, the image behind a relu.
func TestWinogradError(t *testing.T) {
	for _, side := range []int{4, 8} { // squares of two, of four
		s := &Sample{Args: f32Types(ir.S(1, side, side, 64), ir.S(3, 3, 64, 16)), Attrs: ir.Attrs{{Name: "padding", Value: "same"}}}
		c := newCase(t, Conv2D, s)
		rng := rand.New(rand.NewPCG(3, uint64(side)))
		for i, x := range c.args {
			for k := range x.Data {
				v := rng.NormFloat64()
				if i == 0 {
					v = max(v, 0)
				}
				x.Data[k] = float64(float32(v))
			}
		}
		want := evalConv(c.args, c.attrs)
		f, bufs := c.lower(t)
		got := c.run(t, f, bufs, c.given(), c.results, want)
		for _, x := range c.args {
			for k, v := range x.Data {
				x.Data[k] = math.Abs(v)
			}
		}
		sizes := evalConv(c.args, c.attrs)[0]
		for k, w := range want[0].Data {
			if d := math.Abs(got[0].Data[k] - w); d > 1e-6*sizes.Data[k] {
				t.Errorf("%dx%d, output %d: %g, want %g: off by %.1g of %g", side, side, k, got[0].Data[k], w, d/sizes.Data[k], sizes.Data[k])
			}
		}
	}
}

// TestWinogradPays checks the choice for the convolutions of the benchmark models.
func TestWinogradPays(t *testing.T) {
	for _, c := range []struct{ size, channels, filters, side int }{
		{56, 64, 64, 4}, {28, 128, 128, 2}, {14, 256, 256, 0}, {7, 512, 512, 0}, // resnet18, within its memory
		{32, 16, 16, 4}, {16, 32, 32, 4}, {8, 64, 64, 4}, // resnet20
		{32, 3, 16, 0}, {2, 64, 64, 0}, {4, 64, 64, 2},
	} {
		w, err := newWindow("conv2d", []int{c.size, c.size}, motion{kernel: []int{3}, stride: []int{1}, dilation: []int{1}, padding: "same"})
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		if m, ok := newWinograd(w, 1, c.channels, c.filters); ok {
			got = m.side
		}
		if got != c.side {
			t.Errorf("%dx%d, %d to %d channels: squares of %d, want %d", c.size, c.size, c.channels, c.filters, got, c.side)
		}
	}
}
