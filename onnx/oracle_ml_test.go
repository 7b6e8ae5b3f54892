package onnx

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// kernelOracle is how near x is to a support vector.
func kernelOracle(kind string, params []float64, x, v []float64) float64 {
	dot, square := 0.0, 0.0
	for i := range x {
		dot += x[i] * v[i]
		square += (x[i] - v[i]) * (x[i] - v[i])
	}
	switch kind {
	case "RBF":
		return math.Exp(-params[0] * square)
	case "POLY":
		return math.Pow(params[0]*dot+params[1], params[2])
	case "SIGMOID":
		return math.Tanh(params[0]*dot + params[1])
	}
	return dot
}

// transformOracle is what post_transform makes of a row.
func transformOracle(how string, row []float64) []float64 {
	list := append([]float64{}, row...)
	switch how {
	case "LOGISTIC":
		for i, x := range list {
			list[i] = 1 / (1 + math.Exp(-x))
		}
	case "SOFTMAX", "SOFTMAX_ZERO":
		sum := 0.0
		for i, x := range list {
			if list[i] = math.Exp(x); how == "SOFTMAX_ZERO" && x == 0 {
				list[i] = 0
			}
			sum += list[i]
		}
		for i := range list {
			list[i] /= sum
		}
	case "PROBIT": // by halving, where the row holds probabilities
		for i, p := range list {
			low, high := -9.0, 9.0
			for range 200 {
				if mid := (low + high) / 2; 0.5*math.Erfc(-mid/math.Sqrt2) < p {
					low = mid
				} else {
					high = mid
				}
			}
			list[i] = low
		}
	}
	return list
}

func rounded(list []float64) []float64 {
	for i, x := range list {
		list[i] = float64(float32(x))
	}
	return list
}

func TestSVMOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(14, 1))
	kinds, transforms := []string{"LINEAR", "RBF", "POLY", "SIGMOID"}, []string{"NONE", "LOGISTIC", "SOFTMAX"}
	for i := range 40 {
		kind, how, rows, features := kinds[i%4], transforms[i%3], 1+r.IntN(5), 1+r.IntN(4)
		params := rounded([]float64{0.1 + 0.4*r.Float64(), 0.3, float64(1 + r.IntN(3))})
		x := normal(r, rows, features)
		row := func(n int) []float64 { return x.data[n*features : (n+1)*features] }
		base := [][]byte{wordAttr("kernel_type", kind), realsAttr("kernel_params", params...)}

		supports := 1 + r.IntN(5)
		vectors, weights, rho := normal(r, supports, features).data, normal(r, supports).data, normal(r, 1).data
		y := newArray(rows, 1)
		for n := range rows {
			y.data[n] = rho[0]
			for m := range supports {
				y.data[n] += weights[m] * kernelOracle(kind, params, row(n), vectors[m*features:(m+1)*features])
			}
		}
		attrs := append(base[:2:2], wholeAttr("n_supports", supports), realsAttr("support_vectors", vectors...), realsAttr("coefficients", weights...), realsAttr("rho", rho...))
		ask := &asked{"SVMRegressor", "ai.onnx.ml", 1, []*given{operand("x", x)}, 1, attrs}
		ask.agree(t, fmt.Sprint(kind, i), y)
		for k, v := range y.data {
			y.data[k] = map[bool]float64{true: 1, false: -1}[v > 0]
		}
		ask.attrs = append(attrs[:6:6], wholeAttr("one_class", 1))
		ask.agree(t, fmt.Sprint(kind, i, " one class"), y)

		classes := 2 + r.IntN(3)
		var of, labels []int
		supports = 0
		for c := range classes {
			of, labels = append(of, 1+r.IntN(3)), append(labels, 10+7*c%5)
			supports += of[c]
		}
		pairs := classes * (classes - 1) / 2
		vectors, weights, rho = normal(r, supports, features).data, normal(r, (classes-1)*supports).data, normal(r, pairs).data
		attrs = append(base[:2:2], wholesAttr("vectors_per_class", of...), wholesAttr("classlabels_ints", labels...), realsAttr("support_vectors", vectors...),
			realsAttr("coefficients", weights...), realsAttr("rho", rho...), wordAttr("post_transform", how))
		var a, b []float64
		if i%5 == 4 {
			a, b = normal(r, pairs).data, normal(r, pairs).data
			attrs = append(attrs, realsAttr("prob_a", a...), realsAttr("prob_b", b...))
		}
		label, scores := newArray(rows), []float64{}
		columns := 0
		for n := range rows {
			pair, votes := svmPairs(of, weights, rho, func(m int) float64 { return kernelOracle(kind, params, row(n), vectors[m*features:(m+1)*features]) })
			best := 0
			for c, v := range votes {
				if v > votes[best] {
					best = c
				}
			}
			label.data[n] = float64(labels[best])
			switch {
			case a != nil:
				pair = coupledOracle(pair, a, b, classes)
			case classes == 2:
				pair = []float64{-pair[0], pair[0]}
			}
			columns, scores = len(pair), append(scores, transformOracle(how, pair)...)
		}
		(&asked{"SVMClassifier", "ai.onnx.ml", 1, []*given{operand("x", x)}, 2, attrs}).agree(t, fmt.Sprint(kind, how, classes, a, i), label, &array{[]int{rows, columns}, scores})
	}
}

// svmPairs are the scores of all pairs of classes, and the votes that each class gets.
func svmPairs(of []int, weights, rho []float64, kernel func(m int) float64) (scores []float64, votes []int) {
	supports, first := 0, []int{}
	for _, c := range of {
		first, supports = append(first, supports), supports+c
	}
	votes = make([]int, len(of))
	for i := range of {
		for j := i + 1; j < len(of); j++ {
			s := rho[len(scores)]
			for m := range of[i] {
				s += weights[(j-1)*supports+first[i]+m] * kernel(first[i]+m)
			}
			for m := range of[j] {
				s += weights[i*supports+first[j]+m] * kernel(first[j]+m)
			}
			scores = append(scores, s)
			if s > 0 {
				votes[i]++
			} else {
				votes[j]++
			}
		}
	}
	return scores, votes
}

// coupledOracle makes Σ (r[j,i]*p[i] - r[i,j]*p[j])² least by going downhill along one pair of probabilities after the other.
func coupledOracle(scores, a, b []float64, classes int) []float64 {
	r := newArray(classes, classes)
	pair := 0
	for i := range classes {
		for j := i + 1; j < classes; j++ {
			x := 1 / (1 + math.Exp(scores[pair]*a[pair]+b[pair]))
			x = min(max(x, 1e-7), 1-1e-7)
			r.data[r.at(i, j)], r.data[r.at(j, i)] = x, 1-x
			pair++
		}
	}
	p := make([]float64, classes)
	for i := range p {
		p[i] = 1 / float64(classes)
	}
	cost := func() (sum float64) {
		for i := range p {
			for j := i + 1; j < classes; j++ {
				d := r.get(j, i)*p[i] - r.get(i, j)*p[j]
				sum += d * d
			}
		}
		return sum
	}
	for range 20000 {
		moved := 0.0
		for i := range p {
			for j := range i {
				shift := func(d float64) float64 {
					p[i], p[j] = p[i]+d, p[j]-d
					c := cost()
					p[i], p[j] = p[i]-d, p[j]+d
					return c
				}
				// The cost is a parabola in the shift.
				up, here, down := shift(1), shift(0), shift(-1)
				if bend := up - 2*here + down; bend > 0 {
					d := (down - up) / (2 * bend)
					p[i], p[j] = p[i]+d, p[j]-d
					moved = max(moved, math.Abs(d))
				}
			}
		}
		if moved < 1e-14 {
			break
		}
	}
	return p
}

func TestTransformOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(14, 2))
	for _, how := range []string{"NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"} {
		x, y := normal(r, 6, 3), newArray(6, 3)
		if how == "PROBIT" {
			for i := range x.data {
				x.data[i] = float64(float32(0.002 + 0.996*r.Float64()))
			}
		}
		x.data[4] = map[bool]float64{true: 0, false: 0.5}[how == "SOFTMAX_ZERO"]
		for n := range 6 {
			copy(y.data[3*n:], transformOracle(how, x.data[3*n:3*n+3]))
		}
		attrs := [][]byte{wholeAttr("targets", 3), realsAttr("coefficients", 1, 0, 0, 0, 1, 0, 0, 0, 1), wordAttr("post_transform", how)}
		(&asked{"LinearRegressor", "ai.onnx.ml", 1, []*given{operand("x", x)}, 1, attrs}).agree(t, how, y)
	}
}
