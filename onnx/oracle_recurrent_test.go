package onnx

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// recurrentCase is one way to ask for a recurrent layer.
type recurrentCase struct {
	kind                       string
	t, n, in, hidden           int
	direction                  string
	activations                []string
	alpha, beta                []float64
	clip                       float64
	coupled, after, batchFirst bool
	bias, lengths, state, peep bool
}

// activationOracle is an activation by its name.
func activationOracle(name string, a, b float64) func(x float64) float64 {
	return map[string]func(x float64) float64{
		"relu": func(x float64) float64 { return max(x, 0) }, "tanh": math.Tanh, "sigmoid": func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
		"softsign": func(x float64) float64 { return x / (1 + math.Abs(x)) }, "softplus": func(x float64) float64 { return math.Log1p(math.Exp(x)) },
		"affine": func(x float64) float64 { return a*x + b }, "scaledtanh": func(x float64) float64 { return a * math.Tanh(b*x) },
		"hardsigmoid": func(x float64) float64 { return min(max(a*x+b, 0), 1) },
		"leakyrelu": func(x float64) float64 {
			if x < 0 {
				return a * x
			}
			return x
		},
		"thresholdedrelu": func(x float64) float64 {
			if x > a {
				return x
			}
			return 0
		},
		"elu": func(x float64) float64 {
			if x < 0 {
				return a * (math.Exp(x) - 1)
			}
			return x
		},
	}[strings.ToLower(name)]
}

// TestRecurrentOracle compares recurrent layers that are written out with their definitions.
func TestRecurrentOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 1))
	for _, c := range []recurrentCase{
		{kind: "RNN", t: 4, n: 2, in: 3, hidden: 2, direction: "bidirectional", activations: []string{"LeakyRelu", "Affine"}, alpha: []float64{0.2, 0.7}, beta: []float64{0.1}, bias: true, state: true},
		{kind: "RNN", t: 3, n: 3, in: 2, hidden: 3, direction: "reverse", activations: []string{"softplus"}, clip: 0.5, lengths: true, batchFirst: true, state: true},
		{kind: "GRU", t: 4, n: 2, in: 3, hidden: 3, direction: "forward", activations: []string{"HardSigmoid", "ScaledTanh"}, alpha: []float64{0.3, 1.2}, beta: []float64{0.4, 0.9}, bias: true},
		{kind: "GRU", t: 3, n: 2, in: 2, hidden: 2, direction: "bidirectional", activations: []string{"Sigmoid", "Relu", "HardSigmoid", "Softsign"}, after: true, bias: true, lengths: true, clip: 0.7},
		{kind: "GRU", t: 3, n: 2, in: 2, hidden: 2, direction: "reverse", activations: []string{"Sigmoid", "Elu"}, state: true, batchFirst: true},
		{kind: "LSTM", t: 4, n: 2, in: 3, hidden: 3, direction: "forward", clip: 0.4, bias: true, peep: true},
		{kind: "LSTM", t: 4, n: 3, in: 2, hidden: 2, direction: "bidirectional", coupled: true, bias: true, peep: true, lengths: true, state: true},
		{kind: "LSTM", t: 3, n: 2, in: 2, hidden: 3, direction: "reverse", activations: []string{"Sigmoid", "ThresholdedRelu", "LeakyRelu"}, alpha: []float64{0.1}, state: true, batchFirst: true},
		{kind: "LSTM", t: 5, n: 1, in: 2, hidden: 2, direction: "forward", activations: []string{"HardSigmoid", "Tanh", "Tanh"}, coupled: true, lengths: true, clip: 1},
	} {
		c.check(t, r)
	}
}

func (c recurrentCase) check(t *testing.T, r *rand.Rand) {
	gates := map[string]int{"RNN": 1, "GRU": 3, "LSTM": 4}[c.kind]
	each := map[string]int{"RNN": 1, "GRU": 2, "LSTM": 3}[c.kind] // activations of a direction
	dirs := 1
	if c.direction == "bidirectional" {
		dirs = 2
	}
	names := c.activations
	if names == nil {
		for range dirs {
			names = append(names, map[string][]string{"RNN": {"tanh"}, "GRU": {"sigmoid", "tanh"}, "LSTM": {"sigmoid", "tanh", "tanh"}}[c.kind]...)
		}
	}
	alphas, betas := rounded(append([]float64{}, c.alpha...)), rounded(append([]float64{}, c.beta...))
	clip := float64(float32(c.clip))
	var fs []func(x float64) float64
	for i, name := range names {
		missing := map[string][2]float64{"affine": {1, 0}, "leakyrelu": {0.01, 0}, "thresholdedrelu": {1, 0}, "scaledtanh": {1, 1}, "hardsigmoid": {0.2, 0.5}, "elu": {1, 0}}
		p, takes := missing[strings.ToLower(name)]
		if takes && len(alphas) > 0 {
			p[0], alphas = alphas[0], alphas[1:]
		}
		if two := strings.EqualFold(name, "affine") || strings.EqualFold(name, "scaledtanh") || strings.EqualFold(name, "hardsigmoid"); two && len(betas) > 0 {
			p[1], betas = betas[0], betas[1:]
		}
		f := activationOracle(name, p[0], p[1])
		fs = append(fs, func(x float64) float64 {
			if clip > 0 && i%each < 2 {
				x = min(max(x, -clip), clip)
			}
			return f(x)
		})
	}
	h := c.hidden
	w, rm := normal(r, dirs, gates*h, c.in), normal(r, dirs, gates*h, h)
	bias, peep := newArray(dirs, 2*gates*h), newArray(dirs, 3*h)
	dims := func(list ...int) []int { // [.., D, N, ..] as it lies with the batch first
		if c.batchFirst {
			list[len(list)-3], list[len(list)-2] = list[len(list)-2], list[len(list)-3]
		}
		return list
	}
	state := func(a *array, d, n, u int) int {
		if c.batchFirst {
			return a.at(n, d, u)
		}
		return a.at(d, n, u)
	}
	x := normal(r, dims(c.t, c.n, c.in)...)
	h0, c0 := newArray(dims(dirs, c.n, h)...), newArray(dims(dirs, c.n, h)...)
	operands := []*given{operand("x", x), operand("w", w), operand("r", rm), nil, nil, nil}
	if c.bias {
		bias = normal(r, bias.dims...)
		operands[3] = operand("b", bias)
	}
	length := wholes(r, 1, c.t+1, c.n)
	if c.lengths {
		operands[4] = &given{name: "l", t: Int32, x: length}
	} else {
		for i := range length.data {
			length.data[i] = float64(c.t)
		}
	}
	if c.state {
		h0 = normal(r, h0.dims...)
		operands[5] = operand("h", h0)
	}
	if c.kind == "LSTM" {
		operands = append(operands, nil, nil)
		if c.state {
			c0 = normal(r, c0.dims...)
			operands[6] = operand("c", c0)
		}
		if c.peep {
			peep = normal(r, peep.dims...)
			operands[7] = operand("p", peep)
		}
	}
	all := newArray(c.t, dirs, c.n, h)
	if c.batchFirst {
		all = newArray(c.n, c.t, dirs, h)
	}
	hn, cn := newArray(h0.dims...), newArray(c0.dims...)
	for d := range dirs {
		f := fs[d*each : (d+1)*each]
		for n := range c.n {
			hs, cs := make([]float64, h), make([]float64, h)
			for u := range h {
				hs[u], cs[u] = h0.data[state(h0, d, n, u)], c0.data[state(c0, d, n, u)]
			}
			steps := int(length.data[n])
			for k := range steps {
				step := k
				if c.direction == "reverse" || d == 1 {
					step = steps - 1 - k
				}
				from := func(g, u int) float64 { // the input's part of a sum, with its bias
					s := bias.get(d, g*h+u)
					for e := range c.in {
						at := [3]int{step, n, e}
						if c.batchFirst {
							at = [3]int{n, step, e}
						}
						s += w.get(d, g*h+u, e) * x.get(at[:]...)
					}
					return s
				}
				back := func(g, u int, hs []float64) float64 { // the state's part
					s := bias.get(d, (gates+g)*h+u)
					for e := range h {
						s += rm.get(d, g*h+u, e) * hs[e]
					}
					return s
				}
				hs, cs = c.step(f, h, hs, cs, from, back, func(g, u int) float64 { return peep.get(d, g*h+u) })
				for u := range h {
					if c.batchFirst {
						all.data[all.at(n, step, d, u)] = hs[u]
					} else {
						all.data[all.at(step, d, n, u)] = hs[u]
					}
				}
			}
			for u := range h {
				hn.data[state(hn, d, n, u)], cn.data[state(cn, d, n, u)] = hs[u], cs[u]
			}
		}
	}
	attrs := [][]byte{wholeAttr("hidden_size", h), wordAttr("direction", c.direction), wholeAttr("layout", map[bool]int{true: 1}[c.batchFirst])}
	if c.activations != nil {
		attrs = append(attrs, wordsAttr("activations", c.activations...), realsAttr("activation_alpha", c.alpha...), realsAttr("activation_beta", c.beta...))
	}
	if c.clip > 0 {
		attrs = append(attrs, realAttr("clip", c.clip))
	}
	want := []*array{all, hn}
	switch c.kind {
	case "GRU":
		attrs = append(attrs, wholeAttr("linear_before_reset", map[bool]int{true: 1}[c.after]))
	case "LSTM":
		attrs, want = append(attrs, wholeAttr("input_forget", map[bool]int{true: 1}[c.coupled])), append(want, cn)
	}
	(&asked{c.kind, "", 14, operands, len(want), attrs}).agree(t, fmt.Sprintf("%+v", c), want...)
}

// step is one step of one example: the new states.
func (c recurrentCase) step(f []func(x float64) float64, h int, hs, cs []float64, from func(g, u int) float64, back func(g, u int, hs []float64) float64, peep func(g, u int) float64) (nh, nc []float64) {
	nh, nc = make([]float64, h), make([]float64, h)
	switch c.kind {
	case "RNN":
		for u := range h {
			nh[u] = f[0](from(0, u) + back(0, u, hs))
		}
	case "GRU":
		reset := make([]float64, h)
		for u := range h {
			reset[u] = f[0](from(1, u)+back(1, u, hs)) * hs[u]
		}
		for u := range h {
			z := f[0](from(0, u) + back(0, u, hs))
			part := back(2, u, reset)
			if c.after {
				part = f[0](from(1, u)+back(1, u, hs)) * back(2, u, hs)
			}
			nh[u] = (1-z)*f[1](from(2, u)+part) + z*hs[u]
		}
	case "LSTM":
		for u := range h {
			in := f[0](from(0, u) + back(0, u, hs) + peep(0, u)*cs[u])
			forget := f[0](from(2, u) + back(2, u, hs) + peep(2, u)*cs[u])
			if c.coupled {
				forget = 1 - in
			}
			nc[u] = forget*cs[u] + in*f[1](from(3, u)+back(3, u, hs))
			nh[u] = f[0](from(1, u)+back(1, u, hs)+peep(1, u)*nc[u]) * f[2](nc[u])
		}
	}
	return nh, nc
}
