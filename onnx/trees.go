package onnx

import (
	"maps"
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// member is the mode of a node that looks whether a number is one of some.
const member = "member"

// branches are the comparisons of the nodes of trees.
var branches = map[string]string{"BRANCH_LEQ": "less_equal", "BRANCH_LT": "less", "BRANCH_GTE": "greater_equal", "BRANCH_GT": "greater", "BRANCH_EQ": "equal", "BRANCH_NEQ": "not_equal"}

// forest is a set of decision trees as tables, by the number of a node. Leaves lead to themselves.
type forest struct {
	mode         []string    // how a node compares, "" of leaves
	members      [][]float64 // of nodes whose mode is member: the numbers that go to yes
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
	f.yes, f.no, f.mode = make([]int, f.nodes), make([]int, f.nodes), make([]string, f.nodes)
	child := make([]bool, f.nodes)
	for i, mode := range modes {
		f.yes[i], f.no[i] = i, i
		if mode == "LEAF" {
			f.feature[i] = 0
			continue
		}
		if f.mode[i] = branches[mode]; f.mode[i] == "" {
			refuse("a node compares by %q", mode)
		}
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

// forest walks all trees and joins what stands in the leaves: [N,results].
func (n *call) forest(kind string, results int) *ir.Value {
	if n.rank(0) != 2 {
		refuse("it needs rows of features, not %v", n.x(0).shape())
	}
	f := n.newForest(n.dims(0)[1])
	return n.ensemble(f, n.walk(f), n.str("aggregate_function", "SUM"), func(none float64) *constant { return n.leaves(kind, f, results, none) })
}

// walk goes down all trees at once, a level at a time: the leaf of each row in each tree.
func (n *call) walk(f *forest) *ir.Value {
	x := n.cast(n.v(0), ir.F32)
	table := func(list []int) *ir.Value {
		c := whole(list...).c
		c.t = Int32
		return n.im.materialize(c)
	}
	look := func(t, at *ir.Value) *ir.Value { return n.op("gather", []*ir.Value{t, at}, at1("axis", 0)) }
	feature, yes, no := table(f.feature), table(f.yes), table(f.no)
	value := n.im.materialize(&constant{t: Float, shape: []int{f.nodes}, data: f.value, name: "nodes_values"})
	kinds := map[string]bool{}
	for _, m := range f.mode {
		if m != "" {
			kinds[m] = true
		}
	}
	order := slices.Sorted(maps.Keys(kinds))
	which := make([]int, f.nodes)
	for i, m := range f.mode {
		which[i] = max(slices.Index(order, m), 0)
	}
	var members *ir.Value
	if kinds[member] {
		members = n.members(f)
	}
	// A comparison that no number passes brings the roots to every row.
	rows := n.op("slice", []*ir.Value{x}, at1("starts", []int{0}), at1("ends", []int{1}), at1("axes", []int{1}))
	roots := table(f.roots)
	at := n.apply("where", n.apply("equal", rows, rows), roots, roots)
	for range f.depth {
		seen := n.op("gather_elements", []*ir.Value{x, look(feature, at)}, at1("axis", 1))
		var goes *ir.Value
		for k, kind := range order {
			var passes *ir.Value
			if kind == member {
				s := seen.Type.Shape
				hit := n.apply("equal", n.reshape(seen, s[0].Size, s[1].Size, 1), look(members, at))
				passes = n.op("reduce_any", []*ir.Value{hit}, at1("axes", []int{2}), at1("keep_dims", false))
			} else {
				passes = n.apply(kind, seen, look(value, at))
			}
			if goes == nil {
				goes = passes
			} else {
				goes = n.apply("where", n.apply("equal", look(table(which), at), n.scalar(ir.I32, float64(k))), passes, goes)
			}
		}
		if slices.Contains(f.missing, 1) {
			tracks := n.cast(look(table(f.missing), at), ir.Bool)
			goes = n.apply("logical_or", goes, n.apply("logical_and", n.apply("isnan", seen), tracks))
		}
		at = n.apply("where", goes, look(yes, at), look(no, at))
	}
	return at
}

// members is a row for each node of the numbers that go to yes, with NaN, which is no number, behind them.
func (n *call) members(f *forest) *ir.Value {
	most := 1
	for _, list := range f.members {
		most = max(most, len(list))
	}
	n.makes(f.nodes, most)
	c := &constant{t: Float, shape: []int{f.nodes, most}, name: "membership_values"}
	for _, list := range f.members {
		c.data = append(append(c.data, list...), slices.Repeat([]float64{math.NaN()}, most-len(list))...)
	}
	return n.im.materialize(c)
}

// ensemble is what the leaves that were reached say of each result: leaves makes their table, with a number where a leaf says nothing.
func (n *call) ensemble(f *forest, at *ir.Value, how string, leaves func(none float64) *constant) *ir.Value {
	fold, none := "reduce_sum", 0.0
	switch how {
	case "SUM", "AVERAGE":
	case "MIN":
		fold, none = "reduce_min", math.Inf(1)
	case "MAX":
		fold, none = "reduce_max", math.Inf(-1)
	default:
		refuse("aggregate_function is %q", how)
	}
	said := n.op("gather", []*ir.Value{n.im.materialize(leaves(none)), at}, at1("axis", 0))
	y := n.op(fold, []*ir.Value{said}, at1("axes", []int{1}), at1("keep_dims", false))
	if none != 0 {
		y = n.apply("where", n.apply("equal", y, n.scalar(ir.F32, none)), n.scalar(ir.F32, 0), y)
	}
	if how == "AVERAGE" {
		y = n.apply("mul", y, n.scalar(ir.F32, 1/float64(len(f.roots))))
	}
	if n.attr("base_values") != nil {
		y = n.apply("add", y, n.vectorAttr("base_values"))
	}
	return y
}

// leaves are the weights of each node for each result, and none where it has none.
func (n *call) leaves(kind string, f *forest, results int, none float64) *constant {
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
	c := &constant{t: Float, shape: []int{f.nodes, results}, data: slices.Repeat([]float64{none}, f.nodes*results), name: kind + "_weights"}
	for i := range nodes {
		at, ok := place[key{trees[i], nodes[i]}]
		id := ids[i]
		if results == 1 {
			id = 0
		}
		if !ok || id < 0 || id >= results {
			refuse("weight %d belongs to no leaf or no result", i)
		}
		if c.data[at*results+id] == none {
			c.data[at*results+id] = 0
		}
		c.data[at*results+id] += weights[i]
	}
	return c
}
