package runtime

// finishErrorRate is the edit distance of all sequences from what is right, over the length of what is right (Levenshtein, 1966). A row holds
// the predicted symbols, the right ones, and both lengths. Attributes say how symbols become a sequence: decode is "ctc", which
// drops repetitions and then blank, or "plain"; separator, where not negative, joins the symbols between two of it into one word.
var finishErrorRate = finisher{
	size: func(m *metricInfo) int { return 2 },
	fold: func(m *metricInfo, t *tally, row []float32) {
		steps := m.shapes[0][0]
		predicted, right := row[:steps], row[steps:len(row)-2]
		predicted = predicted[:clampLength(row[len(row)-2], steps)]
		right = right[:clampLength(row[len(row)-1], len(right))]
		if cap(t.scratch) < 2*len(row)+2 {
			t.scratch = make([]int32, 2*len(row)+2)
		}
		buf := t.scratch[:cap(t.scratch)]
		p, buf := decoded(m, predicted, m.args["decode"] == "ctc", buf)
		r, buf := decoded(m, right, false, buf)
		t.sums[0] += float64(editDistance(p, r, buf))
		t.sums[1] += float64(len(r))
	},
	finish: func(m *metricInfo, t *tally) float64 { return ratio(t.sums[0], t.sums[1]) },
}

// clampLength is a length as a whole number from 0 to most.
func clampLength(v float32, most int) int {
	switch {
	case !(v > 0):
		return 0
	case v >= float32(most):
		return most
	}
	return int(v)
}

// decoded makes a sequence of symbols, in buf, and returns the rest of buf. A word becomes a number that equal words, and hardly others,
// have in common.
func decoded(m *metricInfo, symbols []float32, ctc bool, buf []int32) (list, rest []int32) {
	blank, _ := m.args["blank"].(float64)
	separator, words := m.args["separator"].(float64)
	n := 0
	last, word, open := int32(-1), uint32(0), false
	for _, v := range symbols {
		s := int32(v)
		repeated := s == last
		last = s
		switch {
		case s < 0, ctc && (repeated || s == int32(blank)):
		case !words:
			buf[n] = s
			n++
		case s == int32(separator):
			if open {
				buf[n] = int32(word)
				n++
			}
			word, open = 0, false
		default:
			word, open = mixWord(word, uint32(s)), true
		}
	}
	if open {
		buf[n] = int32(word)
		n++
	}
	return buf[:n:n], buf[n:]
}

// mixWord adds a symbol to the hash of a word: FNV's step with the finish of Wellons' lowbias32.
func mixWord(h, symbol uint32) uint32 {
	h = (h ^ symbol ^ 0x9e3779b9) * 0x01000193
	h ^= h >> 16
	h *= 0x7feb352d
	return h ^ h>>15
}

// editDistance is the least number of insertions, deletions and substitutions that make b of a. row has room for len(b)+1 numbers.
func editDistance(a, b, row []int32) int {
	row = row[:len(b)+1]
	for j := range row {
		row[j] = int32(j)
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = int32(i + 1)
		for j, y := range b {
			cost := diagonal
			if x != y {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, diagonal+1, row[j]+1)
		}
	}
	return int(row[len(b)])
}
