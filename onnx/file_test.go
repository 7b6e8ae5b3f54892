package onnx

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

func TestParse(t *testing.T) {
	m, err := Parse("small.onnx", small())
	if err != nil {
		t.Fatal(err)
	}
	g := m.Graph
	if m.Opsets[0].Version != 17 || len(g.Nodes) != 7 || g.Nodes[2].Attrs[0].F != 0.1 || !slices.Equal(g.Nodes[3].Attrs[0].Ints, []int64{1, 0}) {
		t.Fatalf("%+v", m)
	}
	if got, err := g.Initializers[0].Numbers(); err != nil || len(got) != 12 || got[11] != 12 {
		t.Fatal(got, err)
	}
	if got, err := g.Nodes[4].Attrs[0].T.Numbers(); err != nil || !slices.Equal(got, []float64{3, -1}) {
		t.Fatal(got, err)
	}
	if m.Functions[0].Nodes[0].Op != "Relu" || g.Inputs[0].Type.Tensor.Dims[1].Value != 4 || g.Nodes[6].Attrs[0].G.Nodes[0].Op != "Identity" {
		t.Fatalf("%+v", m)
	}
}

// TestStorage reads every element type from every form that ONNX stores it in.
func TestStorage(t *testing.T) {
	fixed := func(field protowire.Number, wire protowire.Type, x uint64) []byte {
		b := protowire.AppendTag(nil, field, wire)
		if wire == protowire.Fixed32Type {
			return protowire.AppendFixed32(b, uint32(x))
		}
		return protowire.AppendFixed64(b, x)
	}
	cases := []struct {
		elem DataType
		want float64
		body []byte
	}{
		{Float, 1.5, sub(9, raw(1.5))},
		{Float, 1.5, fixed(4, protowire.Fixed32Type, 0x3fc00000)},
		{Double, 1.5, sub(9, binary.LittleEndian.AppendUint64(nil, 0x3ff8000000000000))},
		{Double, 1.5, fixed(10, protowire.Fixed64Type, 0x3ff8000000000000)},
		{Uint8, 200, sub(9, []byte{200})}, {Uint8, 200, num(5, 200)},
		{Int8, -3, sub(9, []byte{253})}, {Int8, -3, num(5, -3)},
		{Uint16, 65535, sub(9, []byte{255, 255})}, {Int16, -1, num(5, -1)},
		{Int32, -7, packed(5, -7)}, {Int64, -7, num(7, -7)}, {Uint64, 7, num(11, 7)}, {Uint32, 4294967295, num(11, 4294967295)},
		{Float16, -2, num(5, 0xc000)}, {Float16, 0.5, sub(9, []byte{0, 0x38})}, {BFloat16, 1, num(5, 0x3f80)}, {Bool, 1, sub(9, []byte{1})},
	}
	for i, c := range cases {
		x := &Tensor{}
		if err := decode(newDecoder(0), x, tensorRows(), join(packed(1, 1), num(2, int64(c.elem)), c.body)); err != nil {
			t.Fatal(i, err)
		}
		if got, err := x.Numbers(); err != nil || len(got) != 1 || got[0] != c.want {
			t.Errorf("case %d: %v: %v %v, want %v", i, c.elem, got, err, c.want)
		}
	}
}

// TestHostileTensors declares what is not there.
func TestHostileTensors(t *testing.T) {
	for want, body := range map[string][]byte{
		"dims: no extent can be -1":                                       join(packed(1, -1), num(2, 1), sub(9, raw(1))),
		"more than the 2147483647 elements":                               join(packed(1, 1<<20, 1<<20), num(2, 1), sub(9, raw(1))),
		"raw_data: 3 elements FLOAT of 12 bytes together are not 4 bytes": join(packed(1, 3), num(2, 1), sub(9, raw(1))),
		"int64_data: 1000000000 elements are declared, but there":         join(packed(1, 1e9), num(2, 7), packed(7, 1)),
		"int64_data: there are more than the 1 elements declared":         join(packed(1, 1), num(2, 7), packed(7, 1, 2)),
		"float_data: 2 elements are declared, but there are only 0 ":      join(packed(1, 2), num(2, 1), packed(7, 1, 2)),
		"float_data: the file is cut off":                                 join(packed(1, 1), num(2, 1), sub(4, []byte{1, 2, 3})),
		"data_type: the elements are STRING":                              join(packed(1, 1), num(2, 8)),
		"data_type: the elements are an unknown":                          join(packed(1, 1), num(2, 1<<40)),
		"external_data: the data lies in another file":                    join(packed(1, 1), num(2, 1), num(14, 1)),
	} {
		x := &Tensor{}
		if err := decode(newDecoder(0), x, tensorRows(), body); err != nil {
			t.Fatal(err)
		}
		if _, err := x.Numbers(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestExternal loads data from beside the model, and from nowhere else.
func TestExternal(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(in, "sub"), 0o777))
	must(os.WriteFile(filepath.Join(dir, "secret"), raw(9, 9, 9), 0o666))
	must(os.WriteFile(filepath.Join(in, "sub", "w.bin"), raw(1, 2, 3), 0o666))
	must(os.Symlink(filepath.Join(dir, "secret"), filepath.Join(in, "link")))
	must(os.Symlink(dir, filepath.Join(in, "up")))
	must(os.Link(filepath.Join(dir, "secret"), filepath.Join(in, "hard")))
	for _, c := range []struct{ location, offset, length, want string }{
		{"sub/w.bin", "4", "8", ""},
		{"sub/w.bin", "8", "8", "reach beyond the end"},
		{"sub/w.bin", "9223372036854775807", "8", "reach beyond the end"},
		{"sub/w.bin", "-4", "8", "no number of bytes"},
		{"sub/w.bin", "0", "4", "the length is 4 bytes, but 2 elements"},
		{"../secret", "0", "8", "in the folder of the model"},
		{"sub/../../secret", "0", "8", "in the folder of the model"},
		{filepath.Join(dir, "secret"), "0", "8", "in the folder of the model"},
		{"link", "0", "8", "links are not followed"},
		{"up/secret", "0", "8", "no regular file"},
		{"hard", "0", "8", "several names"},
		{"sub", "0", "8", "no regular file"},
		{"none", "0", "8", "there is no file"},
		{"", "0", "8", "in the folder of the model"},
	} {
		entry := func(k, v string) []byte { return sub(13, str(1, k), str(2, v)) }
		file := filepath.Join(in, "m.onnx")
		must(os.WriteFile(file, model(17, sub(5, packed(1, 2), num(2, 1), str(8, "w"), num(14, 1), entry("location", c.location), entry("offset", c.offset), entry("length", c.length))), 0o666))
		m, err := Read(file)
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "m.onnx: graph.initializer[0].external_data: ") {
				t.Errorf("%v: %v", c, err)
			}
			continue
		}
		must(err)
		if got, err := m.Graph.Initializers[0].Numbers(); err != nil || !slices.Equal(got, []float64{2, 3}) {
			t.Errorf("%v: %v %v", c, got, err)
		}
	}
}

// TestNesting bounds the depth of graphs in graphs.
func TestNesting(t *testing.T) {
	g := node("Relu", []string{"x"}, []string{"y"})
	for range 60 {
		g = node("If", nil, nil, join(str(1, "then_branch"), sub(6, g), num(20, 5)))
	}
	if _, err := Parse("deep.onnx", model(17, g)); err == nil || !strings.Contains(err.Error(), "nested too deeply") {
		t.Fatal(err)
	}
}

// TestManyParts bounds the memory that many small parts take.
func TestManyParts(t *testing.T) {
	many := make([]byte, 0, 8<<20)
	for len(many) < 4<<20 {
		many = append(many, 1<<3|2, 0) // an empty node
	}
	b := model(17, many)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	_, err := Parse("many.onnx", b)
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "too many small parts") {
		t.Fatal(err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > uint64(2*len(b)+128<<20) {
		t.Errorf("%d bytes for a file of %d", used, len(b))
	}
}

// mutants calls f with many small damages to b, the same ones each time: cut off at every byte, every byte replaced, pieces left out and doubled.
func mutants(b []byte, f func(b []byte)) {
	for i := range b {
		f(b[:i])
	}
	for i := range b {
		for _, x := range []byte{0, 1, 0x7f, 0x80, 0xff, b[i] + 1, b[i] ^ 0x10} {
			m := slices.Clone(b)
			m[i] = x
			f(m)
		}
	}
	for i := 0; i < len(b); i += 3 {
		end := min(len(b), i+1+i%17)
		f(slices.Concat(b[:i], b[end:]))
		f(slices.Concat(b[:end], b[i:]))
		f(slices.Concat(b[:i], []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, b[i:]))
	}
}

// TestMutants damages a model in thousands of ways: none may panic, take long, or fail without naming the file.
func TestMutants(t *testing.T) {
	n := 0
	mutants(small(), func(b []byte) {
		n++
		start := time.Now()
		tryParse(t, b)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("mutant %d took %v", n, took)
		}
	})
	t.Logf("%d mutants", n)
}

// tryParse reads whatever a file holds.
func tryParse(t *testing.T, b []byte) {
	t.Helper()
	m, err := Parse("m.onnx", b)
	if err != nil {
		if !strings.HasPrefix(err.Error(), "m.onnx: ") {
			t.Fatalf("the error does not name the file: %v", err)
		}
		return
	}
	for _, x := range m.Graph.Initializers {
		x.Numbers()
	}
}

func FuzzParse(f *testing.F) {
	f.Add(small())
	f.Fuzz(func(t *testing.T, b []byte) { tryParse(t, b) })
}
