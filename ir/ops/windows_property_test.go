package ops

import (
	"testing"

	"github.com/dlc-ml/dlc/ir"
	"pgregory.net/rapid"
)

// drawWindow draws an image and the attributes of a window that fits into it.
func drawWindow(t *rapid.T, pool bool) (h, v int, kernel []int, attrs ir.Attrs) {
	small := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
	kernel = []int{small("kh", 1, 4), small("kw", 1, 4)}
	dilation := []int{1, 1}
	if !pool {
		dilation = []int{small("dh", 1, 2), small("dw", 1, 2)}
		attrs = append(attrs, ir.Attr{Name: "dilation", Value: dilation})
	}
	attrs = append(attrs, ir.Attr{Name: "stride", Value: []int{small("sh", 1, 5), small("sw", 1, 5)}})
	pads := make([]int, 4)
	switch small("padding", 0, 2) {
	case 0:
	case 1:
		attrs = append(attrs, ir.Attr{Name: "padding", Value: "same"})
	case 2:
		for i := range pads {
			most := 5
			if pool {
				most = kernel[i%2] - 1
			}
			pads[i] = small("pad", 0, most)
		}
		attrs = append(attrs, ir.Attr{Name: "pads", Value: pads})
	}
	least := func(i int) int { return max(1, (kernel[i]-1)*dilation[i]+1-pads[i]-pads[i+2]) }
	return small("h", least(0), least(0)+5), small("w", least(1), least(1)+5), kernel, attrs
}

// TestWindowProperty draws convolutions and poolings of any geometry. Their nests, and those of their gradients, must compute what the
// evaluation does. All of them are linear in the image wherever they have a derivative, and convolution in its kernel, so that
// Σ r·y = Σ x·dx, as exactly as float64 sums.
func TestWindowProperty(t *testing.T) {
	for _, kind := range []string{"conv2d", "max_pool", "avg_pool"} {
		t.Run(kind, rapid.MakeCheck(func(t *rapid.T) {
			h, v, kernel, attrs := drawWindow(t, kind != "conv2d")
			groups := rapid.IntRange(1, 3).Draw(t, "groups")
			channels := groups * rapid.IntRange(1, 3).Draw(t, "channels")
			s := &Sample{Args: f32Types(ir.NS(h, v, channels)), Batch: rapid.IntRange(1, 3).Draw(t, "batch"), Kinks: poolGap}
			if kind == "conv2d" {
				filters := groups * rapid.IntRange(1, 3).Draw(t, "filters")
				s.Args = append(s.Args, f32Types(ir.S(kernel[0], kernel[1], channels/groups, filters))...)
				attrs = append(attrs, ir.Attr{Name: "groups", Value: groups})
			} else {
				attrs = append(attrs, ir.Attr{Name: "size", Value: kernel})
			}
			if kind == "avg_pool" {
				attrs = append(attrs, ir.Attr{Name: "count_include_pad", Value: rapid.Bool().Draw(t, "border")})
			}
			s.Attrs = attrs
			o := Lookup(kind)
			c := newCase(t, o, s)
			given := c.given()
			c.compareLowered(t, given)

			y := c.op.Results[0]
			r := c.f.Input("r", y.Type, y.Pos)
			weights := NewTensor(ir.F32, Extents(y.Type.Shape, c.n)...)
			for i, x := range c.spread(len(weights.Data), -1, 1, 0) {
				weights.Data[i] = float64(float32(x))
			}
			given[r] = weights
			for i, g := range o.Grad(&Builder{Module: c.module, Func: c.f}, c.op, []*ir.Value{r}) {
				c.f.Return("d"+o.Args[i].Name, g)
			}
			c.compareLowered(t, given)
			out, err := EvalFunc(c.f, given, c.n)
			if err != nil {
				t.Fatal(err)
			}
			want := dot(out[0], weights)
			for i, dx := range out[1:] {
				if got := dot(c.args[i], dx); !near(got, want, 1e-10, 1e-9) {
					t.Fatalf("Σ %s·d%s is %g, but Σ r·y is %g\n%s", o.Args[i].Name, o.Args[i].Name, got, want, c.f)
				}
			}
		}))
	}
}

func dot(a, b *Tensor) float64 {
	sum := 0.0
	for i := range a.Data {
		sum += a.Data[i] * b.Data[i]
	}
	return sum
}
