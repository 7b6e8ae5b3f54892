package onnx

import (
	"github.com/dlc-ml/dlc/ir"
)

var _ = register("",
	opRow{name: "NegativeLogLikelihoodLoss", min: 12, run: func(n *call) []*value {
		return n.results(n.back(n.likelihood(n.image(0), n.attr("ignore_index"))))
	}},
	opRow{name: "SoftmaxCrossEntropyLoss", min: 12, run: func(n *call) []*value {
		x := n.image(0)
		logs := n.op("log_softmax", []*ir.Value{x}, at1("axis", len(x.Type.Shape)-1))
		list := n.results(n.back(n.likelihood(logs, n.attr("ignore_index"))))
		if n.wants(1) {
			list = append(list, n.lasts(n.back(logs))...)
		}
		return list
	}},
)

// likelihood is minus the logarithm of the probability of each class that operand 1 names, weighted by operand 2, and reduced. Classes are the last
// axis of logs. What has the class to ignore counts nothing, whether such a class exists or not.
func (n *call) likelihood(logs *ir.Value, ignore *Attribute) *ir.Value {
	label := n.index(1)
	last := len(logs.Type.Shape) - 1
	classes := logs.Type.Shape[last].Size
	hot := n.cast(n.op("one_hot", []*ir.Value{label}, at1("depth", classes), at1("axis", last)), ir.Bool)
	zero := n.scalar(ir.F32, 0)
	along := []ir.Attr{at1("axes", []int{last}), at1("keep_dims", false)}
	loss := n.apply("neg", n.op("reduce_sum", []*ir.Value{n.apply("where", hot, logs, zero)}, along...))
	var weight *ir.Value
	if n.has(2) {
		weight = n.op("reduce_sum", []*ir.Value{n.apply("where", hot, n.vector(2), zero)}, along...)
	}
	if ignore != nil {
		skip := n.apply("equal", label, n.scalar(label.Type.Elem, float64(saturated(ignore.I))))
		loss = n.apply("where", skip, zero, loss)
		if weight == nil {
			weight = n.apply("where", skip, zero, n.scalar(ir.F32, 1))
		} else {
			weight = n.apply("where", skip, zero, weight)
		}
	}
	if weight != nil {
		loss = n.apply("mul", loss, weight)
	}
	all := []ir.Attr{at1("axes", seq(0, len(loss.Type.Shape))), at1("keep_dims", false)}
	switch how := n.str("reduction", "mean"); {
	case how == "none":
		return loss
	case how == "sum":
		return n.op("reduce_sum", []*ir.Value{loss}, all...)
	case how == "mean" && weight == nil:
		return n.op("reduce_mean", []*ir.Value{loss}, all...)
	case how == "mean":
		return n.apply("div", n.op("reduce_sum", []*ir.Value{loss}, all...), n.op("reduce_sum", []*ir.Value{weight}, all...))
	default:
		refuse("reduction is %q", how)
	}
	return nil
}
