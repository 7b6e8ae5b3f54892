package codegen_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/codegen"
	"github.com/dlc-ml/dlc/dsl"
	"github.com/dlc-ml/dlc/ir/ops"
	"github.com/dlc-ml/dlc/passes"
	"github.com/dlc-ml/dlc/passes/pass"
	"github.com/dlc-ml/dlc/runtime"
)

// sources are models whose packages the tests build: the example, one without a train block, and one that uses what the example does not.
func sources(t *testing.T) map[string]string {
	digits, err := os.ReadFile("../examples/digits/digits.dl")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"digits": string(digits),
		"plain": `model plain {
    input  a: f32[7]
    input  b: f32[3, 5]
    output sum = (b |> reduce_sum(2)) * 2 + reduce_mean(a) * literal([0.5, 1, 2])
    output run = a |> dense(3) |> tanh
}
`,
		"judged": `model judged {
    input  x: f32[9]
    target label: class[4]
    target mask: f32[3]
    target word: i32[2]

    hidden = x |> dense(12) |> relu
    output logits = hidden |> dense(4)
    output more   = hidden |> dense(3) |> sigmoid
    output steps  = hidden |> reshape([3, 4])

    train {
        loss   = cross_entropy(logits, label) + 0.5*mse(more, mask)
        metric = accuracy(logits, label)
        metric = f1(logits, label, average="weighted")
        metric = logits |> f1(label)
        metric = confusion_matrix(logits, label)
        metric = precision(more, mask)
        metric = mse(more, mask)
        metric = rmse(more, mask)
        metric = r2(more, mask)
        metric = roc_auc(softmax(logits), label)
        metric = perplexity(logits, label)
        metric = token_error_rate(steps, word)
        metric = word_error_rate(steps, word, separator=1, decode="plain")
        batch  = 5
        epochs = 3
    }
}
`,
		"squares": `model squares {
    input  image: f32[8, 8, 3]
    output means = image |> conv2d(16, kernel=3, padding="same") |> relu |> conv2d(16, kernel=3, padding="same") |> batch_norm |> relu |> global_avg_pool
}
`,
		"speech": `model speech {
    input  frames: f32[T<=7, 5]
    input  tones: f32[T, 3]
    target label: class[4]
    target each: f32[T, 2]

    y = frames |> lstm(9, bidirectional=true, lengths=T)
    z = tones |> gru(6, lengths=T)

    output logits = y |> lstm(8, peepholes=true, return="last", lengths=T) |> dense(4)
    output parts  = z |> rnn(5, reverse=true, lengths=T) |> dense(2)

    train {
        loss      = cross_entropy(logits, label) + mse(parts, each)
        optimizer = adam()
    }
}
`,
		"elements": `model elements {
    input  a: f16[5]
    input  b: bf16[5]
    input  c: i8[5]
    input  d: u8[5]
    input  e: bool[5]
    input  f: i64[5]
    input  g: i32
    target h: f16[2]
    target i: u8[3]
    target j: bool
    target k: i8
    target l: class[3]

    param  scale: f32[5] = ones
    buffer order: i32[5] = constant(2)
    buffer keep: bool[5] = ones
    buffer half: bf16[5] = constant(0.1)

    floats = cast(a * 2, "f32") + cast(b + half, "f32")
    whole  = cast(c, "i32") + cast(d, "i32") + cast(f, "i32")
    mixed  = where(logical_and(e, keep), floats, cast(whole, "f32")) * scale

    output picked = gather(mixed, order, axis=1)
    output bytes  = d + 250
    output small  = c * 100
    output truth  = less(a, cast(b, "f16"))
    output long   = f + 1
    output rest   = g * 2
    output halves = a / 3
    logits        = mixed |> dense(3)

    train {
        loss  = cross_entropy(logits, l) + mse(mixed |> dense(2), cast(h, "f32")) + mse(logits, cast(i, "f32")) + bce_logits(mixed |> dense(1) |> reshape([]), cast(j, "f32"))
        metric = mse(reduce_mean(mixed, axes=1), cast(k, "f32"))
        batch  = 6
        epochs = 2
    }
}
`,
		"wide": `model wide {
    input  x: f32[9, 11, 6]
    target y: f32[5]

    features = x |> conv2d(8, kernel=3, padding="same", stride=2, bias=false) |> batch_norm |> sigmoid |> avg_pool(2)
    more     = features |> conv2d(8, kernel=1, groups=2, bias=false) |> relu |> max_pool(2, stride=1)
    output out = more |> flatten |> dense(16) |> tanh |> dropout(0.3) |> dense(5)

    train {
        loss      = mse(out, y)
        penalty   = l2(1e-3)
        optimizer = adam(lr=0.01)
        schedule  = step(every=2, factor=0.5)
        batch     = 5
        epochs    = 3
    }
}
`,
	}
}

func generate(t *testing.T, name, src string, targets ...string) map[string][]byte {
	t.Helper()
	m, err := dsl.Compile(name+".dl", []byte(src), dsl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	u, err := passes.Run(m, &pass.Config{})
	if err != nil {
		t.Fatal(err)
	}
	files, err := codegen.Generate(u, codegen.Options{Source: name + ".dl", Inputs: map[string][]byte{name + ".dl": []byte(src)}, Targets: targets})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// write puts a package into an empty module without requirements.
func write(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.org/model\n\ngo 1.26\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

// goCommand runs the go command in dir, apart from any workspace.
func goCommand(t *testing.T, dir string, env []string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GOPROXY=off", "CGO_ENABLED=0")
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestPackage builds each package in an empty module, vets it, runs its own tests on the best kernels and on plain Go, and
// cross-compiles it.
func TestPackage(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(sources(t))) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, generate(t, name, sources(t)[name]))
			goCommand(t, dir, nil, "vet", ".")
			goCommand(t, dir, nil, "test", ".")
			goCommand(t, dir, []string{"DLC_ISA=go"}, "test", ".")
			deps := goCommand(t, dir, nil, "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")
			if got := strings.Fields(deps); len(got) != 1 {
				t.Errorf("the package depends on %v", got)
			}
			if name != "digits" {
				return
			}
			for _, target := range []string{"linux/arm64", "js/wasm", "windows/amd64", "darwin/arm64"} {
				goos, goarch, _ := strings.Cut(target, "/")
				goCommand(t, dir, []string{"GOOS=" + goos, "GOARCH=" + goarch}, "vet", ".")
			}
		})
	}
}

// TestRace runs a package's tests under the race detector, which needs a C compiler.
func TestRace(t *testing.T) {
	need(t, "gcc", "the race detector links with a C compiler")
	dir := write(t, generate(t, "digits", sources(t)["digits"]))
	goCommand(t, dir, []string{"CGO_ENABLED=1"}, "test", "-race", "-run", "SameBits", ".")
	dir = write(t, generate(t, "squares", sources(t)["squares"]))
	if err := os.WriteFile(filepath.Join(dir, "sessions_test.go"), []byte(sessionsTest), 0o666); err != nil {
		t.Fatal(err)
	}
	goCommand(t, dir, []string{"CGO_ENABLED=1"}, "test", "-race", "-run", "SameBits|Sessions", ".")
}

// sessionsTest makes sessions of one model at the same time, which share what is computed of the weights, and compares their outputs.
const sessionsTest = `package squares

import (
	"slices"
	"sync"
	"testing"
)

func TestSessions(t *testing.T) {
	m, err := untrainedModel(&model, 1)
	if err != nil {
		t.Fatal(err)
	}
	got := make([][]float32, 6)
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() {
			s := m.NewSession(Batch(32), WithThreads(1+i%2))
			defer s.Close()
			for k := range s.Image() {
				s.Image()[k] = float32(k%37) / 37
			}
			if err := s.Run(32); err != nil {
				t.Error(err)
			}
			got[i] = slices.Clone(s.Means())
		})
	}
	all.Wait()
	if m.prepared == nil {
		t.Error("nothing is computed of the weights alone, so that this tests nothing")
	}
	for i := range got {
		if len(got[i]) == 0 || !slices.Equal(got[i], got[0]) {
			t.Errorf("session %d gives other outputs than the first", i)
		}
	}
}
`

// need skips the test where a program is missing, which CI must have.
func need(t *testing.T, program, why string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("DLC_CI") != "" {
		t.Fatalf("CI has no %s: %s", program, why)
	}
	t.Skipf("no %s: %s", program, why)
}

// TestArm64 runs a package's own tests, recorded outputs among them, on an emulated arm64 processor of the first generation: it takes the NEON
// kernels, or plain Go where DLC_ISA says so, and runs nothing that needs dot products.
func TestArm64(t *testing.T) {
	need(t, "qemu-aarch64", "arm64 code runs under qemu-user")
	dir := write(t, generate(t, "digits", sources(t)["digits"]))
	if err := os.WriteFile(filepath.Join(dir, "isa_test.go"), []byte(isaTest), 0o666); err != nil {
		t.Fatal(err)
	}
	goCommand(t, dir, []string{"GOARCH=arm64", "WANT=neon"}, "test", "-exec", "qemu-aarch64 -cpu cortex-a53", ".")
	goCommand(t, dir, []string{"GOARCH=arm64", "WANT=go", "DLC_ISA=go"}, "test", "-run", "ISA|Recorded", "-exec", "qemu-aarch64 -cpu cortex-a53", ".")
}

// isaTest says which kernels a package has taken.
const isaTest = `package digits

import (
	"os"
	"testing"
)

func TestISA(t *testing.T) {
	if want := os.Getenv("WANT"); string(isa) != want {
		t.Errorf("the kernels are those of %s, want %s", isa, want)
	}
}
`

// TestReproducible generates twice and compares, and looks for what must not be in a package.
func TestReproducible(t *testing.T) {
	for name, src := range sources(t) {
		a, b := generate(t, name, src), generate(t, name, src)
		for file, data := range a {
			if !bytes.Equal(data, b[file]) {
				t.Errorf("%s: %s differs between two builds", name, file)
			}
			if strings.HasSuffix(file, ".go") && !bytes.HasPrefix(data, []byte(codegen.Header)) {
				t.Errorf("%s: %s does not begin with the header", name, file)
			}
		}
		if len(a) != len(b) {
			t.Errorf("%s: %d files, then %d", name, len(a), len(b))
		}
	}
}

// TestSize builds an empty program and one with the model inside: dlc may add 3 MB and the weights.
func TestSize(t *testing.T) {
	files := generate(t, "digits", sources(t)["digits"])
	dir := write(t, files)
	size := func(name, src string) int64 {
		sub := filepath.Join(dir, name)
		if err := os.Mkdir(sub, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(sub, "main.go"), []byte(src), 0o666); err != nil {
			t.Fatal(err)
		}
		goCommand(t, dir, nil, "build", "-o", name+".bin", "./"+name)
		info, err := os.Stat(filepath.Join(dir, name+".bin"))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	empty := size("empty", "package main\n\nfunc main() {}\n")
	model := size("full", `package main

import (
	"context"
	"os"

	digits "example.org/model"
)

func main() {
	m, err := digits.New()
	if err != nil {
		panic(err)
	}
	out, err := m.Predict(make([]float32, 784))
	println(out.Probs[0], err)
	if t, err := digits.NewTrainer(digits.Train{}); err == nil && len(os.Args) > 1 {
		t.Fit(context.Background(), nil)
	}
}
`)
	weights := int64(len(files["digits.weights"]))
	t.Logf("empty %d, with the model %d, weights %d bytes", empty, model, weights)
	if model-empty-weights > 3<<20 {
		t.Errorf("the model adds %d bytes to an empty program, weights not counted", model-empty-weights)
	}
}

// TestFinishers looks for the finisher of each metric in the support files.
func TestFinishers(t *testing.T) {
	files, err := runtime.Files()
	if err != nil {
		t.Fatal(err)
	}
	var src []byte
	for _, f := range files {
		if strings.HasPrefix(f.Name, "finish") {
			src = append(src, f.Data...)
		}
	}
	found := 0
	for _, o := range ops.All() {
		if o.Metric == nil {
			continue
		}
		found++
		name := "finish"
		for _, part := range strings.Split(o.Metric.Finish, "_") {
			name += strings.ToUpper(part[:1]) + part[1:]
		}
		if !bytes.Contains(src, []byte(name+" ")) {
			t.Errorf("metric %s has no finisher %s", o.Name, name)
		}
	}
	if found < 8 {
		t.Errorf("only %d metrics have finishers", found)
	}
}

// TestProcessors runs a package's own tests on emulated processors, one with AVX2 and one without: what the processor lacks is not taken, and what
// DLC_ISA asks for in vain gives the next best.
func TestProcessors(t *testing.T) {
	if goruntime.GOARCH != "amd64" {
		t.Skip("needs amd64")
	}
	need(t, "qemu-x86_64", "other processors are played by qemu-user")
	dir := write(t, generate(t, "digits", sources(t)["digits"]))
	const probe = "package %s\n\nimport \"testing\"\n\nfunc TestISA(t *testing.T) { t.Log(\"takes\", isa, noteISA) }\n"
	name := strings.TrimSpace(goCommand(t, dir, nil, "list", "-f", "{{.Name}}", "."))
	if err := os.WriteFile(filepath.Join(dir, "isa_test.go"), fmt.Appendf(nil, probe, name), 0o666); err != nil {
		t.Fatal(err)
	}
	goCommand(t, dir, nil, "test", "-c", "-o", "package.test", ".")
	for _, c := range []struct{ cpu, asked, takes string }{
		{"Haswell", "", "takes avx2 \n"}, {"Haswell", "avx512", "takes avx2 DLC_ISA=avx512: this CPU cannot run it"}, {"Haswell", "go", "takes go \n"},
		{"Nehalem", "", "takes go \n"}, {"Nehalem", "avx2", "takes go DLC_ISA=avx2: this CPU cannot run it"},
	} {
		cmd := exec.Command("qemu-x86_64", "-cpu", c.cpu, "./package.test", "-test.v", "-test.run", "ISA|Recorded")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "DLC_ISA="+c.asked)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), c.takes) {
			t.Errorf("%s, DLC_ISA=%s: %v, no %q in\n%s", c.cpu, c.asked, err, c.takes, out)
		}
	}
}
