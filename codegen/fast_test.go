package codegen_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/codegen"
)

// TestFast builds a package that holds plain Go which rounds products, and runs its own tests by it, among them the comparison with what the model's
// definition gives in float64. Its outputs are near those of the other kernels, have other bits, and the same bits without fused multiply-adds.
func TestFast(t *testing.T) {
	targets, err := codegen.ParseTargets([]string{"amd64", codegen.FastTarget})
	if err != nil {
		t.Fatal(err)
	}
	dir := write(t, generate(t, "digits", sources(t)["digits"], targets...))
	if err := os.WriteFile(filepath.Join(dir, "fast_test.go"), []byte(fastTest), 0o666); err != nil {
		t.Fatal(err)
	}
	goCommand(t, dir, nil, "vet", ".")
	goCommand(t, dir, nil, "test", ".")
	goCommand(t, dir, []string{"DLC_ISA=go-fast"}, "test", ".")
	bits := map[string]string{}
	for _, level := range []string{"v1", "v3"} {
		out := goCommand(t, dir, []string{"GOAMD64=" + level}, "test", "-v", "-run", "Fast", ".")
		if _, bits[level], _ = strings.Cut(out, "bits: "); len(bits[level]) < 8 {
			t.Fatalf("no bits in\n%s", out)
		}
		bits[level], _, _ = strings.Cut(bits[level], "\n")
	}
	if bits["v1"] != bits["v3"] {
		t.Errorf("a processor with fused multiply-adds gives the bits %s, one without %s", bits["v3"], bits["v1"])
	}
}

// fastTest compares the kernels of plain Go.
const fastTest = `package digits

import (
	"hash/fnv"
	"math"
	"testing"
)

func TestFast(t *testing.T) {
	defer dispatch(kernelSets)
	useGo()
	exact := outputs(t, sampleSession(t, 3), 3)
	useGoFast()
	fast := outputs(t, sampleSession(t, 3), 3)
	other, sum := false, fnv.New64()
	for i, x := range exact {
		if d := math.Abs(float64(x - fast[i])); !(d <= 1e-5+1e-4*math.Abs(float64(x))) {
			t.Errorf("output %d is %g, exactly %g", i, fast[i], x)
		}
		b := math.Float32bits(fast[i])
		other = other || b != math.Float32bits(x)
		sum.Write([]byte{byte(b), byte(b >> 8), byte(b >> 16), byte(b >> 24)})
	}
	if !other {
		t.Error("all bits are those of exact Go: no product is rounded")
	}
	t.Logf("bits: %x", sum.Sum64())
}
`

// TestProfile takes a CPU profile of a package's own benchmark and looks for the layer that takes most of it among the labels: shorter ones may have no sample.
func TestProfile(t *testing.T) {
	dir := write(t, generate(t, "digits", sources(t)["digits"]))
	goCommand(t, dir, nil, "test", "-run", "^$", "-bench", ".", "-benchtime", "0.5s", "-cpuprofile", "cpu.out", "-o", "package.test", ".")
	tags := goCommand(t, dir, nil, "tool", "pprof", "-tags", "package.test", "cpu.out")
	for _, want := range []string{" layer: Total", " conv2d\n", " source: Total", "digits.dl:6:36 conv2d, relu", " program: Total", "infer", " model: Total"} {
		if !strings.Contains(tags, want) {
			t.Errorf("the tags of the profile have no %q:\n%s", want, tags)
		}
	}
	if focused := goCommand(t, dir, nil, "tool", "pprof", "-top", "-tagfocus", "layer=^conv2d$", "package.test", "cpu.out"); !strings.Contains(focused, ".kConv2d") {
		t.Errorf("the layer conv2d has no convolution:\n%s", focused)
	}
}
