package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
)

// alignment is the label of one example with blanks around its symbols, and the probability of each of them at each step.
type alignment struct {
	symbols []int
	p       [][]float64 // by step, then by place
}

// newAlignment reads example n from the operands, of which steps and lengths may be nil.
func newAlignment(x []*Tensor, n int, a ir.Attrs) alignment {
	logs, label := x[0], x[1]
	steps, classes, length := logs.Shape[1], logs.Shape[2], label.Shape[1]
	base := n * steps * classes
	if x[2] != nil {
		steps = max(0, min(steps, int(x[2].Data[n])))
	}
	symbols := label.Data[n*length : (n+1)*length]
	if x[3] != nil {
		symbols = symbols[:max(0, min(length, int(x[3].Data[n])))]
	}
	s := alignment{symbols: []int{a.Int("blank")}}
	for _, k := range symbols {
		s.symbols = append(s.symbols, int(k), a.Int("blank"))
	}
	for t := range steps {
		row := make([]float64, len(s.symbols))
		for i, k := range s.symbols {
			row[i] = math.Exp(logs.Data[base+t*classes+k])
		}
		s.p = append(s.p, row)
	}
	return s
}

// step moves a probability at each place on by one step. Blanks may be skipped between symbols that differ.
func (s alignment) step(from []float64, forward bool) []float64 {
	to := make([]float64, len(from))
	for i, v := range from {
		for d := 0; d <= 2; d++ {
			j := i + d
			if !forward {
				j = i - d
			}
			if j < 0 || j >= len(to) || d == 2 && (j%2 == 0 || s.symbols[i] == s.symbols[j]) {
				continue
			}
			to[j] += v
		}
	}
	return to
}

// ways returns the probability of all beginnings that are at a place after each step, and of all ends that begin behind it.
func (s alignment) ways() (begin, end [][]float64) {
	n := len(s.symbols)
	begin, end = make([][]float64, len(s.p)), make([][]float64, len(s.p))
	for t := range s.p {
		if t == 0 {
			begin[0] = make([]float64, n)
			for i := range min(2, n) {
				begin[0][i] = 1
			}
		} else {
			begin[t] = s.step(begin[t-1], true)
		}
		for i, p := range s.p[t] {
			begin[t][i] *= p
		}
	}
	for t := len(s.p) - 1; t >= 0; t-- {
		if t == len(s.p)-1 {
			end[t] = make([]float64, n)
			for i := max(0, n-2); i < n; i++ {
				end[t][i] = 1
			}
			continue
		}
		next := make([]float64, n)
		for i, p := range s.p[t+1] {
			next[i] = end[t+1][i] * p
		}
		end[t] = s.step(next, false)
	}
	return begin, end
}

// probability of the label.
func (s alignment) probability() float64 {
	if len(s.p) == 0 {
		if len(s.symbols) == 1 {
			return 1
		}
		return 0
	}
	begin, end := s.ways()
	sum := 0.0
	for i, v := range begin[0] {
		sum += v * end[0][i]
	}
	return sum
}

// cost of the example.
func (s alignment) cost(a ir.Attrs) float64 {
	p := s.probability()
	if p == 0 && a.Bool("zero_infinity") {
		return 0
	}
	return -math.Log(p)
}
