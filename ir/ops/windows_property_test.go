package ops

import (
	"slices"
	"testing"

	"github.com/dlc-ml/dlc/ir"
	"pgregory.net/rapid"
)

// drawWindow draws the sides of an image, sequence or volume and the attributes of a window that fits into it.
func drawWindow(t *rapid.T, axes int, pool, apart bool) (sides, kernel []int, attrs ir.Attrs) {
	each := func(name string, lo, hi int) []int {
		return rapid.SliceOfN(rapid.IntRange(lo, hi), axes, axes).Draw(t, name)
	}
	kernel = each("kernel", 1, 5-axes)
	dilation := slices.Repeat([]int{1}, axes)
	if apart {
		dilation = each("dilation", 1, 2)
		attrs = append(attrs, ir.Attr{Name: "dilation", Value: dilation})
	}
	attrs = append(attrs, ir.Attr{Name: "stride", Value: each("stride", 1, 6-axes)})
	pads := make([]int, 2*axes)
	switch rapid.IntRange(0, 3).Draw(t, "padding") {
	case 0:
	case 1:
		attrs = append(attrs, ir.Attr{Name: "padding", Value: "same"})
	case 2:
		attrs = append(attrs, ir.Attr{Name: "padding", Value: "same_lower"})
	case 3:
		for i := range pads {
			most := 4
			if pool {
				most = kernel[i%axes] - 1
			}
			pads[i] = rapid.IntRange(0, most).Draw(t, "pad")
		}
		attrs = append(attrs, ir.Attr{Name: "pads", Value: pads})
	}
	for i := range axes {
		least := max(1, (kernel[i]-1)*dilation[i]+1-pads[i]-pads[i+axes])
		if pool {
			least = max(least, dilation[i]) // so that no window looks at border alone
		}
		sides = append(sides, rapid.IntRange(least, least+6-axes).Draw(t, "side"))
	}
	return sides, kernel, attrs
}

// TestWindowProperty draws convolutions and poolings of any geometry. Their nests, and those of their gradients, must compute what the
// evaluation does. All of them are linear in the image wherever they have a derivative, and convolution in its kernel, so that
// Σ r·y = Σ x·dx, as exactly as float64 sums.
func TestWindowProperty(t *testing.T) {
	for _, kind := range []string{"conv", "max_pool", "avg_pool"} {
		t.Run(kind, rapid.MakeCheck(func(t *rapid.T) {
			axes, kind := rapid.IntRange(1, 3).Draw(t, "axes"), kind
			sides, kernel, attrs := drawWindow(t, axes, kind != "conv", kind != "avg_pool")
			groups := rapid.IntRange(1, 3).Draw(t, "groups")
			channels := groups * rapid.IntRange(1, 3).Draw(t, "channels")
			s := &Sample{Args: f32Types(ir.NS(append(slices.Clone(sides), channels)...)), Batch: rapid.IntRange(1, 3).Draw(t, "batch"), Kinks: poolGap}
			if kind == "conv" {
				kind = convName(axes)
				filters := groups * rapid.IntRange(1, 3).Draw(t, "filters")
				s.Args = append(s.Args, f32Types(ir.S(append(slices.Clone(kernel), channels/groups, filters)...))...)
				attrs = append(attrs, ir.Attr{Name: "groups", Value: groups})
			} else {
				attrs = append(attrs, ir.Attr{Name: "size", Value: kernel}, ir.Attr{Name: "ceil_mode", Value: rapid.Bool().Draw(t, "ceil")})
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
