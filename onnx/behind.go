package onnx

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// What exporters write for batch-first recurrent layers and attention moves the batch from the front and back again. A value whose batch is elsewhere exists
// while a model is imported only: as one with the batch in front, and the order of its axes. The operators here keep it so.

// reordered is x with its axes in another order that moves the batch, and nil where the order does not.
func (n *call) reordered(x *value, perm []int) *value {
	base, order := x.behind, perm
	switch {
	case base != nil && len(perm) == len(x.perm):
		order = permuted(x.perm, perm)
	case base == nil && x.v != nil && hasBatch(x.v) && len(perm) == len(x.v.Type.Shape) && perm[0] > 0 && perm[0] < len(perm) && x.v.Type.Shape[perm[0]] != ir.D(1):
		base = x.v
	default:
		return nil
	}
	return n.settled(x.t, base, order)
}

// settled is a value with its axes in the given order: a plain one where the batch is in front.
func (n *call) settled(t DataType, base *ir.Value, order []int) *value {
	switch {
	case slices.Equal(order, seq(0, len(order))):
		return &value{t: t, v: base}
	case order[0] == 0:
		return &value{t: t, v: n.transpose(base, order...)}
	}
	return &value{t: t, behind: base, perm: order}
}

// lined is what is behind x with the other axes in the order that they have in x.
func (im *importer) lined(x *value) *ir.Value {
	at := slices.Index(x.perm, 0)
	rest := slices.Delete(slices.Clone(x.perm), at, at+1)
	if slices.IsSorted(rest) {
		return x.behind
	}
	return im.must("transpose", x.behind.Name, []*ir.Value{x.behind}, at1("perm", append([]int{0}, rest...)))
}

// dropped is x without some of its axes, which have extent 1; v is what is behind it.
func (n *call) dropped(x *value, v *ir.Value, axes []int) *value {
	drop := map[int]bool{}
	for _, a := range axes {
		if x.perm[a] == 0 || v.Type.Shape[x.perm[a]] != ir.D(1) {
			refuse("axis %d of %v cannot be squeezed", a, x.shape())
		}
		drop[x.perm[a]] = true
	}
	keep, place := []int{1}, map[int]int{0: 0}
	for k, d := range v.Type.Shape[1:] {
		if !drop[k+1] {
			place[k+1] = len(keep)
			keep = append(keep, d.Size)
		}
	}
	var order []int
	for _, p := range x.perm {
		if !drop[p] {
			order = append(order, place[p])
		}
	}
	return n.settled(x.t, n.reshape(v, keep...), order)
}

// cut are pieces of x along an axis, from each bound to the next.
func (n *call) cut(x *value, a int, bounds []int) []*value {
	if x.perm[a] == 0 {
		refuse("the examples of a batch cannot be cut apart")
	}
	var list []*value
	for i := range bounds[1:] {
		v := n.op("slice", []*ir.Value{x.behind}, at1("starts", []int{bounds[i]}), at1("ends", []int{bounds[i+1]}), at1("axes", []int{x.perm[a]}))
		list = append(list, &value{t: x.t, behind: v, perm: x.perm})
	}
	return list
}

// elsewhere are values whose batch is in front, but counts as another axis of extent 1 that all of them have.
func (n *call) elsewhere(list []*value) []*value {
	dims := ops.Extents(list[0].shape(), 1)
	at := 1
	for at < len(dims) && slices.ContainsFunc(list, func(x *value) bool { s := x.shape(); return len(s) != len(dims) || s[at] != ir.D(1) }) {
		at++
	}
	if at == len(dims) {
		refuse("the examples of a batch cannot be joined")
	}
	moved := make([]*value, len(list))
	for i, x := range list {
		d := ops.Extents(x.shape(), 1)
		inner := slices.Concat([]int{1, 1}, d[1:at], d[at+1:])
		moved[i] = &value{t: x.t, behind: n.reshape(x.v, inner...), perm: slices.Insert(seq(1, len(d)), at, 0)}
	}
	return moved
}

// joined are values with the same order of axes, one behind the other.
func (n *call) joined(list []*value, a int) *value {
	args := make([]*ir.Value, len(list))
	for i, x := range list {
		if x.behind == nil || !slices.Equal(x.perm, list[0].perm) || x.perm[a] == 0 {
			refuse("the batch of %v would not be the first axis", x.shape())
		}
		args[i] = x.behind
	}
	return &value{t: list[0].t, behind: n.op("concat", args, at1("axis", list[0].perm[a])), perm: list[0].perm}
}

// reshapedBehind is x with other extents, where the axes keep their order but for the batch, and its place can be found again.
func (n *call) reshapedBehind(x *value, dims, shape []int) *value {
	at := slices.Index(x.perm, 0)
	x = &value{t: x.t, behind: n.im.lined(x), perm: slices.Insert(seq(1, len(x.perm)), at, 0)}
	before := product(dims[:at])
	for i := range shape {
		if shape[i] == 1 && product(shape[:i]) == before {
			inner := slices.Delete(slices.Clone(shape), i, i+1)
			order := slices.Insert(seq(1, len(shape)), i, 0)
			return n.settled(x.t, n.reshape(x.behind, append([]int{1}, inner...)...), order)
		}
	}
	refuse("reshaping %v to %v would mix the examples of a batch", x.shape(), shape)
	return nil
}

// elementwiseBehind applies an operator to values with the same order of axes, and numbers.
func (n *call) elementwiseBehind(kind string, in []*value, attrs []ir.Attr) []*value {
	var perm []int
	args := make([]*ir.Value, len(in))
	for i, x := range in {
		switch {
		case x.c != nil && x.c.elems() == 1:
			args[i] = n.im.materialize(n.im.reshaped(x.c))
		case x.behind != nil && (perm == nil || slices.Equal(perm, x.perm)):
			perm, args[i] = x.perm, x.behind
		default:
			refuse("the batch of %v would not be the first axis", x.shape())
		}
	}
	y := n.op(kind, args, attrs...)
	return []*value{{t: n.typeFor(y.Type.Elem), behind: y, perm: perm}}
}
