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
