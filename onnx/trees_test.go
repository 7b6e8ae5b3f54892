package onnx

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// trees are decision trees as attributes, and the numbers of their leaves.
type trees struct {
	tree, node, feature, yes, no, missing []int64
	value, weight                         []float32
	mode                                  []string
}

// grow appends a subtree of tree t and returns the number of its first node.
func (f *trees) grow(r *rand.Rand, t int64, first, depth int) int64 {
	i := len(f.tree)
	f.tree, f.node = append(f.tree, t), append(f.node, int64(i-first))
	f.feature, f.yes, f.no, f.missing = append(f.feature, 0), append(f.yes, 0), append(f.no, 0), append(f.missing, int64(r.IntN(2)))
	f.value, f.weight, f.mode = append(f.value, 0), append(f.weight, 0), append(f.mode, "LEAF")
	if depth == 0 || r.IntN(4) == 0 {
		f.weight[i] = float32(r.NormFloat64())
		return int64(i - first)
	}
	f.mode[i], f.feature[i], f.value[i] = "BRANCH_LEQ", int64(r.IntN(3)), float32(r.NormFloat64())
	f.yes[i] = f.grow(r, t, first, depth-1)
	f.no[i] = f.grow(r, t, first, depth-1)
	return int64(i - first)
}

// walk is the leaf of the tree from node i on that x leads to.
func (f *trees) walk(first int, x []float64) float64 {
	i := first
	for f.mode[i] != "LEAF" {
		v := x[f.feature[i]]
		if v <= float64(f.value[i]) || v != v && f.missing[i] == 1 {
			i = first + int(f.yes[i])
		} else {
			i = first + int(f.no[i])
		}
	}
	return float64(f.weight[i])
}

func (f *trees) model() []byte {
	ints := func(name string, list []int64) []byte { return join(str(1, name), packed(8, list...), num(20, 7)) }
	floats := func(name string, list []float32) []byte { return join(str(1, name), sub(7, raw(list...)), num(20, 6)) }
	modes := join(str(1, "nodes_modes"), num(20, 8))
	for _, m := range f.mode {
		modes = append(modes, str(9, m)...)
	}
	n := node("TreeEnsembleRegressor", []string{"x"}, []string{"y"}, ints("nodes_treeids", f.tree), ints("nodes_nodeids", f.node), ints("nodes_featureids", f.feature),
		ints("nodes_truenodeids", f.yes), ints("nodes_falsenodeids", f.no), ints("nodes_missing_value_tracks_true", f.missing), floats("nodes_values", f.value), modes,
		ints("target_treeids", f.tree), ints("target_nodeids", f.node), ints("target_ids", make([]int64, len(f.tree))), floats("target_weights", f.weight))
	_, _, size := protowire.ConsumeTag(n)
	body, _ := protowire.ConsumeBytes(n[size:])
	n = sub(1, body, str(7, "ai.onnx.ml"))
	return join(num(1, 8), sub(8, str(1, "ai.onnx.ml"), num(2, 3)), sub(8, str(1, ""), num(2, 17)), sub(7, n, info(11, "x", 5, 3), info(12, "y", 5, 1)))
}

// TestTrees walks trees as a tensor program and one by one.
func TestTrees(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		f, first := &trees{}, []int{}
		for k := range 1 + r.IntN(5) {
			first = append(first, len(f.tree))
			f.grow(r, int64(k), len(f.tree), r.IntN(5))
		}
		m, err := Parse("trees.onnx", f.model())
		if err != nil {
			t.Fatal(err)
		}
		imp, err := m.Import(Options{})
		if err != nil {
			t.Fatal(err)
		}
		fn := imp.Module.Func(ir.FuncInfer)
		x := ops.NewTensor(ir.F32, 5, 3)
		for i := range x.Data {
			if x.Data[i] = r.NormFloat64(); r.IntN(8) == 0 {
				x.Data[i] = math.NaN()
			}
		}
		given := map[*ir.Value]*ops.Tensor{fn.Inputs[0]: x}
		for _, v := range fn.Params() {
			w := ops.NewTensor(ir.F32, ops.Extents(v.Type.Shape, 1)...)
			for i, e := range imp.Weights[v.Name].Floats() {
				w.Data[i] = float64(e)
			}
			given[v] = w
		}
		got, err := ops.EvalFunc(fn, given, 1)
		if err != nil {
			t.Fatal(err)
		}
		for row := range 5 {
			want := 0.0
			for _, at := range first {
				want += f.walk(at, x.Data[3*row:3*row+3])
			}
			if d := got[0].Data[row] - want; math.Abs(d) > 1e-6 {
				t.Fatalf("row %d: %v, want %v", row, got[0].Data[row], want)
			}
		}
	}
}

// TestCyclicTrees refuses nodes that lead back.
func TestCyclicTrees(t *testing.T) {
	f := &trees{tree: []int64{0, 0, 0}, node: []int64{0, 1, 2}, feature: make([]int64, 3), yes: []int64{1, 2, 0}, no: []int64{2, 0, 1}, missing: make([]int64, 3),
		value: make([]float32, 3), weight: make([]float32, 3), mode: []string{"BRANCH_LEQ", "BRANCH_LEQ", "BRANCH_LEQ"}}
	m, err := Parse("trees.onnx", f.model())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Import(Options{}); err == nil || !strings.Contains(err.Error(), "TreeEnsembleRegressor") || strings.Contains(err.Error(), "internal") {
		t.Fatal(err)
	}
}
