package onnx

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// Operators that the importer composes of many others are compared with what their definitions say, written out element by element in float64. The functions
// in oracle_*_test.go share nothing with the rows.

// array is a tensor of an oracle.
type array struct {
	dims []int
	data []float64
}

func newArray(dims ...int) *array { return &array{dims, make([]float64, product(dims))} }

// at is the place of an element. Indices that are left out in front are 0, and axes of one element take any.
func (a *array) at(index ...int) int {
	i, skip := 0, len(index)-len(a.dims)
	for k, d := range a.dims {
		x := 0
		if skip+k >= 0 && d > 1 {
			x = index[skip+k]
		}
		i = i*d + x
	}
	return i
}

func (a *array) get(index ...int) float64 { return a.data[a.at(index...)] }

// given is an operand of a node: known ones are constants of the model.
type given struct {
	name  string
	t     DataType
	x     *array
	known bool
	raw   []byte // of known ones of types that the encoder does not write: the bytes of the elements
}

// asked is a node to be imported alone.
type asked struct {
	op, domain string
	opset      int64
	operands   []*given // nil: left out
	results    int
	attrs      [][]byte
}

func realAttr(name string, x float64) []byte {
	return join(str(1, name), protowire.AppendFixed32(protowire.AppendTag(nil, 2, protowire.Fixed32Type), math.Float32bits(float32(x))), num(20, attrFloat))
}

func wholeAttr(name string, x int) []byte {
	return join(str(1, name), num(3, int64(x)), num(20, attrInt))
}

func wordAttr(name, s string) []byte { return join(str(1, name), str(4, s), num(20, attrString)) }

func wholesAttr(name string, list ...int) []byte {
	var wide []int64
	for _, x := range list {
		wide = append(wide, int64(x))
	}
	return intsAttribute(name, wide...)
}

func realsAttr(name string, list ...float64) []byte {
	b := join(str(1, name), num(20, 6))
	for _, x := range list {
		b = protowire.AppendFixed32(protowire.AppendTag(b, 7, protowire.Fixed32Type), math.Float32bits(float32(x)))
	}
	return b
}

func wordsAttr(name string, list ...string) []byte {
	b := join(str(1, name), num(20, attrStrings))
	for _, s := range list {
		b = append(b, str(9, s)...)
	}
	return b
}

// model is the node in a model of its own.
func (q *asked) model() []byte {
	var in, out []string
	var graph [][]byte
	for _, g := range q.operands {
		if g == nil {
			in = append(in, "")
			continue
		}
		in = append(in, g.name)
		if g.raw != nil {
			var dims []int64
			for _, d := range g.x.dims {
				dims = append(dims, int64(d))
			}
			graph = append(graph, sub(5, packed(1, dims...), num(2, int64(g.t)), str(8, g.name), sub(9, g.raw)))
			continue
		}
		if g.known {
			graph = append(graph, sub(5, encodeTensor(newTensor(g.name, g.t, g.x.dims, g.x.data))))
			continue
		}
		v := &ValueInfo{Name: g.name, Type: &Type{Tensor: &TensorType{Elem: g.t, Ranked: true}}}
		for _, d := range g.x.dims {
			v.Type.Tensor.Dims = append(v.Type.Tensor.Dims, Dim{Value: int64(d), known: true})
		}
		graph = append(graph, sub(11, encodeInfo(v)))
	}
	for i := range q.results {
		out = append(out, fmt.Sprint("y", i))
		graph = append(graph, info(12, out[i]))
	}
	parts := [][]byte{}
	for _, s := range in {
		parts = append(parts, str(1, s))
	}
	for _, s := range out {
		parts = append(parts, str(2, s))
	}
	parts = append(parts, str(3, "node"), str(4, q.op), str(7, q.domain))
	for _, a := range q.attrs {
		parts = append(parts, sub(5, a))
	}
	graph = append(graph, sub(1, parts...))
	opsets := sub(8, str(1, ""), num(2, max(q.opset, 18)))
	if q.domain == "" {
		opsets = sub(8, str(1, ""), num(2, q.opset))
	} else {
		opsets = append(opsets, sub(8, str(1, q.domain), num(2, q.opset))...)
	}
	return join(num(1, 10), opsets, sub(7, graph...))
}

// evaluated imports the node and evaluates what became of it.
func (q *asked) evaluated(t *testing.T) []*array {
	t.Helper()
	m, err := Parse("oracle.onnx", q.model())
	if err != nil {
		t.Fatal(err)
	}
	imp, err := m.Import(Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := imp.Module.Func(ir.FuncInfer)
	values := map[*ir.Value]*ops.Tensor{}
	for i, p := range imp.Inputs {
		for _, g := range q.operands {
			if g != nil && g.name == p.Name {
				values[f.Inputs[i]] = &ops.Tensor{Elem: p.IR.Elem, Shape: g.x.dims, Data: g.x.data}
			}
		}
	}
	for _, v := range f.Params() {
		w := ops.NewTensor(v.Type.Elem, ops.Extents(v.Type.Shape, 1)...)
		for i, e := range imp.Weights[v.Name].Floats() {
			w.Data[i] = float64(e)
		}
		values[v] = w
	}
	got, err := ops.EvalFunc(f, values, 1)
	if err != nil {
		t.Fatal(err)
	}
	var list []*array
	for i, p := range imp.Outputs {
		list = append(list, &array{p.Shape, got[i].Data})
	}
	return list
}

// agree compares what was imported with what an oracle says.
func (q *asked) agree(t *testing.T, what string, want ...*array) {
	t.Helper()
	got := q.evaluated(t)
	if len(got) != len(want) {
		t.Fatalf("%s %s: %d results, want %d", q.op, what, len(got), len(want))
	}
	for k, w := range want {
		if !slices.Equal(got[k].dims, w.dims) || len(got[k].data) != len(w.data) {
			t.Fatalf("%s %s: result %d is %v, want %v", q.op, what, k, got[k].dims, w.dims)
		}
		for i, x := range w.data {
			y := got[k].data[i]
			if d := math.Abs(y - x); !(d <= 1e-5*(1+math.Abs(x)) || y == x || y != y && x != x) {
				t.Fatalf("%s %s: element %d of result %d is %v, want %v", q.op, what, i, k, y, x)
			}
		}
	}
}

// normal are random ones of the normal distribution that f32 holds, in a tensor.
func normal(r *rand.Rand, dims ...int) *array {
	a := newArray(dims...)
	for i := range a.data {
		a.data[i] = float64(float32(r.NormFloat64()))
	}
	return a
}

// wholes are random whole numbers from low to below high.
func wholes(r *rand.Rand, low, high int, dims ...int) *array {
	a := newArray(dims...)
	for i := range a.data {
		a.data[i] = float64(low + r.IntN(high-low))
	}
	return a
}

func listed(list ...int) *array {
	a := newArray(len(list))
	for i, x := range list {
		a.data[i] = float64(x)
	}
	return a
}

func operand(name string, x *array) *given { return &given{name: name, t: Float, x: x} }

// composed are nodes of operators that the importer composes of others.
func composed() []*asked {
	x := func(dims ...int) *given { return operand("x", newArray(dims...)) }
	y := func(name string, dims ...int) *given { return operand(name, newArray(dims...)) }
	places := func(name string, list ...int) *given {
		return &given{name: name, t: Int64, x: listed(list...), known: true}
	}
	return []*asked{
		{"Attention", "", 24, []*given{x(1, 2, 2, 3), y("k", 1, 1, 4, 3), y("v", 1, 1, 4, 2), y("m", 2, 3), nil, nil, {name: "l", t: Int64, x: newArray(1)}}, 4, [][]byte{wholeAttr("is_causal", 1), realAttr("softcap", 1)}},
		{"RotaryEmbedding", "", 23, []*given{x(1, 2, 2, 4), y("c", 1, 2, 2), y("s", 1, 2, 2)}, 1, [][]byte{wholeAttr("interleaved", 1)}},
		{"MaxRoiPool", "", 1, []*given{x(1, 2, 4, 4), y("r", 2, 5)}, 1, [][]byte{wholesAttr("pooled_shape", 2, 3)}},
		{"DeformConv", "", 19, []*given{x(1, 1, 3, 3), y("w", 1, 1, 2, 2), y("o", 1, 8, 2, 2)}, 1, [][]byte{wholesAttr("strides", 1, 1)}},
		{"Col2Im", "", 18, []*given{x(1, 4, 4), places("i", 3, 3), places("b", 2, 2)}, 1, [][]byte{wholesAttr("pads", 0, 0, 0, 0)}},
		{"MaxPool", "", 12, []*given{x(1, 1, 4, 4)}, 2, [][]byte{wholesAttr("kernel_shape", 2, 2), wholeAttr("ceil_mode", 1), wholesAttr("dilations", 1, 2)}},
		{"AveragePool", "", 19, []*given{x(1, 1, 4, 4)}, 1, [][]byte{wholesAttr("kernel_shape", 2, 2), wholesAttr("dilations", 2, 2)}},
		{"GridSample", "", 20, []*given{x(1, 1, 2, 2, 2), y("g", 1, 1, 1, 2, 3)}, 1, [][]byte{wordAttr("padding_mode", "reflection")}},
		{"Det", "", 11, []*given{x(2, 3, 3)}, 1, nil},
		{"CumProd", "", 26, []*given{x(2, 3), places("a", 1)}, 1, [][]byte{wholeAttr("reverse", 1)}},
		{"BitCast", "", 26, []*given{x(2)}, 1, [][]byte{wholeAttr("to", int(Int32))}},
		{"Cast", "", 25, []*given{x(2)}, 1, [][]byte{wholeAttr("to", int(Float8E4M3FN))}},
		{"DequantizeLinear", "", 25, []*given{{name: "w", t: Int4, x: newArray(2, 3), raw: []byte{0x12, 0xf8, 0x37}}, y("s", 2, 2)}, 1, [][]byte{wholeAttr("block_size", 2)}},
		{"LSTM", "", 14, []*given{x(2, 1, 2), y("w", 1, 8, 2), y("r", 1, 8, 2), y("b", 1, 16), {name: "l", t: Int32, x: newArray(1)}}, 3, [][]byte{realAttr("clip", 1), wholeAttr("input_forget", 1), wordsAttr("activations", "Elu", "Affine", "Tanh")}},
		{"GRU", "", 14, []*given{x(2, 1, 2), y("w", 2, 6, 2), y("r", 2, 6, 2)}, 2, [][]byte{wordAttr("direction", "bidirectional"), wordsAttr("activations", "Sigmoid", "Relu", "HardSigmoid", "Tanh"), realsAttr("activation_alpha", 0.5)}},
		{"SVMClassifier", "ai.onnx.ml", 1, []*given{x(2, 2)}, 2, [][]byte{wholesAttr("vectors_per_class", 1, 1, 1), wholesAttr("classlabels_ints", 1, 2, 3), realsAttr("support_vectors", 1, 2, 3, 4, 5, 6),
			realsAttr("coefficients", 1, 2, 3, 4, 5, 6), realsAttr("rho", 1, 2, 3), realsAttr("prob_a", 1, 2, 3), realsAttr("prob_b", 1, 2, 3)}},
		{"LabelEncoder", "ai.onnx.ml", 2, []*given{{name: "x", t: Int64, x: newArray(2)}}, 1, [][]byte{wholesAttr("keys_int64s", 1, 2), realsAttr("values_floats", 1, 2)}},
		{"TreeEnsemble", "ai.onnx.ml", 5, []*given{x(2, 2)}, 1, [][]byte{wholesAttr("tree_roots", 0), wholesAttr("nodes_featureids", 0), wholesAttr("nodes_truenodeids", 0), wholesAttr("nodes_falsenodeids", 1),
			wholesAttr("nodes_trueleafs", 1), wholesAttr("nodes_falseleafs", 1), tensorAttr("nodes_modes", Uint8, 6), tensorAttr("nodes_splits", Float, 0), tensorAttr("membership_values", Float, 1, 2, math.NaN()),
			wholesAttr("leaf_targetids", 0, 0), tensorAttr("leaf_weights", Float, 1, 2)}},
	}
}

func tensorAttr(name string, t DataType, list ...float64) []byte {
	return join(str(1, name), sub(5, encodeTensor(newTensor("", t, []int{len(list)}, list))), num(20, 4))
}

// TestComposed imports each of the seeds of FuzzImport, which else would be of no use.
func TestComposed(t *testing.T) {
	for _, q := range composed() {
		if got := q.evaluated(t); len(got) != q.results {
			t.Errorf("%s has %d results", q.op, len(got))
		}
	}
}
