package onnx

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// TestExport writes every operator with every sample, reads the model again, and compares what both evaluate to.
func TestExport(t *testing.T) {
	tried := map[string]bool{}
	for _, o := range ops.All() {
		if o.Effect || o.Category == "optimizer" || o.Category == "metric" {
			continue
		}
		for i := range o.Samples {
			c, err := ops.NewCase(o, &o.Samples[i])
			if err != nil {
				t.Fatal(err)
			}
			c.Func().Name = ir.FuncInfer
			if recurrent := slices.Contains([]string{"lstm_steps", "gru_steps", "rnn_steps"}, o.Name); recurrent && o.Samples[i].Attrs.Get("record") == nil {
				tried[o.Name] = true
				exportParams(t, o.Name, i, c, true) // their matrices must be parameters
				continue
			}
			m, err := Export(c.Module(), nil)
			if u := (*Untranslated)(nil); errors.As(err, &u) {
				if len(u.Items) == 0 || strings.Contains(u.Error(), "internal error") {
					t.Errorf("%s %d: %v", o.Name, i, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s %d: %v", o.Name, i, err)
				continue
			}
			tried[o.Name] = true
			compareExported(t, o.Name, i, c, m)
			exportParams(t, o.Name, i, c, false)
		}
	}
	if len(tried) < 150 {
		t.Errorf("only %d operators can be exported", len(tried))
	}
}

// exportParams makes parameters of the f32 operands without a batch behind the first, and does the same again. must says that this
// cannot be refused.
func exportParams(t *testing.T, name string, sample int, c *ops.Case, must bool) {
	t.Helper()
	f, values := c.Func(), map[string][]float64{}
	var inputs []*ir.Value
	for i, v := range f.Inputs {
		if n, _ := v.Type.Shape.Elems(); i == 0 || v.Type.Elem != ir.F32 || !n.Static() {
			inputs = append(inputs, v)
			continue
		}
		v.Param = &ir.Param{Name: v.Name, Type: v.Type}
		values[v.Name] = c.Args()[i].Data
	}
	given := f.Inputs
	f.Inputs = inputs
	m, err := Export(c.Module(), values)
	if err == nil {
		f.Inputs = given
		for _, v := range given {
			v.Param = nil
		}
		compareExported(t, name, sample, c, m)
		return
	}
	if u := (*Untranslated)(nil); must || !errors.As(err, &u) {
		t.Errorf("%s %d: %v", name, sample, err)
	}
}

func compareExported(t *testing.T, name string, sample int, c *ops.Case, m *Model) {
	t.Helper()
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse("m.onnx", b)
	if err != nil {
		t.Errorf("%s %d: %v", name, sample, err)
		return
	}
	given, shapes := map[*ir.Value]*ops.Tensor{}, map[string][]int{}
	for i, v := range c.Func().Inputs {
		given[v] = c.Args()[i]
		shapes[v.Name] = c.Args()[i].Shape
	}
	want, err := ops.EvalFunc(c.Func(), given, c.Batch())
	if err != nil {
		t.Fatal(err)
	}
	imp, err := back.Import(Options{Shapes: shapes})
	if err != nil {
		t.Errorf("%s %d: %v", name, sample, err)
		return
	}
	again := map[*ir.Value]*ops.Tensor{}
	f := imp.Module.Func(ir.FuncInfer)
	for _, v := range f.Params() {
		w := ops.NewTensor(v.Type.Elem, ops.Extents(v.Type.Shape, 1)...)
		for k, x := range imp.Weights[v.Param.Name].Floats() {
			w.Data[k] = float64(x)
		}
		again[v] = w
	}
	byName := map[string]*ops.Tensor{}
	for i, v := range c.Func().Inputs {
		byName[v.Name] = c.Args()[i]
	}
	for k, p := range imp.Inputs {
		again[f.Inputs[k]] = byName[p.Name]
	}
	got, err := ops.EvalFunc(f, again, 1)
	if err != nil {
		t.Errorf("%s %d: %v", name, sample, err)
		return
	}
	for k := range want {
		if len(got) <= k || len(got[k].Data) != len(want[k].Data) || got[k].Elem != want[k].Elem {
			t.Errorf("%s %d: result %d is %v%v, not %v%v", name, sample, k, got[k].Elem, got[k].Shape, want[k].Elem, want[k].Shape)
			continue
		}
		for i, x := range want[k].Data {
			y := got[k].Data[i]
			// Where x is -∞ a product with its 0 is NaN in ONNX.
			if minus := math.IsNaN(y) && x == 0 && (name == "gelu" || name == "silu"); !minus && x != y && !(math.IsNaN(x) && math.IsNaN(y)) && !(math.Abs(x-y) <= 1e-4+1e-4*math.Abs(x)) {
				t.Errorf("%s %d: element %d of result %d is %v, not %v", name, sample, i, k, y, x)
				break
			}
		}
	}
}
