package runtime

import (
	"math"
	"strconv"
	"strings"
)

// formula computes a number that changes from update to update, such as 1 - 0.9^t, from its text in reverse Polish notation: numbers;
// t, the update counted from 1; momentum, that of the schedule; last, the value at the update before, from 1; + - * / pow max min, sqrt, and less, which makes of a b x y
// x where a < b, else y. It has the same bits everywhere.
type formula struct {
	words     []formulaWord
	recurrent bool // whether it reads last
	at        int  // the update that value is of; 0 before the first
	value     float64
	momentum  float64 // of the update that is asked for; a formula with it has no last
}

// formulaWord is a number, where op is "", or an operation.
type formulaWord struct {
	op     string
	number float64
}

// formulaDepth bounds the operands that wait.
const formulaDepth = 16

// newFormula reads the text. A word that is no number and no operation makes every value NaN; the compiler writes none.
func newFormula(text string) *formula {
	f := &formula{value: 1}
	for word := range strings.FieldsSeq(text) {
		x, err := strconv.ParseFloat(word, 64)
		if err == nil {
			word = ""
		}
		f.words = append(f.words, formulaWord{word, x})
		f.recurrent = f.recurrent || word == "last"
	}
	return f
}

// of returns the value at an update. It allocates nothing.
func (f *formula) of(update int) float64 {
	if f.at > update {
		f.at, f.value = 0, 1
	}
	if f.at < update && !f.recurrent {
		f.at = update - 1
	}
	for f.at < update {
		f.at++
		f.value = f.eval(float64(f.at), f.value)
	}
	return f.value
}

func (f *formula) eval(t, last float64) float64 {
	var stack [formulaDepth]float64
	n := 0
	for _, w := range f.words {
		need := formulaArity(w.op)
		if n < need || n-need >= formulaDepth {
			return math.NaN()
		}
		args := stack[n-need : n]
		n -= need
		x := w.number
		switch w.op {
		case "":
		case "t":
			x = t
		case "last":
			x = last
		case "momentum":
			x = f.momentum
		case "+":
			x = args[0] + args[1]
		case "-":
			x = args[0] - args[1]
		case "*":
			x = float64(args[0] * args[1])
		case "/":
			x = args[0] / args[1]
		case "pow":
			x = raise(args[0], args[1])
		case "max":
			x = math.Max(args[0], args[1])
		case "min":
			x = math.Min(args[0], args[1])
		case "sqrt":
			x = math.Sqrt(args[0])
		case "less":
			if x = args[3]; args[0] < args[1] {
				x = args[2]
			}
		default:
			return math.NaN()
		}
		stack[n] = x
		n++
	}
	return stack[0]
}

func formulaArity(op string) int {
	switch op {
	case "+", "-", "*", "/", "pow", "max", "min":
		return 2
	case "sqrt":
		return 1
	case "less":
		return 4
	}
	return 0
}
