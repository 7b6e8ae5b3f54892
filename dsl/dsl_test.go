package dsl_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/dsl"
	"github.com/dlc-ml/dlc/golden"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// TestGolden compiles every case of golden/dsl: the outputs are the module's text or the errors, and where it parses the formatted source.
func TestGolden(t *testing.T) {
	golden.Run(t, "../golden/dsl", func(t *testing.T, in map[string]string) map[string]string {
		src := []byte(in["in.dl"])
		out := map[string]string{}
		m, err := dsl.Compile("in.dl", src, dsl.Options{})
		if err != nil {
			out["errors"] = err.Error()
		} else {
			out["module.ir"] = ir.Print(m)
			if err := ops.Verify(m); err != nil {
				t.Error(err)
			}
		}
		if f, err := dsl.Format("in.dl", src); err == nil && !bytes.Equal(f, src) {
			out["formatted.dl"] = string(f)
		}
		return out
	})
}

// TestDigits compiles the example, whose module must verify.
func TestDigits(t *testing.T) {
	src, err := os.ReadFile("../examples/digits/digits.dl")
	if err != nil {
		t.Fatal(err)
	}
	m, err := dsl.Compile("digits.dl", src, dsl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := ops.Verify(m); err != nil {
		t.Fatal(err)
	}
	if f, err := dsl.Format("digits.dl", src); err != nil || !bytes.Equal(f, src) {
		t.Errorf("the example is not in the one style: %v\n%s", err, f)
	}
}

// TestSet overrides constants.
func TestSet(t *testing.T) {
	src := []byte("model m {\n input x: f32[4]\n const width = 8\n const half = width/2\n output y = x |> dense(half)\n}\n")
	m, err := dsl.Compile("m.dl", src, dsl.Options{Set: map[string]string{"width": "20"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Func("infer").Results[0].Value.Type.String(); got != "f32[N,10]" {
		t.Errorf("output is %s", got)
	}
	for name, want := range map[string]string{"widht": "did you mean width?", "width": "expected a value"} {
		_, err := dsl.Compile("m.dl", src, dsl.Options{Set: map[string]string{name: "("}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--set %s=( gave %v, want %q", name, err, want)
		}
	}
}

// hostile are sources that must give an error with a position, and bounded work.
func hostile() map[string]string {
	wrap := func(s string) string { return "model m {\n input x: f32[4]\n" + s + "\n output y = x\n}\n" }
	blocks := "block b0(x) = x |> relu\n"
	for i := 1; i < 40; i++ {
		n := string(rune('a' + i%26))
		_ = n
		blocks += "block b" + itoa(i) + "(x) = b" + itoa(i-1) + "(b" + itoa(i-1) + "(x))\n"
	}
	return map[string]string{
		"a million brackets":         wrap("z = " + strings.Repeat("(", 1_000_000)),
		"a million square brackets":  wrap("z = " + strings.Repeat("[", 1_000_000)),
		"half a million minus signs": wrap("z = " + strings.Repeat("-", 500_000) + "1"),
		"a long sum":                 wrap("z = 1" + strings.Repeat("+1", 300_000)),
		"a long pipe":                wrap("z = x" + strings.Repeat("|>relu", 100_000)),
		"nested calls":               wrap("z = " + strings.Repeat("relu(", 100_000)),
		"expanding blocks":           wrap(blocks + "z = b39(x)"),
		"large blocks called often":  wrap("block b(n) = [" + strings.Repeat("1,", 10_000) + "n]\nz = [" + strings.Repeat("b(2),", 5_000) + "3]"),
		"a tensor as the batch":      wrap("train { loss = reduce_mean(x)\nbatch = relu(1) }"),
		"an input as an extent":      "model m {\n input x: f32[y]\n input y: f32[x]\n output z = x + y\n}",
		"cyclic blocks":              wrap("block a(x) = b(x)\nblock b(x) = a(x)"),
		"cyclic definitions":         wrap("a = b\nb = a"),
		"huge extents":               "model m {\n input x: f32[65536, 65536, 65536]\n output y = x\n}",
		"an extent beyond int":       "model m {\n input x: f32[99999999999999999999]\n output y = x\n}",
		"a zero extent":              "model m {\n input x: f32[0]\n output y = x\n}",
		"a negative extent":          "model m {\n input x: f32[-3]\n output y = x\n}",
		"a zero stride":              "model m {\n input x: f32[8, 8, 1]\n output y = x |> conv2d(2, stride=0)\n}",
		"a negative stride":          "model m {\n input x: f32[8, 8, 1]\n output y = x |> max_pool(2, stride=-1)\n}",
		"a huge kernel":              "model m {\n input x: f32[8, 8, 1]\n output y = x |> conv2d(2, kernel=9)\n}",
		"huge padding":               "model m {\n input x: f32[8, 8, 1]\n output y = x |> conv2d(2, pads=[2000000000, 2000000000, 2000000000, 2000000000])\n}",
		"a huge layer":               "model m {\n input x: f32[1000000]\n output y = x |> dense(1000000)\n}",
		"many units":                 "model m {\n input x: f32[4]\n output y = x |> dense(1e300)\n}",
		"a Go keyword":               wrap("func = x"),
		"a model called like a word": "model func {\n input x: f32[4]\n output y = x\n}",
		"zero bytes":                 "model m {\x00}",
		"no UTF-8":                   "model m { \xff }",
		"an open comment":            wrap("/* and so on"),
		"an open string":             wrap("z = \"abc"),
		"nothing":                    "",
		"two megabytes":              strings.Repeat("// x\n", 400_000),
		"a number too large":         wrap("z = 1e999 + x"),
		"division by zero":           wrap("z = 1/0 + x"),
	}
}

func itoa(i int) string {
	if i < 10 {
		return string(rune('0' + i))
	}
	return itoa(i/10) + itoa(i%10)
}

func TestHostile(t *testing.T) {
	for name, src := range hostile() {
		t.Run(name, func(t *testing.T) {
			_, err := dsl.Compile("in.dl", []byte(src), dsl.Options{})
			var list *diag.List
			if !errors.As(err, &list) {
				t.Fatalf("got %v, want diagnostics", err)
			}
			for _, d := range list.Items {
				if d.Pos.File != "in.dl" || !d.Pos.Valid() || d.Msg == "" {
					t.Errorf("a diagnostic without a place or words: %+v", d)
				}
			}
			if n := len(err.Error()); n > 20_000 {
				t.Errorf("the message has %d bytes", n)
			}
			if n := dsl.Work([]byte(src)); n > dsl.MostWork {
				t.Errorf("%d parts of expressions were evaluated, more than %d", n, dsl.MostWork)
			}
		})
	}
}

// TestComments keeps words that mean something to Go out of harm's way: they are only text.
func TestComments(t *testing.T) {
	src := "//go:build ignore\nmodel m { /* a */ // b */ //go:noescape\n    input x: f32[4] // */ \n    output y = x |> relu\n}\n"
	if _, err := dsl.Compile("m.dl", []byte(src), dsl.Options{}); err != nil {
		t.Fatal(err)
	}
	out, err := dsl.Format("m.dl", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []string{"//go:build ignore", "/* a */", "// b */ //go:noescape", "// */"} {
		if !strings.Contains(string(out), c) {
			t.Errorf("comment %q is lost:\n%s", c, out)
		}
	}
}

// FuzzSource feeds any text: no panic, and what Format returns is its own formatted form and means the same.
func FuzzSource(f *testing.F) {
	if src, err := os.ReadFile("../examples/digits/digits.dl"); err == nil {
		f.Add(string(src))
	}
	for _, src := range hostile() {
		if len(src) < 2000 {
			f.Add(src)
		}
	}
	cases, err := filepath.Glob("../golden/dsl/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range cases {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(a.Files[0].Data))
	}
	f.Add("model m { // a\n // b\n input x: f32[4] /* c */ // d\n\n\n output y = (x |> relu) + -1*2 // e\n train { loss = mse(y, x) } }")
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 4000 {
			return
		}
		m, err := dsl.Compile("f.dl", []byte(src), dsl.Options{})
		out, ferr := dsl.Format("f.dl", []byte(src))
		if ferr != nil {
			return
		}
		again, ferr := dsl.Format("f.dl", out)
		if ferr != nil {
			t.Fatalf("the formatted source does not parse: %v\n%s", ferr, out)
		}
		if !bytes.Equal(out, again) {
			t.Fatalf("formatting twice differs:\n%s\n---\n%s", out, again)
		}
		m2, err2 := dsl.Compile("f.dl", out, dsl.Options{})
		if (err == nil) != (err2 == nil) {
			t.Fatalf("formatting changed the meaning: %v, then %v\n%s", err, err2, out)
		}
		if err == nil && len(m.Params) != len(m2.Params) {
			t.Fatalf("formatting changed the parameters")
		}
	})
}
