package onnx

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// importAll imports whatever a file holds, in both ways, and as a source where it has one.
func importAll(b []byte) error {
	m, err := Parse("m.onnx", b)
	if err != nil {
		return err
	}
	room := int64(0)
	if fuzzing() {
		room = 4 << 20 // instrumented code is slow, and a worker that does not answer for a second when it is to stop counts as one that hangs
	}
	imp, err := m.Import(Options{Batch: true, Memory: room})
	if err == nil {
		imp.Source("") // what the language cannot say is no matter here
	}
	if err == nil || !strings.Contains(err.Error(), "internal error") {
		_, err = m.Import(Options{Memory: room})
	}
	return err
}

// allocated is how many bytes were allocated since the program started, and live how many are in use now.
func allocated() uint64 { return readMetric("/gc/heap/allocs:bytes") }
func live() uint64      { return readMetric("/memory/classes/heap/objects:bytes") }

func readMetric(name string) uint64 {
	sample := []metrics.Sample{{Name: name}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// peak is the most memory that f needs beyond what is in use before. The collector runs all the time, so little but what is needed is there.
func peak(f func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(2))
	runtime.GC()
	before := live()
	var most atomic.Uint64
	stop, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Microsecond):
				most.Store(max(most.Load(), live()))
			}
		}
	}()
	f()
	close(stop)
	<-stopped
	return max(most.Load(), before) - before
}

// tryImport imports whatever a file holds, in a second and with memory for twice the file and 64 MB. No error may be one of the importer's own.
func tryImport(t *testing.T, what string, b []byte) {
	t.Helper()
	bound := uint64(2*len(b) + 64<<20)
	start, before := cpuTime(), allocated()
	err := importAll(b)
	limit := time.Second
	if fuzzing() {
		limit *= 5 // instrumented code counts its branches
	}
	if took := cpuTime() - start; took > limit {
		t.Errorf("%s took %v", what, took)
	}
	if allocated()-before > bound { // else it cannot have needed more
		most := peak(func() { importAll(b) })
		for try := 0; try < 3 && most > bound; try++ {
			most = min(most, peak(func() { importAll(b) })) // beside other work the collector may come late
		}
		if most > bound {
			t.Errorf("%s took %d MB of memory, its file has %d bytes", what, most>>20, len(b))
		}
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

// fuzzing reports whether this process is a worker of go test -fuzz.
func fuzzing() bool { return flag.Lookup("test.fuzzworker").Value.String() == "true" }

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

// integers is an initializer of whole numbers of 64 bits in one axis, and one is a scalar.
func integers(name string, list ...int64) []byte {
	return sub(5, packed(1, int64(len(list))), num(2, 7), packed(7, list...), str(8, name))
}

func one(name string, x int64) []byte { return sub(5, num(2, 7), packed(7, x), str(8, name)) }

// times are as many nodes as said, the k-th made by f.
func times(n int, f func(k int) []byte) (list [][]byte) {
	for k := range n {
		list = append(list, f(k))
	}
	return list
}

// bombs are small files that would take much memory or time.
func bombs() map[string][][]byte {
	name := func(s string, k int) string { return s + itoa(k) }
	small := [][]byte{one("zero", 0), one("step", 1), one("million", 1<<20-1), integers("shape", 1<<20-1), integers("large", 1<<30), integers("two", 2)}
	with := func(list ...[]byte) [][]byte { return append(slices.Clone(small), list...) }
	return map[string][][]byte{
		"ranges": append(with(times(100, func(k int) []byte { return node("Range", []string{"zero", "million", "step"}, []string{name("r", k)}) })...), info(12, "r0", 1)),
		"sums of fills": append(with(append([][]byte{node("ConstantOfShape", []string{"shape"}, []string{"a"})},
			times(100, func(k int) []byte { return node("Add", []string{name("a", k)[:1], "a"}, []string{name("s", k)}) })...)...), info(12, "s0", 1)),
		"chain": append(with(append([][]byte{node("ConstantOfShape", []string{"shape"}, []string{"s0"})},
			times(100, func(k int) []byte { return node("Exp", []string{name("s", k)}, []string{name("s", k+1)}) })...)...), info(12, "s100", 1)),
		"doubling": append(with(append([][]byte{node("Range", []string{"zero", "million", "step"}, []string{"d0"})},
			times(40, func(k int) []byte {
				return node("Concat", []string{name("d", k), name("d", k)}, []string{name("d", k+1)}, join(str(1, "axis"), num(3, 0), num(20, 2)))
			})...)...), info(12, "d40", 1)),
		"tiles": append(with(append([][]byte{integers("d0", 1, 2, 3)},
			times(60, func(k int) []byte { return node("Tile", []string{name("d", k), "two"}, []string{name("d", k+1)}) })...)...), info(12, "d60", 1)),
		"fills as weights": append(with(append([][]byte{info(11, "x", 1)}, times(100, func(k int) []byte {
			return join(node("ConstantOfShape", []string{"large"}, []string{name("w", k)}), node("Add", []string{"x", name("w", k)}, []string{name("y", k)}))
		})...)...), info(12, "y0", 1)),
		"one hot": append(with(append([][]byte{node("Range", []string{"zero", "million", "step"}, []string{"i"}), integers("v", 0, 1), one("depth", 1<<20)},
			node("OneHot", []string{"i", "depth", "v"}, []string{"y"}))...), info(12, "y", 1)),
		"eye": append(with(append([][]byte{integers("square", 1<<14, 1<<14), node("ConstantOfShape", []string{"square"}, []string{"f"})},
			times(20, func(k int) []byte { return node("EyeLike", []string{"f"}, []string{name("e", k)}) })...)...), info(12, "e0", 1)),
		"padded weights": {sub(5, packed(1, 4), num(2, 1), str(8, "w"), sub(9, raw(1, 2, 3, 4))), integers("pads", 0, 1<<28), node("Pad", []string{"w", "pads"}, []string{"y"}), info(12, "y", 1)},
		"a weight of zeros that is given in short numbers": {sub(5, packed(1, 8<<20), num(2, 6), sub(5, make([]byte, 8<<20)), str(8, "w")), node("Neg", []string{"w"}, []string{"y"}), info(12, "y", 8<<20)},
		"loops": {one("n", 1<<15), sub(5, num(2, 9), num(5, 1), str(8, "c")), node("ConstantOfShape", []string{"shape"}, []string{"x"}), integers("shape", 1<<18),
			node("Loop", []string{"n", "c", "x"}, []string{"y", "z"}, join(str(1, "body"), num(20, 5), sub(6, info(11, "i"), info(11, "c"), info(11, "v", 1), node("Identity", []string{"c"}, []string{"d"}),
				node("Exp", []string{"v"}, []string{"w"}), node("Exp", []string{"v"}, []string{"s"}), info(12, "d"), info(12, "w", 1), info(12, "s", 1)))), info(12, "z", 1)},
	}
}

// TestBombs imports small files that unfold.
func TestBombs(t *testing.T) {
	for what, graph := range bombs() {
		tryImport(t, what, model(17, graph...))
	}
}

// TestNetworkMemory imports real networks, and those whose weights are far larger than their files, within the same bounds.
func TestNetworkMemory(t *testing.T) {
	dir := modelFolder(t)
	files, _ := filepath.Glob(filepath.Join(dir, "onnx-light", "*.onnx"))
	more, _ := filepath.Glob(filepath.Join(dir, "onnx", "*", "model.onnx"))
	if files = append(files, more...); len(files) < 22 {
		t.Fatalf("only %d networks", len(files))
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tryImport(t, file, b)
	}
}

func TestHostileGraphs(t *testing.T) {
	for _, h := range hostile {
		b := model(17, h.graph...)
		tryImport(t, h.name, b)
		m, err := Parse("m.onnx", b)
		if err == nil {
			_, err = m.Import(Options{})
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
	for _, q := range composed() {
		f.Add(q.model())
	}
	for _, h := range hostile {
		f.Add(model(17, h.graph...))
	}
	for _, graph := range bombs() {
		f.Add(model(17, graph...))
	}
	f.Fuzz(func(t *testing.T, b []byte) { tryImport(t, "a file", b) })
}
