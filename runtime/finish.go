package runtime

import (
	"math"
	"slices"
)

// The finishers: for each of them a metric of the language names one. Rows of class decisions are two runs of equal length, what was
// predicted and what is right; a right one below 0 does not count.

// finishRoot is the square root of a mean.
var finishRoot = finisher{finish: func(m *metricInfo, t *tally) float64 { return math.Sqrt(t.sums[0] / float64(t.examples)) }}

// finishPerplexity is e to the mean surprise: the sums are the surprise and how often there was one.
var finishPerplexity = finisher{finish: func(m *metricInfo, t *tally) float64 { return expSame(t.sums[0] / t.sums[1]) }}

// finishR2 is the coefficient of determination, averaged over the numbers of a row, of which the first half was predicted. For each
// there are kept the mean and the squared deviations of the targets (Welford, 1962), and the squared errors.
var finishR2 = finisher{
	size: func(m *metricInfo) int { return 1 + 3*m.elems/2 },
	fold: func(m *metricInfo, t *tally, row []float32) {
		t.sums[0]++
		for k := range len(row) / 2 {
			s := t.sums[1+3*k : 4+3*k]
			p, y := float64(row[k]), float64(row[len(row)/2+k])
			d := y - s[0]
			s[0] += d / t.sums[0]
			s[1] += float64(d * (y - s[0]))
			s[2] += float64((p - y) * (p - y))
		}
	},
	finish: func(m *metricInfo, t *tally) float64 {
		total := 0.0
		for k := range m.elems / 2 {
			switch s := t.sums[1+3*k : 4+3*k]; {
			case s[1] > 0 || math.IsNaN(s[1]):
				total += 1 - s[2]/s[1]
			case s[2] == 0: // targets that are all the same, and hit
				total++
			}
		}
		return total / float64(m.elems/2)
	},
}

// columns is how many classes decisions are about. Where the label has the shape of the scores, each of its last axis is a question of its
// own with the answers yes and no; else the last axis of the scores has the classes.
func (m *metricInfo) columns() (n int, yesNo bool) {
	scores, label := m.shapes[0], m.shapes[1]
	n = 1
	if len(scores) > 0 {
		n = scores[len(scores)-1]
	}
	return n, len(scores) == len(label)
}

// foldCounts keeps three numbers a class: how often it was predicted and right, predicted and wrong, right and not predicted.
func foldCounts(m *metricInfo, t *tally, row []float32) {
	n, yesNo := m.columns()
	half := len(row) / 2
	for i, predicted := range row[:half] {
		right := row[half+i]
		if right < 0 {
			continue
		}
		p, r := int(predicted), int(right)
		if yesNo { // the class is the column, of which there is a yes or not
			p, r = -1, -1
			if predicted > 0.5 {
				p = i % n
			}
			if right > 0.5 {
				r = i % n
			}
		}
		hit := p == r
		if p >= 0 && p < n {
			if hit {
				t.sums[3*p]++
			} else {
				t.sums[3*p+1]++
			}
		}
		if r >= 0 && r < n && !hit {
			t.sums[3*r+2]++
		}
	}
}

func sizeCounts(m *metricInfo) int {
	n, _ := m.columns()
	return 3 * n
}

// counted makes a finisher of a score of one class. Attribute average says how classes are put together: macro is the mean over
// those that occur, weighted counts each as often as it is right, micro adds their counts up first.
func counted(score func(hit, wrong, missed float64) float64) finisher {
	return finisher{size: sizeCounts, fold: foldCounts, finish: func(m *metricInfo, t *tally) float64 {
		average, _ := m.args["average"].(string)
		var hit, wrong, missed, total, weights float64
		for c := 0; c < len(t.sums); c += 3 {
			h, w, o := t.sums[c], t.sums[c+1], t.sums[c+2]
			hit, wrong, missed = hit+h, wrong+w, missed+o
			weight := 1.0
			switch {
			case average == "weighted":
				weight = h + o
			case h+w+o == 0:
				continue
			}
			total += float64(weight * score(h, w, o))
			weights += weight
		}
		if average == "micro" {
			return score(hit, wrong, missed)
		}
		return ratio(total, weights)
	}}
}

// ratio is a/b, and 0 where there is nothing to divide by.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

var (
	finishPrecision = counted(func(hit, wrong, missed float64) float64 { return ratio(hit, hit+wrong) })
	finishRecall    = counted(func(hit, wrong, missed float64) float64 { return ratio(hit, hit+missed) })
	finishF1        = counted(func(hit, wrong, missed float64) float64 { return ratio(2*hit, 2*hit+wrong+missed) })
	finishMeanIou   = counted(func(hit, wrong, missed float64) float64 { return ratio(hit, hit+wrong+missed) })
)

// finishConfusionMatrix counts each pair of a right and a predicted class. A decision for no class, of scores with a NaN, counts in no
// column, but in the total, which is the last sum.
var finishConfusionMatrix = finisher{
	size: func(m *metricInfo) int { return matrixSide(m)*matrixSide(m) + 1 },
	fold: func(m *metricInfo, t *tally, row []float32) {
		n, half := matrixSide(m), len(row)/2
		for i, predicted := range row[:half] {
			r := int(row[half+i])
			if r < 0 || r >= n {
				continue
			}
			if p := int(predicted); p >= 0 && p < n {
				t.sums[r*n+p]++
			}
			t.sums[n*n]++
		}
	},
	finish: func(m *metricInfo, t *tally) float64 {
		n, right := matrixSide(m), 0.0
		for c := range n {
			right += t.sums[c*n+c]
		}
		return ratio(right, t.sums[n*n])
	},
	table: func(m *metricInfo, t *tally) [][]float64 {
		n := matrixSide(m)
		rows := make([][]float64, n)
		for r := range rows {
			rows[r] = slices.Clone(t.sums[r*n : r*n+n])
		}
		return rows
	},
}

// matrixSide is the number of classes of a confusion matrix; of a yes-or-no question they are two.
func matrixSide(m *metricInfo) int {
	n, yesNo := m.columns()
	if yesNo {
		return 2
	}
	return n
}

// expSame returns e^x with an error below 1e-14 of it. math.Exp is not the same bits everywhere.
func expSame(x float64) float64 {
	const ln2High, ln2Low = 6.93147180369123816490e-01, 1.90821492927058770002e-10
	switch {
	case x != x || x > 709.7:
		return x * math.Inf(1) // NaN stays
	case x < -745:
		return 0
	}
	k := math.Floor(float64(x*math.Log2E) + 0.5)
	r := float64(x-float64(k*ln2High)) - float64(k*ln2Low)
	sum := 1.0
	for i := 16; i > 0; i-- { // Horner's form of the series: 1 + r/1·(1 + r/2·(1 + …))
		sum = 1 + float64(float64(r*sum)/float64(i))
	}
	return math.Ldexp(sum, int(k))
}
