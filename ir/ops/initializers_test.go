package ops

import (
	"math"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/ir"
)

// initialized builds a parameter with the initializer of that name.
func initialized(t *testing.T, name string, attrs ir.Attrs, s ir.Shape) (*ir.Param, error) {
	t.Helper()
	for _, i := range Initializers {
		if i.Name == name {
			full, err := Complete(i.Attrs, attrs)
			if err != nil {
				t.Fatal(err)
			}
			b := &Builder{Module: &ir.Module{}, Func: ir.NewFunc("f"), Init: &Start{i, full}}
			v, err := b.Param("weight", ir.T(ir.F32, s), ir.Init{Kind: "uniform", Scale: 1})
			if err != nil {
				return nil, err
			}
			if !b.InitUsed {
				t.Errorf("%s was not used", name)
			}
			return v.Param, nil
		}
	}
	t.Fatalf("there is no %s", name)
	return nil, nil
}

func TestInitializers(t *testing.T) {
	matrix, window := ir.S(30, 20), ir.S(3, 3, 8, 16)
	for _, c := range []struct {
		name  string
		attrs ir.Attrs
		shape ir.Shape
		want  ir.Init
	}{
		{"glorot_uniform", nil, matrix, ir.Init{Kind: "uniform", Scale: math.Sqrt(6.0 / 50)}},
		{"glorot_normal", nil, window, ir.Init{Kind: "normal", Scale: math.Sqrt(2.0 / (72 + 144))}},
		{"he_uniform", nil, window, ir.Init{Kind: "uniform", Scale: math.Sqrt(6.0 / 72)}},
		{"he_normal", ir.Attrs{{Name: "gain", Value: 0.5}}, matrix, ir.Init{Kind: "normal", Scale: 0.5 * math.Sqrt(2.0/30)}},
		{"lecun_uniform", nil, matrix, ir.Init{Kind: "uniform", Scale: math.Sqrt(3.0 / 30)}},
		{"lecun_normal", nil, ir.S(10), ir.Init{Kind: "normal", Scale: math.Sqrt(1.0 / 10)}},
		{"orthogonal", nil, matrix, ir.Init{Kind: "orthogonal", Scale: 1}},
		{"identity", ir.Attrs{{Name: "gain", Value: 2}}, matrix, ir.Init{Kind: "identity", Scale: 2}},
		{"uniform", ir.Attrs{{Name: "low", Value: -1}, {Name: "high", Value: 3}}, matrix, ir.Init{Kind: "uniform", Scale: 2, Mean: 1}},
		{"normal", nil, matrix, ir.Init{Kind: "normal", Scale: 0.05}},
		{"truncated_normal", ir.Attrs{{Name: "mean", Value: 1}}, matrix, ir.Init{Kind: "truncated_normal", Scale: 0.05, Mean: 1}},
		{"constant", ir.Attrs{{Name: "value", Value: -2}}, matrix, ir.Init{Kind: "constant", Scale: -2}},
		{"zeros", nil, matrix, ir.Init{Kind: "zeros"}},
		{"ones", nil, matrix, ir.Init{Kind: "ones"}},
	} {
		p, err := initialized(t, c.name, c.attrs, c.shape)
		if err != nil || p.Init != c.want {
			t.Errorf("%s%v: %+v, want %+v, %v", c.name, c.attrs, p, c.want, err)
		}
	}
	for name, attrs := range map[string]ir.Attrs{
		"normal": {{Name: "std", Value: -1}}, "uniform": {{Name: "low", Value: 1}}, "constant": {{Name: "value", Value: 1e300}},
	} {
		if _, err := initialized(t, name, attrs, matrix); err == nil || !strings.Contains(err.Error(), name+" cannot start weight") {
			t.Errorf("%s%v: %v", name, attrs, err)
		}
	}
}

// TestStarts checks which parameters a layer's initializers reach.
func TestStarts(t *testing.T) {
	start := func(kind string) *Start {
		return &Start{&Initializer{Name: kind, Init: func(ir.Attrs, float64, float64) ir.Init { return ir.Init{Kind: kind} }}, nil}
	}
	for _, c := range []struct {
		name, kind string
		b          Builder
		want       string
	}{
		{"weight", "uniform", Builder{}, "uniform"},
		{"weight", "uniform", Builder{DefaultInit: start("ones")}, "ones"},
		{"weight", "normal", Builder{DefaultInit: start("ones"), Init: start("zeros")}, "zeros"},
		{"scale", "ones", Builder{DefaultInit: start("zeros"), Init: start("zeros")}, "ones"},
		{"recurrent_bias", "zeros", Builder{Init: start("uniform"), BiasInit: start("ones")}, "ones"},
		{"bias", "zeros", Builder{Init: start("uniform")}, "zeros"},
	} {
		got, err := c.b.start(c.name, ir.S(2, 2), ir.Init{Kind: c.kind})
		if err != nil || got.Kind != c.want {
			t.Errorf("%s starts as %s, not %s, %v", c.name, got.Kind, c.want, err)
		}
	}
}
