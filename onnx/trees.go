package onnx

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// branches are the comparisons of the nodes of trees.
var branches = map[string]string{"BRANCH_LEQ": "less_equal", "BRANCH_LT": "less", "BRANCH_GTE": "greater_equal", "BRANCH_GT": "greater", "BRANCH_EQ": "equal", "BRANCH_NEQ": "not_equal"}

// forest is a set of decision trees as tables, by the number of a node. Leaves lead to themselves.
type forest struct {
	compare      string
	roots        []int
	feature      []int
	yes, no      []int
	value        []float64
	missing      []int // whether a NaN goes to yes
	depth, nodes int
}

// newForest reads the attributes of the nodes, and checks that they are trees.
func (n *call) newForest(features int) *forest {
	trees, ids := n.list("nodes_treeids"), n.list("nodes_nodeids")
	yes, no := n.list("nodes_truenodeids"), n.list("nodes_falsenodeids")
	f := &forest{feature: slices.Clone(n.list("nodes_featureids")), value: n.floats("nodes_values"), missing: n.list("nodes_missing_value_tracks_true"), nodes: len(ids)}
	n.attr("nodes_hitrates")
	var modes []string
	if a := n.attr("nodes_modes"); a != nil {
		modes = a.Strings
	}
	for _, size := range []int{len(trees), len(yes), len(no), len(f.feature), len(f.value), len(modes)} {
		if size != f.nodes || f.nodes == 0 {
			refuse("its attributes do not describe equally many nodes")
		}
	}
	if f.missing != nil && len(f.missing) != f.nodes {
		refuse("its attributes do not describe equally many nodes")
	}
	type key struct{ tree, node int }
	place := map[key]int{}
	for i := range ids {
		place[key{trees[i], ids[i]}] = i
	}
	f.yes, f.no = make([]int, f.nodes), make([]int, f.nodes)
	child := make([]bool, f.nodes)
	for i, mode := range modes {
		f.yes[i], f.no[i] = i, i
		if mode == "LEAF" {
			f.feature[i] = 0
			continue
		}
		kind := branches[mode]
		if kind == "" || f.compare != "" && f.compare != kind {
			refuse("its nodes compare in different ways, of which %q is one", mode)
		}
		f.compare = kind
		a, ok := place[key{trees[i], yes[i]}]
		b, also := place[key{trees[i], no[i]}]
		if !ok || !also || a == b || child[a] || child[b] || f.feature[i] < 0 || f.feature[i] >= features {
			refuse("node %d of tree %d is part of no tree", ids[i], trees[i])
		}
		f.yes[i], f.no[i], child[a], child[b] = a, b, true, true
	}
	for i := range child {
		if !child[i] {
			f.roots = append(f.roots, i)
		}
	}
	f.measure(n)
	return f
}

// measure finds the depth. Each node has one parent at most, so what is not reached from a root lies on a cycle.
func (f *forest) measure(n *call) {
	level, seen := f.roots, 0
	for len(level) > 0 {
		seen += len(level)
		var next []int
		for _, i := range level {
			if f.yes[i] != i {
				next = append(next, f.yes[i], f.no[i])
			}
		}
		if level = next; len(level) > 0 {
			f.depth++
		}
	}
	if seen != f.nodes || f.depth > 64 {
		refuse("its nodes are no trees of at most 64 levels")
	}
}

// forest walks all trees at once, a level at a time, and adds up what stands in the leaves: [N,results].
func (n *call) forest(kind string, results int) *ir.Value {
	if n.rank(0) != 2 {
		refuse("it needs rows of features, not %v", n.x(0).shape())
	}
	f := n.newForest(n.dims(0)[1])
	x := n.cast(n.v(0), ir.F32)
	table := func(list []int) *ir.Value {
		c := whole(list...).c
		c.t = Int32
		return n.im.materialize(c)
	}
	look := func(t, at *ir.Value) *ir.Value { return n.op("gather", []*ir.Value{t, at}, at1("axis", 0)) }
	feature, yes, no := table(f.feature), table(f.yes), table(f.no)
	value := n.im.materialize(&constant{t: Float, shape: []int{f.nodes}, data: f.value, name: "nodes_values"})
	// A comparison that no number passes brings the roots to every row.
	rows := n.op("slice", []*ir.Value{x}, at1("starts", []int{0}), at1("ends", []int{1}), at1("axes", []int{1}))
	roots := table(f.roots)
	at := n.apply("where", n.apply("equal", rows, rows), roots, roots)
	for range f.depth {
		seen := n.op("gather_elements", []*ir.Value{x, look(feature, at)}, at1("axis", 1))
		goes := n.apply(f.compare, seen, look(value, at))
		if slices.Contains(f.missing, 1) {
			tracks := n.cast(look(table(f.missing), at), ir.Bool)
			goes = n.apply("logical_or", goes, n.apply("logical_and", n.apply("isnan", seen), tracks))
		}
		at = n.apply("where", goes, look(yes, at), look(no, at))
	}
	leaves := n.im.materialize(n.leaves(kind, f, results))
	sum := n.op("reduce_sum", []*ir.Value{look(leaves, at)}, at1("axes", []int{1}), at1("keep_dims", false))
	switch how := n.str("aggregate_function", "SUM"); how {
	case "SUM":
	case "AVERAGE":
		sum = n.apply("mul", sum, n.scalar(ir.F32, 1/float64(len(f.roots))))
	default:
		refuse("aggregate_function is %q", how)
	}
	if n.attr("base_values") != nil {
		sum = n.apply("add", sum, n.vectorAttr("base_values"))
	}
	return sum
}

// leaves are the weights of each node for each result.
func (n *call) leaves(kind string, f *forest, results int) *constant {
	trees, nodes, ids, weights := n.list(kind+"_treeids"), n.list(kind+"_nodeids"), n.list(kind+"_ids"), n.floats(kind+"_weights")
	if len(trees) != len(nodes) || len(ids) != len(nodes) || len(weights) != len(nodes) || results < 1 || n.im.take(results*f.nodes) != nil {
		refuse("its attributes do not describe equally many weights")
	}
	type key struct{ tree, node int }
	place := map[key]int{}
	of := n.list("nodes_treeids")
	for i, node := range n.list("nodes_nodeids") {
		place[key{of[i], node}] = i
	}
	c := &constant{t: Float, shape: []int{f.nodes, results}, data: make([]float64, f.nodes*results), name: kind + "_weights"}
	for i := range nodes {
		at, ok := place[key{trees[i], nodes[i]}]
		id := ids[i]
		if results == 1 {
			id = 0
		}
		if !ok || id < 0 || id >= results {
			refuse("weight %d belongs to no leaf or no result", i)
		}
		c.data[at*results+id] += weights[i]
	}
	return c
}
