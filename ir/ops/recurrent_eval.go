package ops

import "math"

// sequence is one example's walk through the steps in one direction, in float64: the specification of recurrent layers.
type sequence struct {
	n, d    int // example and direction
	t       int
	live    bool      // whether the step is one of the example's
	h, c    []float64 // states, changed by the step
	hidden  int
	gates   int // blocks in the sums
	sums, w *Tensor
}

// eachStep walks every example through its steps in every direction, in order. Behind an example's length steps are visited that do not count.
// h0, c0 and lengths may be nil. done gets the state at the end.
func eachStep(sums, w, lengths, h0, c0 *Tensor, reverse []bool, step, done func(s *sequence)) {
	steps, hidden := sums.Shape[1], w.Shape[1]
	for n := range sums.Shape[0] {
		for d, back := range reverse {
			s := &sequence{n: n, d: d, hidden: hidden, gates: w.Shape[2] / hidden, sums: sums, w: w, h: make([]float64, hidden), c: make([]float64, hidden)}
			for u := range hidden {
				if h0 != nil {
					s.h[u] = h0.Data[s.state(h0, u)]
				}
				if c0 != nil {
					s.c[u] = c0.Data[s.state(c0, u)]
				}
			}
			for k := range steps {
				if s.t = k; back {
					s.t = steps - 1 - k
				}
				s.live = lengths == nil || float64(s.t) < lengths.Data[n]
				h, c := append([]float64{}, s.h...), append([]float64{}, s.c...)
				step(s)
				if !s.live {
					s.h, s.c = h, c
				}
			}
			done(s)
		}
	}
}

// state is where a unit lies in a state [N,D·H].
func (s *sequence) state(t *Tensor, u int) int { return s.n*t.Shape[1] + s.d*s.hidden + u }

// at is where a unit of a block lies in a tensor [N,T,D·blocks·H].
func (s *sequence) at(t *Tensor, blocks, block, u int) int {
	return (s.n*t.Shape[1]+s.t)*t.Shape[2] + (s.d*blocks+block)*s.hidden + u
}

// sum is the input's part of a unit of a block.
func (s *sequence) sum(block, u int) float64 { return s.sums.Data[s.at(s.sums, s.gates, block, u)] }

// recurrent is the product of x and a column of the recurrent matrix.
func (s *sequence) recurrent(x []float64, block, u int) float64 {
	sum := 0.0
	for k, v := range x {
		sum += v * s.w.Data[(s.d*s.hidden+k)*s.w.Shape[2]+block*s.hidden+u]
	}
	return sum
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
