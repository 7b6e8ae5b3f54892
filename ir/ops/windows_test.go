package ops

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/ir"
)

// infer completes attributes and infers, as the builder does.
func infer(t *testing.T, kind string, args []ir.Type, attrs ...ir.Attr) ([]ir.Type, error) {
	t.Helper()
	o := Lookup(kind)
	full, err := Complete(o.Attrs, attrs)
	if err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	return o.Infer(args, full)
}

func TestWindowErrors(t *testing.T) {
	ints := func(name string, v ...int) ir.Attr { return ir.Attr{Name: name, Value: v} }
	img, k := ir.T(ir.F32, ir.NS(8, 8, 4)), ir.T(ir.F32, ir.S(3, 3, 4, 6))
	conv := []ir.Type{img, k}
	huge := math.MaxInt
	for _, c := range []struct {
		kind  string
		args  []ir.Type
		attrs []ir.Attr
		want  string
		note  bool
	}{
		{"conv2d", conv, []ir.Attr{ints("stride", 0)}, "conv2d needs a stride of at least 1, not 0", true},
		{"conv2d", conv, []ir.Attr{ints("stride", 1, -2)}, "conv2d needs a stride of at least 1, not -2", true},
		{"conv2d", conv, []ir.Attr{ints("stride", 1, 2, 3)}, "conv2d takes one or two numbers as its stride, not 3", true},
		{"conv2d", conv, []ir.Attr{ints("stride", huge)}, "cannot have a stride of", true},
		{"conv2d", conv, []ir.Attr{ints("dilation", 0)}, "dilation of at least 1", true},
		{"conv2d", conv, []ir.Attr{ints("dilation", 1<<31-1)}, "kernel that spans 4294967295", true},
		{"conv2d", conv, []ir.Attr{ints("pads", 1, 1)}, "four numbers as its pads, not 2", true},
		{"conv2d", conv, []ir.Attr{ints("pads", 1, 1, -1, 1)}, "cannot have a border of -1", true},
		{"conv2d", conv, []ir.Attr{ints("pads", huge, 0, 0, 0)}, "cannot have a border of", true},
		{"conv2d", conv, []ir.Attr{ints("pads", 1<<31-1, 0, 0, 0)}, "padded input has a side of", false},
		{"conv2d", conv, []ir.Attr{ints("pads", 1<<17, 1<<17, 1<<17, 1<<17), ints("stride", 1000)}, "would need a padded image", true},
		{"conv2d", conv, []ir.Attr{{Name: "groups", Value: 0}}, "at least 1 group", true},
		{"conv2d", conv, []ir.Attr{{Name: "groups", Value: 4}}, "cannot divide 4 channels and 6 filters into 4 groups", true},
		{"conv2d", conv, []ir.Attr{{Name: "groups", Value: 2}}, "its kernel needs 2 channels, not 4", false},
		{"conv2d", []ir.Type{img, ir.T(ir.F32, ir.S(9, 3, 4, 6))}, nil, "kernel that spans 9, but its input has only 8", true},
		{"conv2d", []ir.Type{img, k, ir.T(ir.F32, ir.S(5))}, nil, "6 filters, but its bias is f32[5]", false},
		{"conv2d", []ir.Type{ir.T(ir.F32, ir.NS(8, 8)), k}, nil, "needs an image f32[N,H,W,C], but its input is f32[N,8,8]", true},
		{"conv2d", []ir.Type{ir.T(ir.U8, ir.NS(8, 8, 4)), k}, nil, "needs an image f32[N,H,W,C]", true},
		{"conv2d", []ir.Type{ir.T(ir.F32, ir.NS(0, 8, 4)), k}, nil, "needs an image", true},
		{"conv2d", []ir.Type{img, ir.T(ir.F32, ir.S(3, 3, 4))}, nil, "needs a kernel", false},
		{"max_pool", []ir.Type{img}, []ir.Attr{ints("size", 0)}, "max_pool needs a kernel of at least 1, not 0", true},
		{"max_pool", []ir.Type{img}, []ir.Attr{ints("size")}, "one or two numbers", true},
		{"max_pool", []ir.Type{img}, []ir.Attr{ints("size", 9)}, "spans 9", true},
		{"max_pool", []ir.Type{img}, []ir.Attr{ints("size", 2), ints("stride", 0)}, "stride of at least 1", true},
		{"max_pool", []ir.Type{img}, []ir.Attr{ints("size", 2), ints("pads", 2, 0, 0, 0)}, "nothing but border", true},
		{"avg_pool", []ir.Type{ir.T(ir.F32, ir.NS(10000, 10000, 1))}, []ir.Attr{ints("size", 10000)}, "more than 16777216 elements", true},
		{"matmul", []ir.Type{ir.T(ir.F32, ir.NS(4)), ir.T(ir.F32, ir.S(5, 4))}, nil, "4 columns and 5 rows", true},
		{"matmul", []ir.Type{ir.T(ir.F32, ir.NS(4)), ir.T(ir.F32, ir.S(4))}, nil, "two axes or more", true},
		{"matmul", []ir.Type{ir.T(ir.F32, ir.S(3, 4)), ir.T(ir.F32, ir.NS(4))}, []ir.Attr{{Name: "transpose_b", Value: true}}, "N is not the first axis", true},
		{"matmul", []ir.Type{ir.T(ir.F32, ir.NS(2, 4)), ir.T(ir.F32, ir.S(3, 4, 4))}, nil, "cannot combine", true},
		{"dense", []ir.Type{ir.T(ir.F32, ir.NS(4)), ir.T(ir.F32, ir.S(5, 4))}, nil, "5 rows do not fit the 4 features", false},
		{"dense", []ir.Type{ir.T(ir.F32, ir.NS()), ir.T(ir.F32, ir.S(5, 4))}, nil, "needs features", true},
		{"bias_add", []ir.Type{img, ir.T(ir.F32, ir.S(3))}, nil, "as many elements as the last axis", false},
		{"pad", []ir.Type{img}, []ir.Attr{ints("before", -8, 0, 0), ints("after", 0, 0, 0)}, "bring axis 1 of f32[N,8,8,4] to 0 elements", true},
		{"pad", []ir.Type{img}, []ir.Attr{ints("before", 1, 1, 1, 1)}, "cannot lengthen the axis N", true},
		{"pad", []ir.Type{img}, []ir.Attr{ints("before", 1), ints("after", 1, 2)}, "1 numbers before and 2 after", true},
		{"pad", []ir.Type{img}, []ir.Attr{ints("before", huge)}, "pad cannot add", true},
		{"dropout", []ir.Type{img}, []ir.Attr{{Name: "rate", Value: 1.0}}, "from 0 up to but not 1", true},
		{"dropout", []ir.Type{img}, []ir.Attr{{Name: "rate", Value: math.NaN()}}, "from 0 up to but not 1", true},
		{"sgd", []ir.Type{k}, []ir.Attr{{Name: "momentum", Value: 1.0}}, "momentum from 0", true},
		{"sgd", []ir.Type{k}, []ir.Attr{{Name: "nesterov", Value: true}}, "needs a momentum", true},
		{"sgd", []ir.Type{img}, nil, "whose extents are known", false},
		{"adam", []ir.Type{k}, []ir.Attr{{Name: "beta2", Value: 1 - 1e-12}}, "beta2 from 0", true},
		{"adam", []ir.Type{k}, []ir.Attr{{Name: "eps", Value: 0.0}}, "eps between", true},
	} {
		_, err := infer(t, c.kind, c.args, c.attrs...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s%v %v: error %v, want one with %q", c.kind, c.args, c.attrs, err, c.want)
			continue
		}
		var n *Note
		if errors.As(err, &n) != c.note {
			t.Errorf("%s: %v: has a note: %v, want %v", c.kind, err, !c.note, c.note)
		}
	}
}

// layer builds a layer on one input, as the language does.
func layer(t *testing.T, kind string, in ir.Type, attrs ...ir.Attr) (*ir.Module, *ir.Value, error) {
	t.Helper()
	o := Lookup(kind)
	full, err := Complete(o.Layer.Attrs, attrs)
	if err != nil {
		t.Fatal(err)
	}
	m := &ir.Module{Name: "m"}
	f := ir.NewFunc("infer", ir.Symbol{Name: "N"})
	b := &Builder{Module: m, Func: f, Scope: "body." + kind}
	results, err := o.Layer.Build(b, []*ir.Value{f.Input("x", in, b.Pos)}, full)
	if err != nil {
		return m, nil, err
	}
	return m, results[0], nil
}

func TestLayers(t *testing.T) {
	img := ir.T(ir.F32, ir.NS(9, 8, 4))
	m, v, err := layer(t, "conv2d", img, ir.Attr{Name: "filters", Value: 6}, ir.Attr{Name: "kernel", Value: []int{3, 2}},
		ir.Attr{Name: "groups", Value: 2}, ir.Attr{Name: "stride", Value: 2}, ir.Attr{Name: "padding", Value: "same"})
	if err != nil {
		t.Fatal(err)
	}
	if want := ir.T(ir.F32, ir.NS(5, 4, 6)); !v.Type.Equal(want) {
		t.Errorf("conv2d gives %v, want %v", v.Type, want)
	}
	w := m.Param("body.conv2d.weight")
	if w == nil || !w.Type.Equal(ir.T(ir.F32, ir.S(3, 2, 2, 6))) || math.Abs(w.Init.Scale-math.Sqrt(6./12)) > 1e-15 || w.Init.Kind != "uniform" || !w.Trainable {
		t.Errorf("weight is %+v", w)
	}
	if b := m.Param("body.conv2d.bias"); b == nil || !b.Type.Equal(ir.T(ir.F32, ir.S(6))) || b.Init.Kind != "zeros" {
		t.Errorf("bias is %+v", b)
	}
	m, v, err = layer(t, "dense", ir.T(ir.F32, ir.NS(50)), ir.Attr{Name: "units", Value: 10}, ir.Attr{Name: "bias", Value: false})
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Params) != 1 || !v.Type.Equal(ir.T(ir.F32, ir.NS(10))) {
		t.Errorf("dense without bias has %d parameters and gives %v", len(m.Params), v.Type)
	}
}

func TestLayerErrors(t *testing.T) {
	img := ir.T(ir.F32, ir.NS(13, 13, 64))
	for _, c := range []struct {
		kind       string
		in         ir.Type
		attrs      []ir.Attr
		want, note string
	}{
		{"dense", img, []ir.Attr{{Name: "units", Value: 64}}, "dense needs features in one axis, but its input is f32[N,13,13,64]", "put flatten before it for 10816 features, or global_avg_pool for 64"},
		{"dense", ir.T(ir.F32, ir.NS(4)), []ir.Attr{{Name: "units", Value: 0}}, "dense cannot have 0 units", "dense(10)"},
		{"dense", ir.T(ir.F32, ir.NS(1<<20)), []ir.Attr{{Name: "units", Value: 1 << 20}}, "of more than 2147483647 elements", "fewer units"},
		{"conv2d", ir.T(ir.F32, ir.NS(13)), []ir.Attr{{Name: "filters", Value: 6}}, "needs an image", "height, width, channels"},
		{"conv2d", img, []ir.Attr{{Name: "filters", Value: -1}}, "cannot have -1 filters", "conv2d(16)"},
		{"conv2d", img, []ir.Attr{{Name: "filters", Value: 1 << 30}}, "of more than 2147483647 elements", "fewer filters"},
		{"conv2d", img, []ir.Attr{{Name: "filters", Value: 6}, {Name: "kernel", Value: 14}}, "spans 14, but its input has only 13", `padding="same"`},
		{"dropout", img, []ir.Attr{{Name: "rate", Value: -0.5}}, "a rate from 0", "dropout(0.5)"},
	} {
		m, _, err := layer(t, c.kind, c.in, c.attrs...)
		var n *Note
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.As(err, &n) || !strings.Contains(n.Note, c.note) {
			t.Errorf("%s: %#v, want %q with note %q", c.kind, err, c.want, c.note)
		}
		if len(m.Params) != 0 {
			t.Errorf("%s: %v, but left %d parameters", c.kind, err, len(m.Params))
		}
	}
}
