package loop

import (
	"strings"
	"testing"
)

// twoScans are the directions of a small recurrent layer.
const twoScans = `func infer[N] {
  input x: f32[N,4,6]
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
		name, old, text string
		want            bool
	}{
		{"two halves of one state", "", "", true},
		{"one temporary", "z_2[", "z[", false},
		{"halves that overlap", "h[n, unit+3] = ", "h[n, unit+2] = ", false},
		{"a load of what the other writes", "+ h[n, unit+3]", "+ h[n, unit+2]", false},
	} {
		src := twoScans
		if c.old != "" {
			src = strings.ReplaceAll(src, c.old, c.text)
		}
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
