package passes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/passes/pass"
)

// TestRunLeNet takes the tutorial's network through the whole pipeline, and checks that what comes out computes the same as what lower makes
// of it. Sums in another order, which layout chooses, differ in the last bits.
func TestRunLeNet(t *testing.T) {
	for _, fn := range []string{ir.FuncInfer, ir.FuncEval, ir.FuncTrain} {
		t.Run(fn, func(t *testing.T) {
			want := result(t, before(t, lenet(t, fn, 16, 3, 4, 6)), 3)
			u, err := Run(lenet(t, fn, 16, 3, 4, 6), nil)
			if err != nil {
				t.Fatal(err)
			}
			f := u.Loops[0]
			if f.Plan == nil {
				t.Fatal("there is no memory plan")
			}
			near(t, want, result(t, u, 3))
			if u.Trainable%pass.ArenaAlign != 0 || u.Trainable == 0 {
				t.Errorf("the trainable part of the arena has %d elements, no multiple of %d", u.Trainable, pass.ArenaAlign)
			}
			if back, err := loop.Parse("f", []byte(f.String())); err != nil || back.String() != f.String() {
				t.Errorf("the program does not parse back: %v", err)
			}
		})
	}
}

// near compares results of f32 within rounding.
func near(t *testing.T, want, got [][]uint32) {
	t.Helper()
	for k := range want {
		for i := range want[k] {
			w, g := value(want[k][i]), value(got[k][i])
			if d := w - g; d > 1e-4*(1+abs(w)) || -d > 1e-4*(1+abs(w)) || d != d {
				t.Fatalf("result %d element %d is %v, not %v", k, i, g, w)
			}
		}
	}
}

// TestDump checks the files of --dump: one for each pass and the source, in order, each parsing back, and unchanged ones marked.
func TestDump(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dump")
	cfg := &pass.Config{Dump: dir}
	if _, err := Run(lenet(t, ir.FuncInfer, 16, 3, 4, 6), cfg); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, f := range files {
		list = append(list, filepath.Base(f))
	}
	want := "00-source.ir 01-simplify.ir 02-autodiff.ir 03-lower.ir 04-fusion.ir 05-prepare.ir 06-layout.ir 07-tile.ir 08-chain.ir 09-memory.ir"
	if got := strings.Join(list, " "); got != want {
		t.Fatalf("the files are %s, not %s", got, want)
	}
	for i, name := range list {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if i < 3 {
			_, err = ir.Parse(name, text)
		} else {
			_, err = loop.Parse(name, text)
		}
		if err != nil {
			t.Errorf("%s does not parse: %v", name, err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		// There is nothing to differentiate in function infer, but there is to fuse.
		if unchanged := strings.HasSuffix(first, ": unchanged"); name == "02-autodiff.ir" && !unchanged || name == "04-fusion.ir" && unchanged {
			t.Errorf("%s begins with %q", name, first)
		}
	}
	for i, x := range cfg.Timings {
		if x.Pass != Pipeline[i].Name {
			t.Errorf("timing %d is of %s, not %s", i, x.Pass, Pipeline[i].Name)
		}
	}
}

// TestStopAfter checks that the pipeline ends where it is told, and that a pass that does not exist is an error that lists those that do.
func TestStopAfter(t *testing.T) {
	cfg := &pass.Config{StopAfter: "lower"}
	u, err := Run(lenet(t, ir.FuncInfer, 16, 3, 4, 6), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(u.Loops) != 1 || u.Loops[0].Plan != nil || len(cfg.Timings) != 3 {
		t.Errorf("%d passes ran, %d functions were lowered, plan %v", len(cfg.Timings), len(u.Loops), u.Loops[0].Plan)
	}
	_, err = Run(lenet(t, ir.FuncInfer, 16, 3, 4, 6), &pass.Config{StopAfter: "fuse"})
	if err == nil || !strings.Contains(err.Error(), "fusion") {
		t.Errorf("the error for a pass that does not exist is %v", err)
	}
}

// TestBisect checks that the program is right however many rewrites are made, and that the number is kept.
func TestBisect(t *testing.T) {
	all := &pass.Config{}
	if _, err := Run(lenet(t, ir.FuncTrain, 16, 3, 4, 6), all); err != nil {
		t.Fatal(err)
	}
	want := result(t, before(t, lenet(t, ir.FuncTrain, 16, 3, 4, 6)), 2)
	last := map[string]bool{}
	for n := 1; n <= all.Rewrites; n++ {
		cfg := &pass.Config{MaxRewrites: n}
		u, err := Run(lenet(t, ir.FuncTrain, 16, 3, 4, 6), cfg)
		if err != nil {
			t.Fatalf("%d rewrites: %v", n, err)
		}
		near(t, want, result(t, u, 2))
		if last[cfg.Last] || cfg.Last == "" {
			t.Errorf("rewrite %d is %q, as one before", n, cfg.Last)
		}
		last[cfg.Last] = true
	}
	if all.Rewrites < 10 {
		t.Errorf("only %d rewrites were made", all.Rewrites)
	}
}
