package runtime

import (
	"math"
	"strings"
	"testing"
)

// TestSettle rounds floats and refuses whole numbers that a type has not.
func TestSettle(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		elem    string
		in, out float32
	}{
		{"f32", 0.1, 0.1}, {"f16", 0.1, 0.0999755859375}, {"f16", -65519, -65504}, {"f16", 65520, inf}, {"f16", 0x1p-25, 0}, {"f16", 0x1.8p-24, 0x1p-23},
		{"f16", 0x1.002p0, 0x1p0}, {"f16", 0x1.006p0, 0x1.008p0}, {"bf16", 0.1, 0.10009765625}, {"bf16", math.MaxFloat32, inf}, {"bf16", -inf, -inf},
	} {
		cells := []float32{c.in}
		if err := settle(c.elem, cells); err != nil || cells[0] != c.out {
			t.Errorf("%v as %s is %v (%v), not %v", c.in, c.elem, cells[0], err, c.out)
		}
	}
	for elem, want := range map[string]string{"u8": "element 1 is -1, but u8 goes from 0 to 255", "bool": "bool goes from 0 to 1", "i8": "", "i32": ""} {
		cells := make([]float32, 2)
		asInts(cells)[1] = -1
		err := settle(elem, cells)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("-1 as %s: %v; want %q", elem, err, want)
		}
	}
	if x := []float32{float32(math.NaN())}; settle("f16", x) != nil || x[0] == x[0] {
		t.Error("NaN is not kept")
	}
}
