package onnx

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// TestGradientNode compares what the operator Gradient gives with differences of the value that it differentiates.
func TestGradientNode(t *testing.T) {
	gradient := sub(1, str(1, "x"), str(1, "w"), str(1, "u"), str(2, "dx"), str(2, "dw"), str(2, "du"), str(4, "Gradient"), str(7, "ai.onnx.preview.training"),
		sub(5, wordsAttr("xs", "x", "w", "u")), sub(5, wordAttr("y", "y")))
	file := join(num(1, 8), sub(8, str(1, ""), num(2, 17)), sub(8, str(1, "ai.onnx.preview.training"), num(2, 1)), sub(7,
		node("MatMul", []string{"x", "w"}, []string{"h"}), node("Tanh", []string{"h"}, []string{"s"}), node("Mul", []string{"s", "h"}, []string{"y"}), gradient,
		info(11, "x", 2, 3), info(11, "w", 3, 4), info(11, "u", 5), info(12, "y", 2, 4), info(12, "dx", 2, 3), info(12, "dw", 3, 4), info(12, "du", 5)))
	m, err := Parse("gradient.onnx", file)
	if err != nil {
		t.Fatal(err)
	}
	imp, err := m.Import(Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := imp.Module.Func(ir.FuncInfer)
	r := rand.New(rand.NewPCG(16, 1))
	values := map[*ir.Value]*ops.Tensor{}
	for _, v := range f.Inputs {
		values[v] = ops.NewTensor(ir.F32, ops.Extents(v.Type.Shape, 1)...)
		for i := range values[v].Data {
			values[v].Data[i] = r.NormFloat64()
		}
	}
	run := func() []*ops.Tensor {
		got, err := ops.EvalFunc(f, values, 1)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	total := func() (sum float64) {
		for _, x := range run()[0].Data {
			sum += x
		}
		return sum
	}
	grads := run()[1:]
	for k, v := range f.Inputs {
		data := values[v].Data
		for i, x := range data {
			const step = 1e-4
			data[i] = x + step
			up := total()
			data[i] = x - step
			slope := (up - total()) / (2 * step)
			data[i] = x
			if d := grads[k].Data[i] - slope; d > 1e-6 || d < -1e-6 {
				t.Errorf("by element %d of %s: %v, but differences say %v", i, v.Name, grads[k].Data[i], slope)
			}
		}
	}
	if slices.ContainsFunc(grads[2].Data, func(x float64) bool { return x != 0 }) {
		t.Error("y does not depend on u")
	}
}

// TestCompressed takes the slices for which a condition that is computed holds.
func TestCompressed(t *testing.T) {
	imp, err := importOf(t, node("Compress", []string{"x", "c"}, []string{"y"}, wholeAttr("axis", 1)), info(11, "x", 2, 4), sub(11, encodeInfo(&ValueInfo{Name: "c",
		Type: &Type{Tensor: &TensorType{Elem: Bool, Ranked: true, Dims: []Dim{{Value: 3, known: true}}}}})), info(12, "y"))
	if err != nil {
		t.Fatal(err)
	}
	f := imp.Module.Func(ir.FuncInfer)
	got, err := ops.EvalFunc(f, map[*ir.Value]*ops.Tensor{
		f.Inputs[0]: {Elem: ir.F32, Shape: []int{2, 4}, Data: []float64{1, 2, 3, 4, 5, 6, 7, 8}}, f.Inputs[1]: {Elem: ir.Bool, Shape: []int{3}, Data: []float64{1, 0, 1}}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	have, shape := imp.Outputs[0].First(got[0].Data, int(got[1].Data[0]))
	if !slices.Equal(have, []float64{1, 3, 5, 7}) || !slices.Equal(shape, []int{2, 2}) {
		t.Errorf("%v of shape %v", have, shape)
	}
}
