package onnx

import "slices"

// A tensor without elements is a constant, whatever it is made from: only its extents count. The few operators that models apply to such tensors are
// computed here; a program has none.

// same are the extents of the first operand.
func same(n *call) [][]int { return [][]int{n.dims(0)} }

// empties are the extents of the results of operators on a first operand without elements.
var empties = map[string]func(n *call) [][]int{
	"Identity": same, "Trilu": same, "Cast": same, "Relu": same,
	"Reshape": func(n *call) [][]int {
		dims, shape := n.dims(0), slices.Clone(n.ints(1, "the shape"))
		for i, d := range shape {
			if d == 0 && !n.bool("allowzero", false) && i < len(dims) {
				shape[i] = dims[i]
			}
		}
		if i := slices.Index(shape, -1); i >= 0 {
			shape[i] = 1
			rest := product(shape)
			if shape[i] = 0; rest == 0 {
				refuse("the extent -1 of a tensor without elements is not defined")
			}
		}
		return [][]int{shape}
	},
	"Split": func(n *call) [][]int {
		dims := n.dims(0)
		a := axis(n.int("axis", 0), len(dims))
		sizes := n.list("split")
		if n.has(1) {
			sizes = n.ints(1, "the sizes")
		}
		var list [][]int
		for i := range n.node.Outputs {
			d := slices.Clone(dims)
			if d[a] = 0; i < len(sizes) {
				d[a] = sizes[i]
			}
			list = append(list, d)
		}
		return list
	},
}

// empty are the results on a first operand without elements, or nil where it has some.
func (n *call) empty() []*value {
	if !n.has(0) || n.in[0].c == nil || n.in[0].c.elems() > 0 || empties[n.node.Op] == nil || n.node.Domain != "" {
		return nil
	}
	var list []*value
	for _, dims := range empties[n.node.Op](n) {
		t := n.x(0).t
		if n.node.Op == "Cast" {
			t = DataType(n.int("to", int(t)))
			elemFor(t)
		}
		if product(dims) != 0 {
			refuse("%v, which has no elements, cannot become %v", n.dims(0), dims)
		}
		list = append(list, &value{t: t, c: &constant{t: t, shape: dims}})
	}
	return list
}
