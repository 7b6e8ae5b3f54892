package ops

import (
	"math"
	"strconv"
	"strings"
)

// StepScalar is a number that depends on the update alone. Formula computes it in float64, in reverse Polish notation: numbers; t, the
// update counted from 1; momentum, what the schedule makes of it; last, the value at the update before, from 1; + - * / pow max min, sqrt, and less, which makes of
// a b x y x where a < b, else y. "1 0.9 t pow -" is 1 - 0.9^t.
type StepScalar struct {
	Name    string
	Formula string
}

// At returns the value at an update, from 1, with the given momentum where the formula has it: what the run-time must compute, but for the last bits of pow. It is NaN where the formula
// is ill-formed.
func (s StepScalar) At(update int, momentum float64) float64 {
	first := update
	if strings.Contains(" "+s.Formula+" ", " last ") {
		first = 1
	}
	last := 1.0
	for t := first; t <= update; t++ {
		last = s.step(float64(t), last, momentum)
	}
	return last
}

func (s StepScalar) step(t, last, momentum float64) float64 {
	stack := []float64{}
	for _, word := range strings.Fields(s.Formula) {
		need := map[string]int{"+": 2, "-": 2, "*": 2, "/": 2, "pow": 2, "max": 2, "min": 2, "sqrt": 1, "less": 4}[word]
		if len(stack) < need {
			return math.NaN()
		}
		x := stack[len(stack)-need:]
		v := math.NaN()
		switch word {
		case "t":
			v = t
		case "last":
			v = last
		case "momentum":
			v = momentum
		case "+":
			v = x[0] + x[1]
		case "-":
			v = x[0] - x[1]
		case "*":
			v = x[0] * x[1]
		case "/":
			v = x[0] / x[1]
		case "pow":
			v = math.Pow(x[0], x[1])
		case "max":
			v = math.Max(x[0], x[1])
		case "min":
			v = math.Min(x[0], x[1])
		case "sqrt":
			v = math.Sqrt(x[0])
		case "less":
			if v = x[3]; x[0] < x[1] {
				v = x[2]
			}
		default:
			if n, err := strconv.ParseFloat(word, 64); err == nil {
				v = n
			}
		}
		stack = append(stack[:len(stack)-need], v)
	}
	if len(stack) != 1 {
		return math.NaN()
	}
	return stack[0]
}
