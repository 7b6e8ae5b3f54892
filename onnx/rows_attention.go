package onnx

import (
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

var _ = register("",
	opRow{name: "Attention", min: 23, heavy: true, run: attention},
	opRow{name: "RotaryEmbedding", min: 23, run: rotaryEmbedding},
	opRow{name: "TensorScatter", min: 24, run: tensorScatter},
)

// heads is v as [N,T,H,D]: of [N,H,T,D], or of [N,T,H*D] where the node says how many heads there are.
func (n *call) heads(v *ir.Value, attr string) *ir.Value {
	count := n.int(attr, 0)
	switch s := v.Type.Shape; {
	case len(s) == 4:
		return n.transpose(v, 0, 2, 1, 3)
	case len(s) == 3 && count > 0 && s[2].Size%count == 0:
		return n.reshape(v, s[0].Size, s[1].Size, count, s[2].Size/count)
	}
	refuse("%v has no heads, of which %s says how many", v.Type, attr)
	return nil
}

// attention is scaled dot-product attention. Keys and values of earlier calls stand before those of this one.
func attention(n *call) []*value {
	n.int("softmax_precision", 1)
	flat := n.rank(0) == 3
	q, k, v := n.heads(n.f32(n.v(0)), "q_num_heads"), n.heads(n.f32(n.v(1)), "kv_num_heads"), n.heads(n.f32(n.v(2)), "kv_num_heads")
	past := 0
	joined := func(i int, now *ir.Value) *ir.Value {
		if !n.has(i) {
			return now
		}
		before := n.transpose(n.f32(n.v(i)), 0, 2, 1, 3)
		past = before.Type.Shape[1].Size
		return n.op("concat", []*ir.Value{before, now}, at1("axis", 1))
	}
	k, v = joined(4, k), joined(5, v)
	causal, scale := n.bool("is_causal", false), n.float("scale", 0)
	limit, mode := n.float("softcap", 0), n.int("qk_matmul_output_mode", 0)
	var lengths, y, scores *ir.Value
	if n.has(6) {
		lengths = n.cast(n.v(6), ir.I32)
	}
	mask := n.attentionMask(k.Type.Shape[1].Size)
	square := k.Type.Shape[1].Size == q.Type.Shape[1].Size+past
	if limit != 0 || n.wants(3) || causal && (lengths != nil || !square) {
		y, scores = n.attentionSteps(q, k, v, mask, n.seen(q, k, lengths, causal, past), scale, limit, mode)
	} else {
		y = n.op("attention", []*ir.Value{q, k, v, lengths, mask}, at1("scale", scale), at1("causal", causal))
	}
	if s := y.Type.Shape; flat {
		y = n.reshape(y, s[0].Size, s[1].Size, s[2].Size*s[3].Size)
	} else {
		y = n.transpose(y, 0, 2, 1, 3)
	}
	list := []*value{{t: n.x(0).t, v: n.back(y)}}
	for i, present := range []*ir.Value{k, v} {
		list = append(list, nil)
		if n.wants(i + 1) {
			list[i+1] = &value{t: n.x(i + 1).t, v: n.back(n.transpose(present, 0, 2, 1, 3))}
		}
	}
	if n.wants(3) {
		list = append(list, &value{t: n.x(0).t, v: n.back(scores)})
	}
	return list
}

// attentionMask is the operand that says which keys are seen, or what is added to their scores. Of one that is too short the keys behind are hidden.
func (n *call) attentionMask(keys int) *ir.Value {
	if !n.has(3) {
		return nil
	}
	mask := n.v(3)
	rank := len(mask.Type.Shape)
	short := rank > 0 && mask.Type.Shape[rank-1].Static() && mask.Type.Shape[rank-1].Size < keys
	hidden := n.scalar(ir.F32, math.Inf(-1))
	switch {
	case mask.Type.Elem.Float():
		mask = n.f32(mask)
	case short:
		mask = n.apply("where", mask, n.scalar(ir.F32, 0), hidden)
	}
	if !short {
		return mask
	}
	before, after := make([]int, rank), make([]int, rank)
	after[rank-1] = keys - mask.Type.Shape[rank-1].Size
	if hasBatch(mask) {
		before, after = before[1:], after[1:]
	}
	return n.op("pad", []*ir.Value{mask}, at1("before", before), at1("after", after), at1("value", math.Inf(-1)))
}

// seen are conditions under which a query sees a key, besides a mask: keys up to the length of each example, and for causal attention those up to the query's own.
// The queries stand behind the keys of earlier calls; where the keys of all calls are given with lengths, they are the last of these.
func (n *call) seen(q, k, lengths *ir.Value, causal bool, past int) (seen []*ir.Value) {
	t, s := q.Type.Shape[1].Size, k.Type.Shape[1].Size
	if lengths != nil {
		lengths = n.reshape(lengths, n.dims(6)[0], 1, 1, 1)
		key := whole(seq(0, s)...).c
		key.t = Int32
		seen = append(seen, n.apply("less", n.im.materialize(key), lengths))
	}
	if !causal {
		return seen
	}
	n.makes(t, s)
	ahead := &constant{t: Int32, shape: []int{t, s}} // how far the key stands before the query's own place
	for i := range t * s {
		ahead.data = append(ahead.data, float64(i%s-i/s))
	}
	own := n.scalar(ir.I32, float64(past))
	if lengths != nil && !n.has(4) {
		own = n.apply("sub", lengths, n.scalar(ir.I32, float64(t)))
	}
	return append(seen, n.apply("less_equal", n.im.materialize(ahead), own))
}

// attentionSteps is attention step by step, where its scores are limited or asked for: those of the products (mode 0), limited, with the mask, or as weights.
func (n *call) attentionSteps(q, k, v, mask *ir.Value, seen []*ir.Value, scale, limit float64, mode int) (y, scores *ir.Value) {
	heads, groups := q.Type.Shape[2].Size, k.Type.Shape[2].Size
	if heads != groups {
		if groups == 0 || heads%groups != 0 {
			refuse("%d heads of keys cannot be shared by %d", groups, heads)
		}
		var of []int
		for h := range heads {
			of = append(of, h*groups/heads)
		}
		at := n.im.materialize(whole(of...).c)
		k, v = n.op("gather", []*ir.Value{k, at}, at1("axis", 2)), n.op("gather", []*ir.Value{v, at}, at1("axis", 2))
	}
	if scale == 0 {
		scale = 1 / math.Sqrt(float64(q.Type.Shape[3].Size))
	}
	steps := []*ir.Value{n.apply("mul", n.op("einsum", []*ir.Value{q, k}, at1("equation", "bthd,bshd->bhts")), n.scalar(ir.F32, scale))}
	x := steps[0]
	if limit != 0 {
		most := n.scalar(ir.F32, limit)
		x = n.apply("mul", n.apply("tanh", n.apply("div", x, most)), most)
	}
	limited := x
	hidden := n.scalar(ir.F32, math.Inf(-1))
	switch {
	case mask != nil && mask.Type.Elem == ir.Bool:
		x = n.apply("where", mask, x, hidden)
	case mask != nil:
		x = n.apply("add", x, mask)
	}
	for _, c := range seen {
		x = n.apply("where", c, x, hidden)
	}
	steps = append(steps, limited, x, n.op("softmax", []*ir.Value{x}, at1("axis", 3)))
	if mode < 0 || mode > 3 {
		refuse("qk_matmul_output_mode is %d", mode)
	}
	return n.op("einsum", []*ir.Value{steps[3], v}, at1("equation", "bhts,bshd->bthd")), steps[mode]
}

// rotaryEmbedding turns pairs of elements by angles that follow from their place.
func rotaryEmbedding(n *call) []*value {
	flat := n.rank(0) == 3
	x := n.heads(n.f32(n.v(0)), "num_heads")
	s := x.Type.Shape
	size := s[3].Size
	turned := n.int("rotary_embedding_dim", 0)
	if turned == 0 {
		turned = size
	}
	if turned%2 != 0 || turned > size {
		refuse("%d of %d elements cannot be turned", turned, size)
	}
	half := turned / 2
	table := func(i int) *ir.Value {
		t := n.f32(n.v(i))
		if n.has(3) {
			t = n.op("gather", []*ir.Value{t, n.index(3)}, at1("axis", 0))
		}
		d := t.Type.Shape
		if len(d) != 3 || d[2].Size != half {
			refuse("angles %v do not turn %d elements", t.Type, turned)
		}
		return n.reshape(t, d[0].Size, d[1].Size, 1, half)
	}
	cos, sin := table(1), table(2)
	cut := func(v *ir.Value, from, to, a int) *ir.Value {
		return n.op("slice", []*ir.Value{v}, at1("starts", []int{from}), at1("ends", []int{to}), at1("axes", []int{a}))
	}
	first, second := x, x
	interleaved := n.bool("interleaved", false)
	if interleaved {
		pairs := x
		if turned < size {
			pairs = cut(x, 0, turned, 3)
		}
		pairs = n.reshape(pairs, s[0].Size, s[1].Size, s[2].Size, half, 2)
		dims := []int{s[0].Size, s[1].Size, s[2].Size, half}
		first, second = n.reshape(cut(pairs, 0, 1, 4), dims...), n.reshape(cut(pairs, 1, 2, 4), dims...)
	} else {
		first, second = cut(x, 0, half, 3), cut(x, half, turned, 3)
	}
	parts := []*ir.Value{
		n.apply("sub", n.apply("mul", cos, first), n.apply("mul", sin, second)),
		n.apply("add", n.apply("mul", sin, first), n.apply("mul", cos, second)),
	}
	if interleaved {
		for i, p := range parts {
			parts[i] = n.reshape(p, s[0].Size, s[1].Size, s[2].Size, half, 1)
		}
		parts = []*ir.Value{n.reshape(n.op("concat", parts, at1("axis", 4)), s[0].Size, s[1].Size, s[2].Size, turned)}
	}
	if turned < size {
		parts = append(parts, cut(x, turned, size, 3))
	}
	y := parts[0]
	if len(parts) > 1 {
		y = n.op("concat", slices.Clone(parts), at1("axis", 3))
	}
	if flat {
		y = n.reshape(y, s[0].Size, s[1].Size, s[2].Size*size)
	} else {
		y = n.transpose(y, 0, 2, 1, 3)
	}
	return n.results(n.back(y))
}

// tensorScatter writes new places of a cache from a place on that each example has for itself, in a ring where it is circular.
func tensorScatter(n *call) []*value {
	past, update := n.v(0), n.v(1)
	dims, fresh := n.dims(0), n.dims(1)
	a := axis(n.int("axis", -2), len(dims))
	if a == 0 || len(fresh) != len(dims) {
		refuse("updates %v do not fit a cache %v along axis %d", fresh, dims, a)
	}
	c := whole(seq(0, fresh[a])...).c
	ones := slices.Repeat([]int{1}, len(dims))
	ones[a] = fresh[a]
	at := n.im.materialize(&constant{t: Int32, shape: ones, data: c.all()})
	if n.has(2) {
		row := slices.Repeat([]int{1}, len(dims))
		row[0] = dims[0]
		at = n.apply("add", n.reshape(n.cast(n.v(2), ir.I32), row...), at)
	}
	switch mode := n.str("mode", "linear"); mode {
	case "circular":
		at = n.apply("mod", at, n.scalar(ir.I32, float64(dims[a])))
	case "linear":
	default:
		refuse("mode is %q", mode)
	}
	return n.results(n.op("scatter_elements", []*ir.Value{past, n.expand(at, fresh), update}, at1("axis", a), at1("reduction", "none")))
}
