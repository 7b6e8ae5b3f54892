package runtime

import (
	"math"
	"math/rand/v2"
	"testing"
)

// decisions folds rows of predictions and labels and returns the tally.
func decisions(f *finisher, m *metricInfo, rows ...[]float32) *tally {
	t := &tally{sums: make([]float64, f.size(m))}
	for _, r := range rows {
		t.examples++
		f.fold(m, t, r)
	}
	return t
}

func close64(a, b float64) bool { return math.Abs(a-b) < 1e-12 || math.IsNaN(a) && math.IsNaN(b) }

// TestCounted compares with numbers worked out by hand: classes 0, 1, 2 of 4, with one ignored label and one undecided prediction.
func TestCounted(t *testing.T) {
	// label 0: predicted 0 0 1; label 1: predicted 1 2; label 2: predicted 2, none
	rows := [][]float32{{0, 0}, {0, 0}, {1, 0}, {1, 1}, {2, 1}, {2, 2}, {4, 2}, {3, -1}}
	for _, c := range []struct {
		name                   string
		f                      *finisher
		macro, micro, weighted float64
	}{
		{"precision", &finishPrecision, (1 + 0.5 + 0.5) / 3, 4.0 / 6, (3*1 + 2*0.5 + 2*0.5) / 7},
		{"recall", &finishRecall, (2.0/3 + 0.5 + 0.5) / 3, 4.0 / 7, 4.0 / 7},
		{"f1", &finishF1, (0.8 + 0.5 + 0.5) / 3, 8.0 / 13, (3*0.8 + 2*0.5 + 2*0.5) / 7},
		{"mean_iou", &finishMeanIou, (2.0/3 + 1.0/3 + 1.0/3) / 3, 4.0 / 9, (3*2.0/3 + 2*1.0/3 + 2*1.0/3) / 7},
	} {
		for average, want := range map[string]float64{"macro": c.macro, "micro": c.micro, "weighted": c.weighted} {
			m := &metricInfo{elems: 2, shapes: [][]int{{4}, {}}, args: map[string]any{"average": average}}
			if got := c.f.finish(m, decisions(c.f, m, rows...)); !close64(got, want) {
				t.Errorf("%s, %s: %g, want %g", c.name, average, got, want)
			}
		}
	}
}

// TestCountedYesNo asks two questions of each of three examples.
func TestCountedYesNo(t *testing.T) {
	rows := [][]float32{{1, 0, 1, 1}, {1, 1, 0, 1}, {0, 1, 1, 0}} // predicted for both, then right for both
	m := &metricInfo{elems: 4, shapes: [][]int{{2}, {2}}, args: map[string]any{"average": "macro"}}
	if got := finishPrecision.finish(m, decisions(&finishPrecision, m, rows...)); !close64(got, 0.5) {
		t.Errorf("precision is %g", got) // 1 of 2, and 1 of 2
	}
	if got := finishRecall.finish(m, decisions(&finishRecall, m, rows...)); !close64(got, 0.5) {
		t.Errorf("recall is %g", got) // 1 of 2, and 1 of 2
	}
	one := &metricInfo{elems: 2, shapes: [][]int{{}, {}}, args: map[string]any{"average": "macro"}}
	binary := [][]float32{{1, 1}, {1, 0}, {0, 1}, {0, 0}, {1, 1}}
	if got := finishF1.finish(one, decisions(&finishF1, one, binary...)); !close64(got, 2.0/3) {
		t.Errorf("binary f1 is %g", got)
	}
	if got := finishF1.finish(one, decisions(&finishF1, one)); got != 0 {
		t.Errorf("f1 of nothing is %g", got)
	}
	f := &finishConfusionMatrix
	if got := f.table(one, decisions(f, one, binary...)); got[0][0] != 1 || got[0][1] != 1 || got[1][0] != 1 || got[1][1] != 2 {
		t.Errorf("confusion matrix is %v", got)
	}
}

func TestConfusionMatrix(t *testing.T) {
	m := &metricInfo{elems: 2, shapes: [][]int{{3}, {}}}
	f := &finishConfusionMatrix
	got := decisions(f, m, []float32{0, 0}, []float32{2, 0}, []float32{2, 0}, []float32{1, 1}, []float32{3, 1}, []float32{0, 2}, []float32{0, -1})
	want := [][]float64{{1, 0, 2}, {0, 1, 0}, {1, 0, 0}}
	for r, row := range f.table(m, got) {
		for c, v := range row {
			if v != want[r][c] {
				t.Errorf("row %d, column %d: %g, want %g", r, c, v, want[r][c])
			}
		}
	}
	if v := f.finish(m, got); !close64(v, 2.0/6) {
		t.Errorf("the share of the diagonal is %g", v)
	}
	if text := tableText([][]float64{{1, 12}, {0, 3}}); text != "     0   1\n  0  1  12\n  1  0   3\n" {
		t.Errorf("printed as\n%s", text)
	}
}

// TestRocArea compares with the definition: over all pairs of a yes and a no, how often the yes is above, and half where they are equal.
func TestRocArea(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		list := make([]scoredAnswer, 1+rng.IntN(40))
		for i := range list {
			list[i] = scoredAnswer{float32(rng.IntN(12)) / 4, rng.IntN(3) == 0}
		}
		above, pairs := 0.0, 0.0
		for _, a := range list {
			for _, b := range list {
				if a.yes && !b.yes {
					pairs++
					if a.score > b.score {
						above++
					} else if a.score == b.score {
						above += 0.5
					}
				}
			}
		}
		got, ok := rocArea(list)
		if ok != (pairs > 0) || ok && !close64(got, above/pairs) {
			t.Fatalf("%g, %v, want %g of %g pairs", got, ok, above/pairs, pairs)
		}
	}
}

// TestRocAuc has three classes, of which the last has no example and so does not count, and then two questions.
func TestRocAuc(t *testing.T) {
	m := &metricInfo{reduce: "collect", elems: 4, shapes: [][]int{{3}, {}}}
	rows := []float32{0.8, 0.1, 0.1, 0, 0.3, 0.6, 0.1, 1, 0.4, 0.5, 0.1, 0, 0.5, 0.2, 0.3, 1, 9, 9, 9, -1}
	// class 0: yes 0.8 0.4, no 0.3 0.5: 3 of 4; class 1: yes 0.6 0.2, no 0.1 0.5: 3 of 4
	if got := finishRocAuc.finish(m, &tally{rows: rows, examples: 5}); !close64(got, 0.75) {
		t.Errorf("of classes it is %g", got)
	}
	m = &metricInfo{reduce: "collect", elems: 4, shapes: [][]int{{2}, {2}}}
	rows = []float32{0.9, 0.1, 1, 0, 0.2, 0.1, 0, 1, 0.3, 0.1, 1, 1} // all right; all equal
	if got := finishRocAuc.finish(m, &tally{rows: rows, examples: 3}); !close64(got, (1+0.5)/2) {
		t.Errorf("of questions it is %g", got)
	}
	if got := finishRocAuc.finish(m, &tally{rows: rows[:4], examples: 1}); !math.IsNaN(got) {
		t.Errorf("of one answer it is %g", got)
	}
}

// TestR2 compares with the definition in two passes, for targets far from 0.
func TestR2(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const n, k = 50, 3
	m := &metricInfo{reduce: "rows", elems: 2 * k, shapes: [][]int{{k}, {k}}}
	var rows [][]float32
	for range n {
		row := make([]float32, 2*k)
		for i := range k {
			y := 1e4 + rng.NormFloat64()
			row[k+i], row[i] = float32(y), float32(y+rng.NormFloat64()/3)
		}
		rows = append(rows, row)
	}
	want := 0.0
	for i := range k {
		mean, off, wrong := 0.0, 0.0, 0.0
		for _, r := range rows {
			mean += float64(r[k+i]) / n
		}
		for _, r := range rows {
			off += (float64(r[k+i]) - mean) * (float64(r[k+i]) - mean)
			wrong += (float64(r[k+i]) - float64(r[i])) * (float64(r[k+i]) - float64(r[i]))
		}
		want += (1 - wrong/off) / k
	}
	if got := finishR2.finish(m, decisions(&finishR2, m, rows...)); math.Abs(got-want) > 1e-9 {
		t.Errorf("it is %.12g, want %.12g", got, want)
	}
}

// TestErrorRate decodes and compares sequences worked out by hand.
func TestErrorRate(t *testing.T) {
	for _, c := range []struct {
		name      string
		args      map[string]any
		steps     int
		row       []float32
		edits, of float64
	}{
		{"plain", map[string]any{"decode": "plain"}, 4, []float32{1, 2, 3, 9, 1, 3, 0, 3, 2}, 1, 2},
		{"empty prediction", map[string]any{"decode": "plain"}, 2, []float32{1, 2, 5, 6, 7, 0, 3}, 3, 3},
		{"empty label", map[string]any{"decode": "plain"}, 2, []float32{1, 2, 5, 2, 0}, 2, 0},
		{"ctc", map[string]any{"decode": "ctc", "blank": 0.0}, 7, []float32{1, 1, 0, 1, 2, 2, 0, 1, 1, 2, 7, 3}, 0, 3},
		{"padding", map[string]any{"decode": "plain"}, 3, []float32{1, 2, 3, 1, 2, -1, -1, 3, 4}, 1, 2},
		// words: 12|3|45 against 12|35|45, in which 0 separates
		{"words", map[string]any{"decode": "plain", "separator": 0.0}, 7, []float32{1, 2, 0, 3, 0, 4, 5, 1, 2, 0, 3, 5, 0, 4, 5, 7, 8}, 1, 3},
		{"word order", map[string]any{"decode": "plain", "separator": 0.0}, 2, []float32{1, 2, 2, 1, 2, 2}, 1, 1},
	} {
		m := &metricInfo{elems: len(c.row), shapes: [][]int{{c.steps}}, args: c.args}
		got := decisions(&finishErrorRate, m, c.row)
		if got.sums[0] != c.edits || got.sums[1] != c.of {
			t.Errorf("%s: %g edits of %g, want %g of %g", c.name, got.sums[0], got.sums[1], c.edits, c.of)
		}
	}
}

// TestEditDistance compares with the recursive definition.
func TestEditDistance(t *testing.T) {
	var slow func(a, b []int32) int
	slow = func(a, b []int32) int {
		if len(a) == 0 || len(b) == 0 {
			return len(a) + len(b)
		}
		d := slow(a[1:], b[1:])
		if a[0] != b[0] {
			d++
		}
		return min(d, slow(a[1:], b)+1, slow(a, b[1:])+1)
	}
	rng := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		a, b := make([]int32, rng.IntN(6)), make([]int32, rng.IntN(6))
		for i := range a {
			a[i] = int32(rng.IntN(3))
		}
		for i := range b {
			b[i] = int32(rng.IntN(3))
		}
		if got, want := editDistance(a, b, make([]int32, len(b)+1)), slow(a, b); got != want {
			t.Fatalf("%v to %v: %d, want %d", a, b, got, want)
		}
	}
}

func TestExpSame(t *testing.T) {
	for _, x := range []float64{0, 1, -1, 0.3, 10, -10, 700, -740, 709.5, 1e-9, 345.678} {
		if got, want := expSame(x), math.Exp(x); math.Abs(got-want) > 1e-14*want {
			t.Errorf("e^%g is %g, want %g", x, got, want)
		}
	}
	if !math.IsInf(expSame(1000), 1) || expSame(-1000) != 0 || !math.IsNaN(expSame(math.NaN())) || !math.IsInf(expSame(math.Inf(1)), 1) || expSame(math.Inf(-1)) != 0 {
		t.Error("e^x goes wrong at the ends")
	}
}
