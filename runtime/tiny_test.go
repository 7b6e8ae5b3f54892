package runtime

import "fmt"

// tiny is a model written by hand as codegen would write it: y = scale * x·W + b with 3 inputs and 2 classes, the squared distance to the
// one-hot label as its loss, gradient descent with momentum. Its weight lies transposed and padded; noise on the inputs hangs on seed
// and step, as dropout does, and the update on a power of beta, so that a wrong scalar shows in the weights.
func tiny() *modelInfo {
	const (
		features = 3
		classes  = 2
	)
	m := &modelInfo{
		name: "tiny", source: "tiny.dl", arena: 48, states: []string{"momentum"},
		params: []paramInfo{
			{name: "dense.weight", shape: []int{features, classes}, strides: []int{1, 4}, offset: 0, init: "uniform", scale: 0.5, trainable: true},
			{name: "dense.bias", shape: []int{classes}, strides: []int{1}, offset: 16, init: "zeros", trainable: true},
			{name: "scale", shape: nil, strides: nil, offset: 32, init: "constant", scale: 0.75},
		},
		inputs:  []portInfo{{name: "x", elem: "f32", shape: []int{features}, infer: 0, eval: 0, train: 0}},
		targets: []portInfo{{name: "label", elem: "i32", classes: classes, infer: -1, eval: 1, train: 1}},
		outputs: []portInfo{{name: "y", elem: "f32", shape: []int{classes}, infer: 1, eval: 2, train: 2}},
		results: []string{"loss", "accuracy"},
		recipe: recipe{
			batch: 4, epochs: 3, seed: 7,
			optimizer: call{"sgd", map[string]any{"lr": 0.05, "momentum": 0.9, "beta1": 0.9}},
			data:      []call{{"mnist", nil}},
		},
	}
	m.infer = &program{
		name: "infer", table: -1, perExample: features + classes, bases: []base{{0, true}, {features, true}},
		run: func(x *exec) {
			x.each(x.n, 2, 2, func(x *exec, lo, hi int) { tinyForward(x, 0, 1, lo, hi) })
		},
	}
	bases := []base{{0, true}, {features, true}, {features + 1, true}, {0, false}, {1, false}, {2, false}, {3, false}, {4, false}, {5, false}, {6, false}}
	list := []scalarInfo{{name: "batch", buffer: 5}, {name: "lr", buffer: 6}, {name: "seed", buffer: 7}, {name: "step", buffer: 8},
		{name: "beta1_power", buffer: 9, formula: "0.9 t pow"}}
	m.eval = &program{
		name: "eval", table: -1, perExample: features + 1 + classes, fixed: 7, bases: bases, scalars: list, results: []int{3, 4},
		run: func(x *exec) {
			x.each(x.n, 2, 2, func(x *exec, lo, hi int) { tinyForward(x, 0, 2, lo, hi) })
			tinyLoss(x)
		},
	}
	train := *m.eval
	train.name = "train"
	train.run = func(x *exec) {
		x.each(x.n, 1, 1, tinyNoise)
		x.each(x.n, 2, 2, func(x *exec, lo, hi int) { tinyForward(x, 0, 2, lo, hi) })
		tinyLoss(x)
		x.each(features*classes+classes, 1, 1, tinyGradient)
		x.each(len(x.weights), 16, 16, tinyUpdate)
		// A statistic that is not trained moves with every step, as that of a normalization does.
		x.weights[32] = fma32(0.01, x.floats(3, 1)[0]-x.weights[32], x.weights[32])
	}
	m.train = &train
	return m
}

func tinyNoise(x *exec, lo, hi int) {
	seed, step := x.ints(7, 1)[0], x.ints(8, 1)[0]
	if seed == 0 {
		return
	}
	in := x.floats(0, x.n*3)
	for i := lo * 3; i < hi*3; i++ {
		in[i] += float32(randomUnit(randomKey(int(seed), int(step)), uint64(i))) / 8
	}
}

func tinyForward(x *exec, from, to, lo, hi int) {
	in, out := x.floats(from, x.n*3), x.floats(to, x.n*2)
	for i := lo; i < hi; i++ {
		for j := range 2 {
			s := float32(0)
			for k := range 3 {
				s = fma32(in[i*3+k], x.weights[k+4*j], s)
			}
			out[i*2+j] = fma32(s, x.weights[32], x.weights[16+j])
		}
	}
}

// tinyLoss also turns the outputs into what is to be taken away from them.
func tinyLoss(x *exec) {
	out, labels := x.floats(2, x.n*2), x.ints(1, x.n)
	loss, right := float32(0), float32(0)
	for i := range x.n {
		if (out[i*2+1] > out[i*2]) == (labels[i] == 1) {
			right++
		}
		for j := range 2 {
			if int(labels[i]) == j {
				out[i*2+j]--
			}
			loss = fma32(out[i*2+j], out[i*2+j], loss)
		}
	}
	n := x.floats(5, 1)[0]
	x.floats(3, 1)[0], x.floats(4, 1)[0] = loss/n, right/n
}

func tinyGradient(x *exec, lo, hi int) {
	in, out := x.floats(0, x.n*3), x.floats(2, x.n*2)
	for g := lo; g < hi; g++ {
		s := float32(0)
		for i := range x.n {
			if g < 6 {
				s = fma32(in[i*3+g/2], out[i*2+g%2]*x.weights[32], s)
			} else {
				s += out[i*2+g-6]
			}
		}
		s /= x.floats(5, 1)[0]
		if g < 6 {
			x.grads[g/2+4*(g%2)] = s
		} else {
			x.grads[16+g-6] = s
		}
	}
}

func tinyUpdate(x *exec, lo, hi int) {
	lr, power := x.floats(6, 1)[0], x.floats(9, 1)[0]
	for i := lo; i < hi; i++ {
		x.states[0][i] = fma32(x.states[0][i], 0.9, x.grads[i])
		x.weights[i] = fma32(-lr/(1+power), x.states[0][i], x.weights[i])
	}
}

// tinyData is n examples whose label says whether the first feature is above the second.
type tinyData struct {
	n     int
	label int32 // put at example bad, where that is not negative
	bad   int
	err   error // returned for example bad
	big   float32
}

func newTinyData(n int) *tinyData { return &tinyData{n: n, bad: -1} }

func (d *tinyData) Len() int { return d.n }

func (d *tinyData) load(i, at int, b *batchView) error {
	x := b.input(0, at)
	for k := range x {
		x[k] = float32(randomUnit(99, uint64(i*3+k)))
	}
	if x[0] > x[1] {
		b.targetInts(0, at)[0] = 1
	} else {
		b.targetInts(0, at)[0] = 0
	}
	if i == d.bad {
		if d.big != 0 {
			x[0] = d.big
			return nil
		}
		b.targetInts(0, at)[0] = d.label
		return d.err
	}
	return nil
}

// stateOf is everything that training has changed, as text, with the bits of every float.
func stateOf(t *Trainer) string {
	meta := t.metadata()
	for _, k := range []string{"seconds", "history"} { // they hold times
		delete(meta, k)
	}
	s := fmt.Sprintf("%x %x %v", t.weights, t.states, meta)
	for _, e := range t.at.history {
		e.Seconds = 0
		s += fmt.Sprintf("\n%x", e)
	}
	return s
}
