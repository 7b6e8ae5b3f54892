package onnx

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
)

var _ = register("ai.onnx.ml",
	opRow{name: "SVMRegressor", min: 1, run: svmRegressor},
	opRow{name: "SVMClassifier", min: 1, heavy: true, run: svmClassifier},
)

func svmRegressor(n *call) []*value {
	rows := 1
	if s := n.int("n_supports", 0); s > 0 {
		rows = s
	}
	vectors, coefficients, rho := n.floats("support_vectors"), n.floats("coefficients"), n.floats("rho")
	linear := n.int("n_supports", 0) == 0
	if linear { // one row of coefficients, of which each belongs to a feature
		vectors, coefficients = coefficients, []float64{1}
	}
	if n.rank(0) != 2 || len(vectors) != rows*n.dims(0)[1] || len(coefficients) != rows || len(rho) != 1 {
		refuse("%d support vectors with %d coefficients do not fit an input %v", rows, len(coefficients), n.x(0).shape())
	}
	y := n.layer(n.svmKernel(vectors, rows, n.str("kernel_type", "LINEAR")), coefficients, 1, rho)
	if n.int("one_class", 0) != 0 {
		y = n.apply("where", n.apply("greater", y, n.scalar(ir.F32, 0)), n.scalar(ir.F32, 1), n.scalar(ir.F32, -1))
	}
	return typed(Float, n.finished(y))
}

// layer is a product with a matrix of coefficients, which has a column for each result, plus a bias.
func (n *call) layer(x *ir.Value, coefficients []float64, results int, bias []float64) *ir.Value {
	weights := n.im.materialize(&constant{t: Float, shape: []int{len(coefficients) / results, results}, data: coefficients, weight: true, name: "coefficients"})
	return n.op("dense", []*ir.Value{x, weights, n.im.materialize(&constant{t: Float, shape: []int{results}, data: bias, weight: true, name: "rho"})})
}

// svmKernel is how near each row of the input is to each of the support vectors.
func (n *call) svmKernel(vectors []float64, rows int, kind string) *ir.Value {
	x := n.cast(n.v(0), ir.F32)
	c := &constant{t: Float, shape: []int{rows, len(vectors) / rows}, data: vectors, weight: true, name: "support_vectors"}
	params := n.floats("kernel_params")
	if params == nil {
		params = []float64{0, 0, 0}
	}
	if len(params) != 3 {
		refuse("kernel_params must be gamma, coef0 and degree")
	}
	gamma, offset, degree := n.scalar(ir.F32, params[0]), n.scalar(ir.F32, params[1]), n.scalar(ir.F32, params[2])
	if kind == "RBF" {
		d := n.apply("sub", n.reshape(x, n.dims(0)[0], 1, n.dims(0)[1]), n.im.materialize(c))
		square := n.op("reduce_sum", []*ir.Value{n.apply("mul", d, d)}, at1("axes", []int{2}), at1("keep_dims", false))
		return n.apply("exp", n.apply("neg", n.apply("mul", square, gamma)))
	} else if product := n.op("dense", []*ir.Value{x, n.im.materialize(c.permuted([]int{1, 0}))}); kind == "LINEAR" {
		return product
	} else if product = n.apply("add", n.apply("mul", product, gamma), offset); kind == "POLY" {
		return n.apply("pow", product, degree)
	} else if kind == "SIGMOID" {
		return n.apply("tanh", product)
	} else {
		refuse("kernel_type is %q", kind)
	}
	return nil
}

// svmClassifier compares each class with each other one, by the support vectors of both; each comparison is a vote. Without support vectors it has a row of
// coefficients for each class.
func svmClassifier(n *call) []*value {
	labels := n.labels("classlabels_ints")
	vectors, coefficients, rho := n.floats("support_vectors"), n.floats("coefficients"), n.floats("rho")
	of := n.list("vectors_per_class")
	a, b := n.floats("prob_a"), n.floats("prob_b")
	kind, classes, supports := n.str("kernel_type", "LINEAR"), len(labels), 0
	for _, c := range of {
		if c < 0 || c > len(coefficients) {
			refuse("a class has %d support vectors", c)
		}
		supports += c
	}
	if n.rank(0) != 2 {
		refuse("it needs rows of features, not %v", n.x(0).shape())
	}
	if features := n.dims(0)[1]; supports == 0 {
		if len(coefficients) != classes*features || len(rho) < 1 {
			refuse("%d coefficients do not make %d results of %v", len(coefficients), classes, n.x(0).shape())
		}
		scores := n.apply("add", n.svmKernel(coefficients, classes, "LINEAR"), n.scalar(ir.F32, rho[0]))
		return []*value{n.labelled(scores, labels), {t: Float, v: n.finished(scores)}}
	} else if pairs := classes * (classes - 1) / 2; len(of) != classes || classes < 2 ||
		len(vectors) != supports*features || len(coefficients) != supports*(classes-1) || len(rho) != pairs ||
		len(a) != len(b) || a != nil && len(a) != pairs {
		refuse("%d support vectors of %d classes with %d coefficients do not fit an input %v", supports, classes, len(coefficients), n.x(0).shape())
	}
	n.makes(supports, len(rho))
	scores, votes := n.votes(n.svmKernel(vectors, supports, kind), of, coefficients, rho)
	label := n.labelled(votes, labels)
	switch {
	case a != nil:
		scores = n.coupled(scores, a, b, classes)
	case classes == 2: // for the first class and against it, of which the second is the score
		scores = n.op("concat", []*ir.Value{n.apply("neg", scores), scores}, at1("axis", 1))
	}
	return []*value{label, {t: Float, v: n.finished(scores)}}
}

// eachPair calls f for the pairs of classes in their order.
func eachPair(classes int, f func(pair, i, j int)) {
	pair := 0
	for i := range classes {
		for j := i + 1; j < classes; j++ {
			f(pair, i, j)
			pair++
		}
	}
}

// votes are the scores of all pairs of classes, [N,pairs], and how often each class wins, [N,classes]. Coefficients have a row less than there are classes:
// of the support vectors of class i, that against class j stands in row j-1 where j is larger, else in row j.
func (n *call) votes(kernel *ir.Value, of []int, coefficients, rho []float64) (scores, votes *ir.Value) {
	classes, pairs, supports := len(of), len(rho), len(coefficients)/(len(of)-1)
	first := make([]int, classes+1)
	for i, c := range of {
		first[i+1] = first[i] + c
	}
	matrix := make([]float64, supports*pairs)
	win, base := make([]float64, pairs*classes), make([]float64, classes)
	eachPair(classes, func(p, i, j int) {
		for m := first[i]; m < first[i+1]; m++ {
			matrix[m*pairs+p] = coefficients[(j-1)*supports+m]
		}
		for m := first[j]; m < first[j+1]; m++ {
			matrix[m*pairs+p] = coefficients[i*supports+m]
		}
		win[p*classes+i], win[p*classes+j] = 1, -1
		base[j]++
	})
	scores = n.layer(kernel, matrix, pairs, rho)
	won := n.cast(n.apply("greater", scores, n.scalar(ir.F32, 0)), ir.F32)
	matrixOf := &constant{t: Float, shape: []int{pairs, classes}, data: win}
	start := &constant{t: Float, shape: []int{classes}, data: base}
	votes = n.op("dense", []*ir.Value{won, n.im.materialize(matrixOf), n.im.materialize(start)})
	return scores, votes
}

// coupled are the probabilities of classes that fit those of all pairs best (Wu, Lin and Weng, Probability Estimates for Multi-class Classification by Pairwise
// Coupling, 2004, their second approach): they make Σ over pairs of (r[j,i]*p[i] - r[i,j]*p[j])² least. Libraries approach them in steps; here the system of
// linear equations is solved, in which the last probability is what the others leave of 1.
func (n *call) coupled(scores *ir.Value, a, b []float64, classes int) *ir.Value {
	constants := func(list []float64) *ir.Value {
		return n.im.materialize(&constant{t: Float, shape: []int{len(list)}, data: list, weight: true, name: "prob"})
	}
	wins := n.apply("sigmoid", n.apply("neg", n.apply("add", n.apply("mul", scores, constants(a)), constants(b))))
	wins = n.op("clip", []*ir.Value{wins}, at1("min", 1e-7), at1("max", 1-1e-7))
	batch, last := n.dims(0)[0], classes-1
	n.makes(classes, classes)
	of := &constant{t: Int32, shape: []int{classes * classes}, data: make([]float64, classes*classes)} // the pair of two classes
	lost, same := &constant{t: Bool, shape: []int{classes, classes}}, &constant{t: Bool, shape: []int{classes, classes}}
	for i := range classes * classes {
		lost.data, same.data = append(lost.data, truth(i/classes > i%classes)), append(same.data, truth(i/classes == i%classes))
	}
	eachPair(classes, func(p, i, j int) { of.data[i*classes+j], of.data[j*classes+i] = float64(p), float64(p) })
	one, zero, diagonal := n.scalar(ir.F32, 1), n.scalar(ir.F32, 0), n.im.materialize(same)
	r := n.reshape(n.op("gather", []*ir.Value{wins, n.im.materialize(of)}, at1("axis", 1)), batch, classes, classes) // that i wins against j
	r = n.apply("where", n.im.materialize(lost), n.apply("sub", one, r), r)
	r = n.apply("where", diagonal, zero, r)
	other := n.transpose(r, 0, 2, 1)
	sums := n.op("reduce_sum", []*ir.Value{n.apply("mul", other, other)}, at1("axes", []int{2}), at1("keep_dims", true))
	q := n.apply("sub", n.apply("where", diagonal, sums, zero), n.apply("mul", r, other))
	part := func(rows, columns [2]int) *ir.Value {
		return n.op("slice", []*ir.Value{q}, at1("starts", []int{rows[0], columns[0]}), at1("ends", []int{rows[1], columns[1]}), at1("axes", []int{1, 2}))
	}
	front, end := [2]int{0, last}, [2]int{last, classes}
	side := n.apply("sub", part(end, end), part(front, end))
	matrix := n.apply("add", n.apply("sub", part(front, front), part(end, front)), side)
	p := n.solved(n.op("concat", []*ir.Value{matrix, side}, at1("axis", 2)), batch, last)
	rest := n.apply("sub", one, n.op("reduce_sum", []*ir.Value{p}, at1("axes", []int{1}), at1("keep_dims", true)))
	return n.op("concat", []*ir.Value{p, rest}, at1("axis", 1))
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// solved are the solutions [N,size] of systems of linear equations [N,size,size+1], whose right sides stand behind. The matrices are symmetric and positive
// definite, so that no rows have to change places.
func (n *call) solved(a *ir.Value, batch, size int) *ir.Value {
	cut := func(axis, at int) *ir.Value {
		return n.op("slice", []*ir.Value{a}, at1("starts", []int{at}), at1("ends", []int{at + 1}), at1("axes", []int{axis}))
	}
	for k := range size {
		others := &constant{t: Float, shape: []int{size, 1}}
		for i := range size {
			others.data = append(others.data, truth(i != k))
		}
		row := cut(1, k)
		pivot := n.op("slice", []*ir.Value{row}, at1("starts", []int{k}), at1("ends", []int{k + 1}), at1("axes", []int{2}))
		row = n.apply("div", row, n.reshape(pivot, batch, 1, 1))
		mask := n.im.materialize(others)
		cleared := n.apply("sub", a, n.apply("mul", n.apply("mul", cut(2, k), mask), row))
		a = n.apply("where", n.apply("equal", mask, n.scalar(ir.F32, 0)), row, cleared)
	}
	return n.reshape(cut(2, size), batch, size)
}

// probit is the number below which a normal number lies with probability p: Winitzki's approximation of the inverse of erf (2008), and two steps of Newton's
// method from there.
func (n *call) probit(p *ir.Value) *ir.Value {
	number := func(x float64) *ir.Value { return n.scalar(ir.F32, x) }
	const a = 0.147
	x := n.apply("sub", n.apply("mul", p, number(2)), number(1))
	log := n.apply("log", n.apply("mul", n.apply("sub", number(1), x), n.apply("add", number(1), x)))
	half := n.apply("add", n.apply("mul", log, number(0.5)), number(2/(math.Pi*a)))
	root := n.apply("sqrt", n.apply("sub", n.apply("mul", half, half), n.apply("mul", log, number(1/a))))
	y := n.apply("mul", n.apply("sign", x), n.apply("sqrt", n.apply("sub", root, half)))
	for range 2 {
		slope := n.apply("mul", n.apply("exp", n.apply("neg", n.apply("mul", y, y))), number(2/math.SqrtPi))
		step := n.apply("div", n.apply("sub", n.apply("erf", y), x), slope)
		y = n.apply("where", n.apply("less", n.apply("abs", step), number(0.01)), n.apply("sub", y, step), y) // not where the slope is 0
	}
	return n.apply("mul", y, number(math.Sqrt2))
}
