package onnx

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// intsAttribute is an attribute of whole numbers.
func intsAttribute(name string, list ...int64) []byte {
	return join(str(1, name), packed(8, list...), num(20, 7))
}

// importOf imports a model of the given parts at opset 17.
func importOf(t *testing.T, parts ...[]byte) (*Import, error) {
	t.Helper()
	m, err := Parse("m.onnx", model(17, parts...))
	if err != nil {
		t.Fatal(err)
	}
	return m.Import(Options{})
}

// TestCounted takes places of a tensor through operators that take them on, and looks at what there is of the result.
func TestCounted(t *testing.T) {
	imp, err := importOf(t, node("NonZero", []string{"x"}, []string{"places"}),
		node("Transpose", []string{"places"}, []string{"rows"}, intsAttribute("perm", 1, 0)),
		node("GatherND", []string{"x", "rows"}, []string{"found"}),
		node("Neg", []string{"found"}, []string{"y"}),
		info(11, "x", 2, 3), info(12, "rows"), info(12, "y"))
	if err != nil {
		t.Fatal(err)
	}
	f := imp.Module.Func(ir.FuncInfer)
	if len(imp.Extents) != 1 || len(f.Results) != 3 {
		t.Fatalf("the function gives %d results, %v of them counts", len(f.Results), imp.Extents)
	}
	x := ops.NewTensor(ir.F32, 2, 3)
	copy(x.Data, []float64{0, 5, 0, 7, 0, 9})
	got, err := ops.EvalFunc(f, map[*ir.Value]*ops.Tensor{f.Inputs[0]: x}, 1)
	if err != nil {
		t.Fatal(err)
	}
	count := int(got[2].Data[0])
	for i, want := range [][]float64{{0, 1, 1, 0, 1, 2}, {-5, -7, -9}} {
		p := imp.Outputs[i]
		if have, shape := p.First(got[i].Data, count); p.Count != imp.Extents[0] || shape[0] != 3 || !slices.Equal(have, want) {
			t.Errorf("output %s is %v of shape %v, counted by %q", p.Name, have, shape, p.Count)
		}
	}
}

// TestCountedRefused gives counted places to an operator that would see those that there are not.
func TestCountedRefused(t *testing.T) {
	_, err := importOf(t, node("NonZero", []string{"x"}, []string{"places"}), node("ReduceSum", []string{"places"}, []string{"y"}), info(11, "x", 2, 3), info(12, "y"))
	u := (*Unsupported)(nil)
	if !errors.As(err, &u) || len(u.Problems) != 1 || u.Problems[0].Op != "ReduceSum" || !strings.Contains(u.Problems[0].Reason, "how many elements places has depends on the data") {
		t.Errorf("%v", err)
	}
}

// TestCountedKnown counts places of what is known when the model is imported.
func TestCountedKnown(t *testing.T) {
	known := sub(5, packed(1, 4), num(2, 1), str(8, "k"), sub(9, raw(0, 1, 0, 2)))
	imp, err := importOf(t, known, node("NonZero", []string{"k"}, []string{"places"}), node("Gather", []string{"x", "places"}, []string{"y"}), info(11, "x", 4), info(12, "y"))
	if err != nil {
		t.Fatal(err)
	}
	if got := imp.Outputs[0].Shape; !slices.Equal(got, []int{1, 2}) || len(imp.Extents) != 0 {
		t.Errorf("the result is %v, with %d counts", got, len(imp.Extents))
	}
}

// TestReshapedInBounds gives other extents to packed elements: in their order they take no memory, in another one it is accounted for.
func TestReshapedInBounds(t *testing.T) {
	c := &constant{t: Float, shape: []int{2, 3}, packed: packFloats([]int{2, 3}, []float64{1, 2, 3, 4, 5, 6})}
	turned := c.permuted([]int{1, 0})
	im := &importer{opt: Options{Memory: 1 << 20}, room: 8*6 + 8}
	if r := im.reshaped(c, 6); r.packed == nil || im.room != 8*6+8 || !slices.Equal(r.all(), []float64{1, 2, 3, 4, 5, 6}) {
		t.Errorf("in order: %v with room for %d bytes", r.all(), im.room)
	}
	if r := im.reshaped(turned, 6); r.packed != nil || im.room != 8 || !slices.Equal(r.all(), []float64{1, 4, 2, 5, 3, 6}) {
		t.Errorf("turned: %v with room for %d bytes", r.all(), im.room)
	}
	defer func() {
		if r, ok := recover().(refusal); !ok || !strings.Contains(r.err.Error(), "--max-memory") {
			t.Errorf("without room: %v", r.err)
		}
	}()
	im.reshaped(turned, 6)
}
