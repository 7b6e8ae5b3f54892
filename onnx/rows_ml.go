package onnx

import (
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// The operators of ai.onnx.ml on numbers, as tensor programs.

var _ = register("ai.onnx.ml",
	opRow{name: "ArrayFeatureExtractor", min: 1, run: func(n *call) []*value {
		at := n.index(1)
		size := 1
		for _, d := range at.Type.Shape {
			size *= d.Size
		}
		return n.results(n.op("gather", []*ir.Value{n.v(0), n.reshape(at, size)}, at1("axis", n.rank(0)-1)))
	}},
	opRow{name: "Binarizer", min: 1, run: func(n *call) []*value {
		x := n.v(0)
		return n.results(n.cast(n.apply("greater", x, n.scalar(x.Type.Elem, n.float("threshold", 0))), x.Type.Elem))
	}},
	opRow{name: "FeatureVectorizer", min: 1, run: func(n *call) []*value {
		n.list("inputdimensions")
		var args []*ir.Value
		for i := range n.in {
			args = append(args, n.cast(n.v(i), ir.F32))
		}
		return typed(Float, n.op("concat", args, at1("axis", 1)))
	}},
	opRow{name: "Imputer", min: 1, run: func(n *call) []*value {
		if a := n.list("imputed_value_int64s"); a != nil {
			c := whole(a...).c
			if c.t = n.x(0).t; len(a) == 1 {
				c.shape = nil
			}
			was := n.scalar(n.x(0).elem(), float64(n.int("replaced_value_int64", 0)))
			return n.results(n.apply("where", n.apply("equal", n.v(0), was), n.im.materialize(c), n.v(0)))
		}
		n.int("replaced_value_int64", 0)
		x := n.f32(n.v(0))
		missing := n.apply("isnan", x)
		if r := n.float("replaced_value_float", math.NaN()); r == r {
			missing = n.apply("equal", x, n.scalar(ir.F32, r))
		}
		return n.results(n.back(n.apply("where", missing, n.vectorAttr("imputed_value_floats"), x)))
	}},
	opRow{name: "LabelEncoder", min: 2, run: labelEncoder},
	opRow{name: "LinearRegressor", min: 1, run: func(n *call) []*value {
		return typed(Float, n.finished(n.linear(n.int("targets", 1))))
	}},
	opRow{name: "LinearClassifier", min: 1, run: func(n *call) []*value {
		n.int("multi_class", 0)
		labels := n.labels("classlabels_ints")
		if n.rank(0) == 2 && len(labels) == 2 && len(n.floats("coefficients")) == n.dims(0)[1] {
			return n.oneRow(labels)
		}
		scores := n.linear(len(labels))
		return []*value{n.labelled(scores, labels), {t: Float, v: n.finished(scores)}}
	}},
	opRow{name: "OneHotEncoder", min: 1, run: func(n *call) []*value {
		if n.attr("cats_int64s") == nil {
			refuse("categories that are strings are not supported")
		}
		cats := n.list("cats_int64s")
		if n.bool("zeros", true); cats == nil {
			refuse("it has no categories")
		}
		x := n.reshape(n.v(0), append(slices.Clone(n.dims(0)), 1)...)
		c := whole(cats...).c
		c.t = n.x(0).t
		return typed(Float, n.cast(n.apply("equal", x, n.im.materialize(c)), ir.F32))
	}},
	opRow{name: "Normalizer", min: 1, run: func(n *call) []*value {
		kind := map[string]string{"MAX": "reduce_max", "L1": "reduce_l1", "L2": "reduce_l2"}[n.str("norm", "MAX")]
		if kind == "" {
			refuse("norm is %q", n.str("norm", ""))
		}
		x := n.cast(n.v(0), ir.F32)
		return typed(Float, n.apply("div", x, n.op(kind, []*ir.Value{x}, at1("axes", []int{n.rank(0) - 1}), at1("keep_dims", true))))
	}},
	opRow{name: "Scaler", min: 1, run: func(n *call) []*value {
		x := n.cast(n.v(0), ir.F32)
		return typed(Float, n.apply("mul", n.apply("sub", x, n.vectorAttr("offset")), n.vectorAttr("scale")))
	}},
	opRow{name: "TreeEnsembleRegressor", min: 1, run: func(n *call) []*value {
		return typed(Float, n.finished(n.forest("target", n.int("n_targets", 1))))
	}},
	opRow{name: "TreeEnsembleClassifier", min: 1, run: treeClassifier},
	opRow{name: "TreeEnsemble", min: 5, run: treeEnsemble},
)

// floats is an attribute of numbers.
func (n *call) floats(name string) []float64 {
	var list []float64
	if a := n.attr(name); a != nil {
		for _, x := range a.Floats {
			list = append(list, float64(x))
		}
	}
	return list
}

// tensorAttr is an attribute that is a tensor, or nil.
func (n *call) tensorAttr(name string) *constant {
	a := n.attr(name)
	if a == nil || a.T == nil {
		return nil
	}
	if _, ok := elemOfType[a.T.Type]; !ok {
		refuse("%s is %v, which is not supported", name, a.T.Type)
	}
	c, err := n.im.constant(a.T)
	if err != nil {
		panic(refusal{err})
	}
	return c
}

// vectorAttr is an attribute of numbers in the program, one alone as a number.
func (n *call) vectorAttr(name string) *ir.Value {
	list := n.floats(name)
	switch len(list) {
	case 0:
		refuse("it has no %s", name)
	case 1:
		return n.scalar(ir.F32, list[0])
	}
	return n.im.materialize(&constant{t: Float, shape: []int{len(list)}, data: list, name: name})
}

// labels are the whole numbers that classes stand for.
func (n *call) labels(name string) []int {
	list := n.list(name)
	if list == nil {
		refuse("classes that are strings are not supported")
	}
	n.attr("classlabels_strings")
	return list
}

// labelled is the label of the class with the highest score.
func (n *call) labelled(scores *ir.Value, labels []int) *value {
	best := n.op("argmax", []*ir.Value{scores}, at1("axis", 1), at1("keep_dims", false))
	return &value{t: Int64, v: n.op("gather", []*ir.Value{n.im.materialize(whole(labels...).c), n.cast(best, ir.I32)}, at1("axis", 0))}
}

// finished applies the function that the node asks for to its scores.
func (n *call) finished(scores *ir.Value) *ir.Value {
	return n.transformed(scores, n.str("post_transform", "NONE"))
}

func (n *call) transformed(scores *ir.Value, how string) *ir.Value {
	switch how {
	case "NONE":
		return scores
	case "LOGISTIC":
		return n.apply("sigmoid", scores)
	case "SOFTMAX":
		return n.op("softmax", []*ir.Value{scores}, at1("axis", 1))
	case "SOFTMAX_ZERO": // zeros stay, and take no part in the sum
		over := []ir.Attr{at1("axes", []int{1}), at1("keep_dims", true)}
		e := n.apply("exp", n.apply("sub", scores, n.op("reduce_max", []*ir.Value{scores}, over...)))
		zero := n.scalar(ir.F32, 0)
		e = n.apply("where", n.apply("equal", scores, zero), zero, e)
		return n.apply("div", e, n.op("reduce_sum", []*ir.Value{e}, over...))
	case "PROBIT":
		return n.probit(scores)
	default:
		refuse("post_transform is %q", how)
	}
	return nil
}

// oneRow tells two classes apart by one score: whether it is positive, and as probabilities 1 less the score, and the score.
func (n *call) oneRow(labels []int) []*value {
	score := n.linear(1)
	yes := n.reshape(n.apply("greater", score, n.scalar(ir.F32, 0)), n.dims(0)[0])
	label := n.apply("where", yes, n.scalar(ir.I64, float64(labels[1])), n.scalar(ir.I64, float64(labels[0])))
	if how := n.str("post_transform", "NONE"); how != "NONE" && how != "LOGISTIC" {
		refuse("what post_transform=%s makes of one score for two classes is left open by the standard", how)
	}
	score = n.finished(score)
	return []*value{{t: Int64, v: label}, {t: Float, v: n.op("concat", []*ir.Value{n.apply("sub", n.scalar(ir.F32, 1), score), score}, at1("axis", 1))}}
}

// linear is x times the coefficients, a row for each result, plus the intercepts.
func (n *call) linear(rows int) *ir.Value {
	w, b := n.floats("coefficients"), n.floats("intercepts")
	if n.rank(0) != 2 || rows < 1 || len(w) != rows*n.dims(0)[1] || len(b) != 0 && len(b) != rows {
		refuse("%d coefficients and %d intercepts do not make %d results of %v", len(w), len(b), rows, n.x(0).shape())
	}
	c := &constant{t: Float, shape: []int{rows, n.dims(0)[1]}, data: w, weight: true, name: "coefficients"}
	args := []*ir.Value{n.cast(n.v(0), ir.F32), n.im.materialize(c.permuted([]int{1, 0}))}
	if b != nil {
		args = append(args, n.im.materialize(&constant{t: Float, shape: []int{rows}, data: b, weight: true, name: "intercepts"}))
	}
	return n.op("dense", args)
}

// labelEncoder replaces each number that is a key by the value beside it, and every other by the default.
func labelEncoder(n *call) []*value {
	numbers := func(what string) (list []float64, t DataType) {
		for _, i := range n.list(what + "_int64s") {
			list, t = append(list, float64(i)), Int64
		}
		if f := n.floats(what + "_floats"); f != nil {
			list, t = f, Float
		}
		if c := n.tensorAttr(what + "_tensor"); c != nil {
			list, t = c.all(), c.t
		}
		if list == nil {
			refuse("it has no %s that are numbers", what)
		}
		return list, t
	}
	keys, from := numbers("keys")
	values, to := numbers("values")
	missing := float64(n.int("default_int64", -1))
	if rest := n.float("default_float", 0); to == Float {
		missing = rest
	}
	if c := n.tensorAttr("default_tensor"); c != nil {
		if c.elems() != 1 {
			refuse("its default is %d values", c.elems())
		}
		missing = c.all()[0]
	}
	if len(keys) != len(values) || from != n.x(0).t {
		refuse("%d keys %v do not fit %d values and an input %v", len(keys), from, len(values), n.x(0).t)
	}
	dims := n.dims(0)
	x := n.reshape(n.v(0), append(slices.Clone(dims), 1)...)
	hit := n.apply("equal", x, n.im.materialize(&constant{t: from, shape: []int{len(keys)}, data: keys}))
	elem := elemOfType[to]
	over := []ir.Attr{at1("axes", []int{len(dims)}), at1("keep_dims", false)}
	table := n.im.materialize(&constant{t: to, shape: []int{len(values)}, data: values})
	sum := n.op("reduce_sum", []*ir.Value{n.apply("where", hit, table, n.scalar(elem, 0))}, over...)
	return typed(to, n.apply("where", n.op("reduce_any", []*ir.Value{hit}, over...), sum, n.scalar(elem, missing)))
}

// treeClassifier adds up the weights of the classes. Two classes of which only one has weights follow ONNX Runtime: its score decides by its sign, or where
// no weight is negative by one half.
func treeClassifier(n *call) []*value {
	labels := n.labels("classlabels_int64s")
	ids, weights := n.list("class_ids"), n.floats("class_weights")
	if len(labels) != 2 || len(ids) == 0 || slices.Min(ids) != slices.Max(ids) {
		scores := n.forest("class", len(labels))
		return []*value{n.labelled(scores, labels), {t: Float, v: n.finished(scores)}}
	}
	score := n.forest("class", 1)
	limit, other := 0.0, n.apply("neg", score)
	if len(weights) > 0 && slices.Min(weights) >= 0 {
		limit, other = 0.5, n.apply("sub", n.scalar(ir.F32, 1), score)
	}
	yes := n.reshape(n.apply("greater", score, n.scalar(ir.F32, limit)), n.dims(0)[0])
	label := n.apply("where", yes, n.scalar(ir.I64, float64(labels[1])), n.scalar(ir.I64, float64(labels[0])))
	both := n.op("concat", []*ir.Value{other, score}, at1("axis", 1))
	if limit == 0 {
		both = n.finished(both)
	} else {
		n.str("post_transform", "NONE")
	}
	return []*value{{t: Int64, v: label}, {t: Float, v: both}}
}
