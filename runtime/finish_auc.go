package runtime

import (
	"math"
	"slices"
)

// finishRocAuc is the exact area under the curve of true against false positives. Rows hold, where the label has the shape of the scores, all
// scores and then all labels, and the last axis has questions of their own; else the scores of all classes at each position, then the
// classes, each of which is asked for against the rest. The result is the mean over the questions that have both answers; NaN where none has, or
// a score is NaN.
var finishRocAuc = finisher{finish: func(m *metricInfo, t *tally) float64 {
	n, yesNo := m.columns()
	total, questions := 0.0, 0
	for c := range n {
		scored := make([]scoredAnswer, 0, len(t.rows)/max(1, m.elems))
		for at := 0; at < len(t.rows); at += m.elems {
			scored = appendAnswers(scored, t.rows[at:at+m.elems], n, c, yesNo)
		}
		if area, ok := rocArea(scored); ok {
			total += area
			questions++
		}
	}
	if questions == 0 {
		return math.NaN()
	}
	return total / float64(questions)
}}

// scoredAnswer is a score and whether the right answer is yes.
type scoredAnswer struct {
	score float32
	yes   bool
}

// appendAnswers takes what a row says of question c of n. A label below 0 does not count.
func appendAnswers(list []scoredAnswer, row []float32, n, c int, yesNo bool) []scoredAnswer {
	if yesNo {
		half := len(row) / 2
		for i := c; i < half; i += n {
			if y := row[half+i]; y >= 0 {
				list = append(list, scoredAnswer{row[i], y > 0.5})
			}
		}
		return list
	}
	positions := len(row) / (n + 1)
	for i := range positions {
		if y := row[n*positions+i]; y >= 0 {
			list = append(list, scoredAnswer{row[i*n+c], int(y) == c})
		}
	}
	return list
}

// rocArea is the chance that a random yes has a higher score than a random no, where equal scores count half (Mann, Whitney, 1947). It is
// not ok where there are only answers of one kind. The list is sorted.
func rocArea(list []scoredAnswer) (area float64, ok bool) {
	for _, a := range list {
		if a.score != a.score {
			return math.NaN(), true
		}
	}
	slices.SortFunc(list, func(a, b scoredAnswer) int {
		switch {
		case a.score < b.score:
			return -1
		case a.score > b.score:
			return 1
		}
		return 0
	})
	above, yes, no := 0.0, 0.0, 0.0 // above counts, for each yes, the no below it; twice, so that halves are whole
	for at := 0; at < len(list); {
		end, y := at, 0.0
		for end < len(list) && list[end].score == list[at].score {
			if list[end].yes {
				y++
			}
			end++
		}
		n := float64(end-at) - y
		above += float64(y * float64(2*no+n))
		yes, no, at = yes+y, no+n, end
	}
	if yes == 0 || no == 0 {
		return 0, false
	}
	return above / float64(float64(2*yes)*no), true
}
