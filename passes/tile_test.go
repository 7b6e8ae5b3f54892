package passes

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/dsl"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/passes/layout"
	"github.com/dlc-ml/dlc/passes/memory"
	"github.com/dlc-ml/dlc/passes/pass"
	"github.com/dlc-ml/dlc/passes/tile"
)

// attentions are the bodies of models whose attention is run in tiles: what is read, and what is made of it.
var attentions = []struct{ name, inputs, y string }{
	{"self", "x: f32[24, 8]", "x |> multi_head_attention(4)"},
	{"one head", "x: f32[13, 4]", "x |> multi_head_attention(1)"},
	{"causal shared", "x: f32[24, 8]", "x |> multi_head_attention(4, kv_heads=2, causal=true)"},
	{"memory", "x: f32[10, 6]\n  input m: f32[25, 5]\n  input long: i32[]", "multi_head_attention(x, memory=m, lengths=long, heads=2, causal=true)"},
	{"more queries", "x: f32[25, 6]\n  input m: f32[10, 5]", "multi_head_attention(x, memory=m, heads=2, causal=true)"},
	{"causal", "x: f32[24, 8]", "x |> multi_head_attention(2, causal=true)"},
	{"shared by all", "x: f32[11, 6]", "x |> multi_head_attention(3, kv_heads=1)"},
	{"dropout", "x: f32[24, 8]", "x |> multi_head_attention(2, dropout=0.3)"},
	{"added mask", "x: f32[12, 6]\n  input mask: f32[12, 12]", "multi_head_attention(x, mask=unsqueeze(mask, 1), heads=2)"},
	{"trained mask", "x: f32[12, 6]\n  param bias: f32[2, 12, 12]", "multi_head_attention(x, mask=bias, heads=2)"},
	{"one tensor", "x: f32[24, 8]", "x |> dense(8) |> reshape([24, 2, 4]) |> same |> reshape([24, 8])\n  block same(q) = attention(q, q, q)"},
	{"einsum", "x: f32[24, 8]", "einsum(einsum(x, x |> dense(8), equation=\"ntd,nsd->nts\") |> relu, x, equation=\"nts,nsd->ntd\")"},
}

// TestTiles compares attention in tiles of every kind with the same program over whole matrices, in inference and in training: outputs, losses, gradients
// and updated weights. What nothing wrote is NaN, so that a tile that reads beside its own is seen.
func TestTiles(t *testing.T) {
	for _, a := range attentions {
		t.Run(a.name, func(t *testing.T) {
			source := fmt.Sprintf("model m {\n  input %s\n  target want: f32[3]\n  y = %s\n  output out = y |> flatten |> dense(3)\n"+
				"  train {\n    loss = mse(out, want)\n    optimizer = sgd(lr=0.1)\n    batch = 4\n  }\n}\n", a.inputs, a.y)
			for _, block := range []int{1, 5, 1000} {
				for i, whole := range laidOut(t, source).Loops {
					u := laidOut(t, source)
					f := u.Loops[i]
					scans, hidden := 0, false
					if err := tile.Clusters(f, tile.Options{Block: block, Sizes: map[string]int{"P": u.Trainable}, Note: func(_ *loop.Nest, text string) {
						scans++
						hidden = hidden || strings.Contains(text, "hidden")
					}}); err != nil {
						t.Fatal(err)
					}
					if err := loop.Verify(f); err != nil {
						t.Fatalf("%v\n%s", err, f)
					}
					if scans == 0 && !(block == 1000 && (a.name == "one head" || a.name == "einsum")) {
						t.Errorf("%s, tiles of %d: nothing runs in tiles", f.Name, block)
					}
					if causal := strings.HasPrefix(a.name, "causal"); hidden != (causal && block < 24) {
						t.Errorf("%s, tiles of %d: hidden keys are left out: %v", f.Name, block, hidden)
					}
					agree(t, fmt.Sprintf("%s, tiles of %d", f.Name, block), planned(t, u, f, 3), planned(t, laidOut(t, source), whole, 3))
				}
			}
		})
	}
}

// laidOut compiles a source up to the program that pass tile gets.
func laidOut(t *testing.T, source string) *pass.Unit {
	t.Helper()
	m, err := dsl.Compile("m.dl", []byte(source), dsl.Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, source)
	}
	u, err := Run(m, &pass.Config{StopAfter: layout.Pass.Name})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// planned runs f in the storage that pass memory gives it, and returns what a caller sees.
func planned(t *testing.T, u *pass.Unit, f *loop.Func, n int) [][]uint32 {
	t.Helper()
	b := newBench(t, u, f, n, 5)
	f.Plan = memory.Plan(f)
	mem, err := loop.PlannedMemory(f, b.sizes)
	if err != nil {
		t.Fatal(err)
	}
	for buf := range f.Plan.At {
		copy(mem[buf], b.mem[buf])
		b.mem[buf] = mem[buf]
	}
	if err := loop.Run(f, b.sizes, b.mem); err != nil {
		t.Fatalf("%v\n%s", err, f)
	}
	return b.outcome()
}

// agree compares results that are computed in another order.
func agree(t *testing.T, what string, got, want [][]uint32) {
	t.Helper()
	for k := range want {
		most := 0.0
		for _, w := range want[k] {
			most = max(most, abs(value(w)))
		}
		if i := slices.IndexFunc(want[k], func(w uint32) bool { return math.IsNaN(value(w)) }); i >= 0 {
			t.Fatalf("%s: result %d element %d of the whole is NaN", what, k, i)
		}
		for i := range want[k] {
			if d := abs(value(got[k][i]) - value(want[k][i])); !(d <= 1e-5*max(1, most)) {
				t.Fatalf("%s: result %d element %d is %g, not %g", what, k, i, value(got[k][i]), value(want[k][i]))
			}
		}
	}
}
