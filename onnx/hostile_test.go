package onnx

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// tryImport imports whatever a file holds. No error may be one of the importer's own.
func tryImport(t *testing.T, what string, b []byte) {
	t.Helper()
	start := cpuTime()
	m, err := Parse("m.onnx", b)
	if err == nil {
		if _, err = m.Import(Options{Memory: 64 << 20, Batch: true}); err == nil || !strings.Contains(err.Error(), "internal error") {
			_, err = m.Import(Options{Memory: 64 << 20})
		}
	}
	if took := cpuTime() - start; took > time.Second {
		t.Errorf("%s took %v", what, took)
	}
	if err == nil {
		return
	}
	if !strings.HasPrefix(err.Error(), "m.onnx: ") {
		t.Errorf("%s: the error does not name the file: %v", what, err)
	}
	if strings.Contains(err.Error(), "internal error") {
		t.Errorf("%s: %v", what, err)
	}
}

// TestImportMutants damages a small model in every way.
func TestImportMutants(t *testing.T) {
	mutants(small(), func(b []byte) { tryImport(t, "a mutant", b) })
}

// TestHostileModels damages each model of ONNX's backend tests, more than 10,000 files in all: cut off, with bytes changed, left out and doubled.
func TestHostileModels(t *testing.T) {
	files, _ := filepath.Glob("/usr/share/libonnx-testdata/data/*/*/model.onnx")
	if len(files) < 1000 {
		if os.Getenv("DLC_CI") == "1" {
			t.Fatal("install libonnx-testdata")
		}
		t.Skip("install libonnx-testdata")
	}
	n := 0
	for k, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > 1<<16 {
			continue
		}
		name := filepath.Base(filepath.Dir(file))
		for i := range 12 {
			at := (k*7919 + i*104729) % len(b)
			m := slices.Clone(b)
			switch i % 6 {
			case 0:
				m = m[:at]
			case 1:
				m[at] ^= 1 << (k % 8)
			case 2:
				m[at] = 0xff
			case 3:
				m = slices.Delete(m, at, min(len(m), at+1+k%9))
			case 4:
				m = slices.Insert(m, at, m[at:min(len(m), at+1+k%33)]...)
			case 5:
				m[at]++
			}
			tryImport(t, name, m)
			n++
		}
	}
	if n < 10000 {
		t.Errorf("only %d files", n)
	}
}

// hostile are graphs that are wrong, with what the error says.
var hostile = []struct {
	name, want string
	graph      [][]byte
}{
	{"cycle", `node[0].input[0]: "b" is read by Relu (the_Relu), but nothing before it makes it`, [][]byte{
		node("Relu", []string{"b"}, []string{"a"}), node("Relu", []string{"a"}, []string{"b"}), info(12, "a", 1)}},
	{"dangling output", `output[0]: nothing makes "y"`, [][]byte{info(11, "x", 1), info(12, "y", 1)}},
	{"duplicate", `two values are called "y"`, [][]byte{info(11, "x", 1), node("Relu", []string{"x"}, []string{"y"}), node("Relu", []string{"x"}, []string{"y"}), info(12, "y", 1)}},
	{"petabytes", "no extent can be", [][]byte{info(11, "x", 1<<50), node("Relu", []string{"x"}, []string{"y"}), info(12, "y", 1<<50)}},
	{"gather out of range", "out of range", [][]byte{sub(5, packed(1, 2), num(2, 1), str(8, "t"), sub(9, raw(1, 2))), sub(5, packed(1, 1), num(2, 7), packed(7, 5), str(8, "i")),
		node("Gather", []string{"t", "i"}, []string{"y"}), info(12, "y", 1)}},
	{"scatter out of range", "out of range", [][]byte{sub(5, packed(1, 2), num(2, 1), str(8, "t"), sub(9, raw(1, 2))), sub(5, packed(1, 1), num(2, 7), packed(7, -9), str(8, "i")),
		sub(5, packed(1, 1), num(2, 1), str(8, "u"), sub(9, raw(1))), node("ScatterElements", []string{"t", "i", "u"}, []string{"y"}), info(12, "y", 2)}},
	{"division by zero", "", [][]byte{sub(5, packed(1, 1), num(2, 7), packed(7, 5), str(8, "a")), sub(5, packed(1, 1), num(2, 7), packed(7, 0), str(8, "b")),
		node("Div", []string{"a", "b"}, []string{"y"}), info(12, "y", 1)}},
	{"modulo zero", "", [][]byte{sub(5, packed(1, 1), num(2, 7), packed(7, 5), str(8, "a")), sub(5, packed(1, 1), num(2, 7), packed(7, 0), str(8, "b")),
		node("Mod", []string{"a", "b"}, []string{"y"}), info(12, "y", 1)}},
	{"expand", "elements", [][]byte{sub(5, packed(1, 2), num(2, 7), packed(7, 1<<30, 1<<30), str(8, "s")), sub(5, packed(1, 1), num(2, 1), str(8, "x"), sub(9, raw(1))),
		node("Expand", []string{"x", "s"}, []string{"y"}), info(12, "y", 1)}},
	{"range", "", [][]byte{sub(5, num(2, 7), packed(7, 0), str(8, "a")), sub(5, num(2, 7), packed(7, 1<<30), str(8, "b")), sub(5, num(2, 7), packed(7, 1), str(8, "c")),
		node("Range", []string{"a", "b", "c"}, []string{"y"}), info(12, "y", 1)}},
	{"endless loop", "", [][]byte{sub(5, num(2, 7), packed(7, 1<<40), str(8, "n")), sub(5, num(2, 9), num(5, 1), str(8, "c")), sub(5, packed(1, 1), num(2, 1), str(8, "x"), sub(9, raw(1))),
		node("Loop", []string{"n", "c", "x"}, []string{"y"}, join(str(1, "body"), num(20, 5), sub(6, info(11, "i"), info(11, "c"), info(11, "v", 1),
			node("Identity", []string{"c"}, []string{"d"}), node("Identity", []string{"v"}, []string{"w"}), info(12, "d"), info(12, "w", 1)))), info(12, "y", 1)}},
}

func TestHostileGraphs(t *testing.T) {
	for _, h := range hostile {
		b := model(17, h.graph...)
		tryImport(t, h.name, b)
		m, err := Parse("m.onnx", b)
		if err == nil {
			_, err = m.Import(Options{Memory: 64 << 20})
		}
		if h.want != "" && (err == nil || !strings.Contains(err.Error(), h.want)) {
			t.Errorf("%s: %v, want %s", h.name, err, h.want)
		}
	}
}

// TestRecursion refuses a function that calls itself.
func TestRecursion(t *testing.T) {
	call := func(field int) []byte {
		if field == 7 {
			return sub(7, str(1, "a"), str(2, "b"), str(4, "f"), str(7, "my"))
		}
		return sub(1, str(1, "x"), str(2, "y"), str(4, "f"), str(7, "my"))
	}
	b := join(model(17, info(11, "x", 1), call(1), info(12, "y", 1)), sub(25, str(1, "f"), str(4, "a"), str(5, "b"), call(7), sub(9, num(2, 17)), str(10, "my")))
	m, err := Parse("m.onnx", b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = m.Import(Options{}); err == nil || !strings.Contains(err.Error(), "calls itself") {
		t.Fatal(err)
	}
}

// TestAllProblems lists every node that is not supported, once.
func TestAllProblems(t *testing.T) {
	m, err := Parse("m.onnx", model(17, info(11, "x", 2), node("Nope", []string{"x"}, []string{"a"}), node("Relu", []string{"a"}, []string{"b"}),
		node("Multinomial", []string{"b"}, []string{"c"}), node("Never", []string{"x"}, []string{"d"}), info(12, "c", 2), info(12, "d", 2)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Import(Options{})
	u := (*Unsupported)(nil)
	if !errors.As(err, &u) || len(u.Problems) != 3 || u.Problems[1].Op != "Multinomial" || u.Problems[2].Node != "the_Never" {
		t.Fatal(err)
	}
}

func FuzzImport(f *testing.F) {
	f.Add(small())
	for _, h := range hostile {
		f.Add(model(17, h.graph...))
	}
	f.Fuzz(func(t *testing.T, b []byte) { tryImport(t, "a file", b) })
}
