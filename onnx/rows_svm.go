package onnx

import "github.com/dlc-ml/dlc/ir"

var _ = register("ai.onnx.ml", opRow{name: "SVMRegressor", min: 1, run: func(n *call) []*value {
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
	k := n.svmKernel(vectors, rows)
	weights := n.im.materialize(&constant{t: Float, shape: []int{rows, 1}, data: coefficients, weight: true, name: "coefficients"})
	y := n.op("dense", []*ir.Value{k, weights, n.im.materialize(&constant{t: Float, shape: []int{1}, data: rho, weight: true, name: "rho"})})
	if n.int("one_class", 0) != 0 {
		y = n.apply("where", n.apply("greater", y, n.scalar(ir.F32, 0)), n.scalar(ir.F32, 1), n.scalar(ir.F32, -1))
	}
	return typed(Float, n.finished(y))
}})

// svmKernel is how near each row of the input is to each of the support vectors.
func (n *call) svmKernel(vectors []float64, rows int) *ir.Value {
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
	if kind := n.str("kernel_type", "LINEAR"); kind == "RBF" {
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
