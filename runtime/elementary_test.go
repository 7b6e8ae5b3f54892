package runtime

import (
	"math"
	"testing"
)

func TestElementary(t *testing.T) {
	close := func(name string, x, got, want float64) {
		if !(math.Abs(got-want) <= 4e-15*math.Abs(want)) && !(got == want || got != got && want != want) {
			t.Errorf("%s(%g) is %g, want %g", name, x, got, want)
		}
	}
	for i := -70000; i <= 70000; i += 7 {
		x := float64(i) / 100
		close("exp", x, expOf(x), math.Exp(x))
		close("log", x, logOf(math.Abs(x)+1e-3), math.Log(math.Abs(x)+1e-3))
		close("raise", x, raise(1.7, x/50), math.Pow(1.7, x/50))
	}
	for _, x := range []float64{0, 1, math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64, -1} {
		close("log", x, logOf(x), math.Log(x))
		close("exp", x, expOf(x), math.Exp(x))
	}
	close("log", 5e-324, logOf(5e-324), -744.4400719213812)
	close("raise 0", 0.5, raise(0, 0.5), 0)
	close("raise 0", 0, raise(0, 0), 1)
	close("raise 2", -3, raise(2, -3), 0.125)
}

func TestCosPi(t *testing.T) {
	for i := range 10001 {
		x := float64(i) / 10000
		if d := cosPi(x) - math.Cos(math.Pi*x); math.Abs(d) > 1e-15 {
			t.Fatalf("cosPi(%g) is off by %g", x, d)
		}
	}
}

func TestFormula(t *testing.T) {
	for _, c := range []struct {
		text string
		want []float64 // from update 1
	}{
		{"1 0.5 t pow -", []float64{0.5, 0.75, 0.875}},
		{"1 0.75 t pow - sqrt", []float64{0.5, math.Sqrt(0.4375)}},
		{"last t *", []float64{1, 2, 6, 24}},
		{"1 t 7 9 less", []float64{9, 7, 7}},
		{"t 2 min 3 max 1 + 2 /", []float64{2, 2}},
		{"0.96 t 0.5 * pow", []float64{math.Sqrt(0.96), 0.96}},
	} {
		f := newFormula(c.text)
		for round := range 2 { // the second goes back to the first update
			for i, want := range c.want {
				if got := f.of(i + 1); math.Abs(got-want) > 1e-15 {
					t.Errorf("%s: update %d, round %d: %g, want %g", c.text, i+1, round, got, want)
				}
			}
		}
		if got := newFormula(c.text).of(len(c.want)); math.Abs(got-c.want[len(c.want)-1]) > 1e-15 {
			t.Errorf("%s: without the updates before: %g", c.text, got)
		}
	}
	for _, bad := range []string{"1 +", "t what", "1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8"} {
		if got := newFormula(bad).of(1); got == got {
			t.Errorf("%s gives %g", bad, got)
		}
	}
}
