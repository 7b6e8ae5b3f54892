package onnx

import "slices"

// treeEnsemble is opset 5's form of trees: leaves are listed apart from nodes, and a node may look for a number among some.
func treeEnsemble(n *call) []*value {
	results := n.int("n_targets", 1)
	ids, weights := n.list("leaf_targetids"), n.tensorAttr("leaf_weights")
	if n.rank(0) != 2 || weights == nil || len(ids) == 0 || weights.elems() != len(ids) || results < 1 {
		refuse("its attributes do not describe equally many leaves")
	}
	f, leaf := n.leafForest(n.dims(0)[1], len(ids))
	n.makes(f.nodes, results)
	how, after := n.int("aggregate_function", 1), n.int("post_transform", 0)
	hows, afters := []string{"AVERAGE", "SUM", "MIN", "MAX"}, []string{"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"}
	if how < 0 || how >= len(hows) || after < 0 || after >= len(afters) {
		refuse("aggregate_function is %d and post_transform %d", how, after)
	}
	said := weights.all()
	y := n.ensemble(f, n.walk(f), hows[how], func(none float64) *constant {
		c := &constant{t: Float, shape: []int{f.nodes, results}, data: slices.Repeat([]float64{none}, f.nodes*results), name: "leaf_weights"}
		for i, l := range leaf {
			if l < 0 {
				continue
			}
			if ids[l] < 0 || ids[l] >= results {
				refuse("leaf %d belongs to no result", l)
			}
			c.data[i*results+ids[l]] = said[l]
		}
		return c
	})
	return n.results(n.back(n.transformed(y, afters[after])))
}

// leafForest reads the attributes of nodes whose leaves are listed apart. The leaves that a node leads to stand behind all nodes,
// one for each way to a leaf, and leaf has their
// numbers, -1 for nodes.
func (n *call) leafForest(features, leaves int) (f *forest, leaf []int) {
	yes, no, feature := n.list("nodes_truenodeids"), n.list("nodes_falsenodeids"), n.list("nodes_featureids")
	ends := [2][]int{n.list("nodes_trueleafs"), n.list("nodes_falseleafs")}
	modes, splits, roots := n.tensorAttr("nodes_modes"), n.tensorAttr("nodes_splits"), n.list("tree_roots")
	n.attr("nodes_hitrates")
	missing, count := n.list("nodes_missing_value_tracks_true"), len(yes)
	if modes == nil || splits == nil || count == 0 || len(no) != count || len(feature) != count || len(ends[0]) != count || len(ends[1]) != count || modes.elems() != count ||
		splits.elems() != count || missing != nil && len(missing) != count || len(roots) == 0 {
		refuse("its attributes do not describe equally many nodes")
	}
	all := count
	for _, end := range slices.Concat(ends[0], ends[1]) {
		if end != 0 {
			all++
		}
	}
	f = &forest{nodes: all, roots: roots, feature: make([]int, all), yes: seq(0, all), no: seq(0, all), value: make([]float64, all),
		missing: make([]int, all), mode: make([]string, all), members: make([][]float64, all)}
	leaf = slices.Repeat([]int{-1}, all)
	next := count
	copy(f.feature, feature)
	copy(f.value, splits.all())
	copy(f.missing, missing)
	kinds := []string{"less_equal", "less", "greater_equal", "greater", "equal", "not_equal", member}
	sets := n.memberSets()
	child := make([]bool, all)
	for i, mode := range modes.ints() {
		if mode < 0 || mode >= len(kinds) || feature[i] < 0 || feature[i] >= features {
			refuse("node %d compares by %d, or feature %d", i, mode, feature[i])
		}
		if f.mode[i] = kinds[mode]; f.mode[i] == member {
			if len(sets) == 0 {
				refuse("node %d has no numbers to look among", i)
			}
			f.members[i], sets = sets[0], sets[1:]
		}
		for side, to := range [2]*int{&f.yes[i], &f.no[i]} {
			at, most := [2]int{yes[i], no[i]}[side], count
			end := ends[side][i] != 0
			if end {
				most = leaves
			}
			if at < 0 || at >= most || !end && child[at] {
				refuse("node %d is part of no tree", i)
			}
			if *to = at; end {
				*to, leaf[next] = next, at
				next++
			}
			child[*to] = true
		}
	}
	for _, r := range roots {
		if r < 0 || r >= count || child[r] {
			refuse("node %d is no root", r)
		}
	}
	f.measure(n)
	return f, leaf
}

// memberSets are the numbers that nodes look among, which a NaN ends for each.
func (n *call) memberSets() (sets [][]float64) {
	c := n.tensorAttr("membership_values")
	if c == nil {
		return nil
	}
	set := []float64{}
	for _, x := range c.all() {
		if set = append(set, x); x != x {
			sets, set = append(sets, set[:len(set)-1]), nil
		}
	}
	if len(set) > 0 {
		sets = append(sets, set)
	}
	return sets
}
