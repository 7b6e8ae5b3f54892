package onnx

import (
	"github.com/dlc-ml/dlc/ir"
)

// batchNorm uses running statistics, or in training form those of the batch, which it also gives.
func batchNorm(n *call) []*value {
	eps, momentum := n.float("epsilon", 1e-5), n.float("momentum", 0.9)
	training := n.bool("training_mode", false)
	n.int("is_test", 1)
	if n.int("spatial", 1) == 0 && !training { // each element has statistics of its own
		d := n.apply("sub", n.f32(n.v(0)), n.f32(n.v(3)))
		scale := n.apply("mul", n.f32(n.v(1)), n.apply("rsqrt", n.apply("add", n.f32(n.v(4)), n.scalar(ir.F32, eps))))
		return n.results(n.back(n.apply("add", n.apply("mul", d, scale), n.f32(n.v(2)))))
	}
	x := n.image(0)
	if !training {
		args := []*ir.Value{x, n.vector(1), n.vector(2), n.statistic(3), n.statistic(4)}
		return n.lasts(n.back(n.op("batch_norm", args, at1("eps", eps))))
	}
	rank := len(x.Type.Shape)
	d, mean, variance := n.moments(x, seq(0, rank-1))
	inv := n.apply("rsqrt", n.apply("add", variance, n.scalar(ir.F32, eps)))
	y := n.apply("add", n.apply("mul", n.apply("mul", d, inv), n.vector(1)), n.vector(2))
	list := n.lasts(n.back(y))
	for i, now := range []*ir.Value{mean, variance} {
		now = n.reshape(now, x.Type.Shape[rank-1].Size)
		old := n.apply("mul", n.vector(3+i), n.scalar(ir.F32, momentum))
		list = append(list, n.results(n.apply("add", old, n.apply("mul", now, n.scalar(ir.F32, 1-momentum))))...)
	}
	return list
}

// statistic is operand i as f32, in one axis: a parameter that is not trained, where it is known.
func (n *call) statistic(i int) *ir.Value {
	c := n.x(i).c
	if c == nil || n.im.sink.given != nil || len(c.shape) != 1 {
		return n.vector(i)
	}
	id := permutation{c, "statistic"}
	if n.im.turned[id] == nil {
		kept := *c
		kept.kept = true
		n.im.turned[id] = &kept
	}
	return n.f32(n.im.materialize(n.im.turned[id]))
}

// moments are the distance from the mean, the mean and the variance over axes, which are kept.
func (n *call) moments(x *ir.Value, axes []int) (d, mean, variance *ir.Value) {
	over := []ir.Attr{at1("axes", axes), at1("keep_dims", true)}
	mean = n.op("reduce_mean", []*ir.Value{x}, over...)
	d = n.apply("sub", x, mean)
	return d, mean, n.op("reduce_mean", []*ir.Value{n.apply("mul", d, d)}, over...)
}

func groupNorm(n *call) []*value {
	groups := n.int("num_groups", 0)
	n.int("stash_type", 1)
	x := n.image(0)
	channels := x.Type.Shape[len(x.Type.Shape)-1].Size
	each := func(i int) *ir.Value {
		v := n.vector(i)
		if n.opset >= 21 || groups < 1 || channels%groups != 0 || v.Type.Shape[0].Size == channels {
			return v
		}
		wide := n.op("broadcast_to", []*ir.Value{n.reshape(v, groups, 1)}, at1("shape", []int{groups, channels / groups}))
		return n.reshape(wide, channels)
	}
	return n.lasts(n.back(n.op("group_norm", []*ir.Value{x, each(1), each(2)}, at1("groups", groups), at1("eps", n.float("epsilon", 1e-5)))))
}

// layerNorm is one operator, or its parts where mean and deviation are wanted too.
func layerNorm(n *call) []*value {
	n.int("stash_type", 1)
	rank, eps := n.rank(0), n.float("epsilon", 1e-5)
	a := axis(n.int("axis", -1), rank)
	x, scale := n.f32(n.v(0)), n.f32(n.v(1))
	if !n.wants(1) && !n.wants(2) && a > 0 && len(scale.Type.Shape) == rank-a {
		args := []*ir.Value{x, scale}
		if n.has(2) {
			args = append(args, n.f32(n.v(2)))
		}
		return n.results(n.back(n.op("layer_norm", args, at1("axis", a-rank), at1("eps", eps))))
	}
	d, mean, variance := n.moments(x, seq(a, rank))
	inv := n.apply("rsqrt", n.apply("add", variance, n.scalar(ir.F32, eps)))
	y := n.apply("mul", n.apply("mul", d, inv), scale)
	if n.has(2) {
		y = n.apply("add", y, n.f32(n.v(2)))
	}
	return n.results(n.back(y), mean, inv)
}

// dropout is the identity but in training, which draws random numbers.
func dropout(n *call) []*value {
	ratio := n.float("ratio", 0.5)
	n.int("seed", 0)
	n.int("is_test", 1)
	if n.has(1) {
		ratio = n.one(1, "the ratio")
	}
	if n.has(2) && n.one(2, "training_mode") != 0 && ratio != 0 {
		refuse("in training it draws random numbers, which an import cannot repeat")
	}
	list := []*value{n.x(0)}
	if n.wants(1) {
		mask := &constant{t: Bool, shape: n.dims(0), data: []float64{1}, fill: true}
		if n.opset < 10 {
			mask.t = n.x(0).t
		}
		list = append(list, &value{t: mask.t, c: mask})
	}
	return list
}
