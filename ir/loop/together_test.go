package loop

import (
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/ir"
)

// twoScans are the directions of a small recurrent layer.
const twoScans = `func infer[N] {
  input x: f32[N,4,6]
  grad $grad: f32[6]
  grad g: f32[3]
  grad g_2: f32[3]
  output h: f32[N,6]
  temp z: f32[N,3]
  temp z_2: f32[N,3]
  scan one (t:4) {
    map one.sum (n:N, unit:3) {
      z[n, unit] = x[n, t, unit] + h[n, unit]
    }
    map one.state (n:N, unit:3) {
      h[n, unit] = z[n, unit]
    }
  }
  scan two (t:4) reverse {
    map two.sum (n:N, unit:3) {
      z_2[n, unit] = x[n, t, unit+3] + h[n, unit+3]
    }
    map two.state (n:N, unit:3) {
      h[n, unit+3] = z_2[n, unit]
    }
  }
}
`

func TestTogether(t *testing.T) {
	for _, c := range []struct {
		name string
		swap []string
		want bool
	}{
		{"two halves of one state", nil, true},
		{"one temporary", []string{"z_2[", "z["}, false},
		{"halves that overlap", []string{"h[n, unit+3] = ", "h[n, unit+2] = "}, false},
		{"a load of what the other writes", []string{"+ h[n, unit+3]", "+ h[n, unit+2]"}, false},
		{"a load of the arena that the other writes a part of", []string{"h[n, unit] = z[n, unit]", "g[unit] = z[0, unit]", "+ h[n, unit+3]", "+ $grad[unit]"}, false},
		{"two gradients", []string{"h[n, unit] = z[n, unit]", "g[unit] = z[0, unit]", "+ h[n, unit+3]", "+ g_2[unit]"}, true},
	} {
		src := strings.NewReplacer(c.swap...).Replace(twoScans)
		f, err := Parse("scans.loop", []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Together(1); got != c.want || f.Together(0) || f.Together(2) {
			t.Errorf("%s: %t, want %t", c.name, got, c.want)
		}
		f.Nests = append(f.Nests, f.Nests[0], f.Nests[1])
		if c.want && (f.Together(2) || !f.Together(3)) {
			t.Errorf("%s: of four scans, not two and two are together", c.name)
		}
	}
}

// TestApart checks when two accesses cannot meet.
func TestApart(t *testing.T) {
	axes := []Axis{{Name: "n", Extent: ir.Batch}, {Name: "i", Extent: ir.D(4)}}
	index := func(row, from, step int) []Affine {
		return []Affine{Ax(0).Plus(0, 0, row), At(from).Plus(1, step, 0)}
	}
	for _, c := range []struct {
		a, b []Affine
		want bool
	}{
		{index(0, 0, 1), index(0, 4, 1), true},
		{index(0, 0, 1), index(0, 3, 1), false},
		{index(0, 3, -1), index(0, 4, 1), true},
		{index(0, 7, -1), index(0, 4, 1), false},
		{index(0, 0, 2), index(0, 1, 2), false}, // the boxes meet although the elements do not
		{index(0, 0, 1), index(1, 0, 1), false}, // the batch has no known end
	} {
		if got := Apart(Access{Index: c.a}, axes, Access{Index: c.b}, axes); got != c.want {
			t.Errorf("%v and %v: %v", c.a, c.b, got)
		}
	}
}
