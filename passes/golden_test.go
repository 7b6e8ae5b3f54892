package passes

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/golden"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/ir/ops"
	"github.com/dlc-ml/dlc/passes/autodiff"
	"github.com/dlc-ml/dlc/passes/chain"
	"github.com/dlc-ml/dlc/passes/fusion"
	"github.com/dlc-ml/dlc/passes/layout"
	"github.com/dlc-ml/dlc/passes/lower"
	"github.com/dlc-ml/dlc/passes/memory"
	"github.com/dlc-ml/dlc/passes/pass"
	"github.com/dlc-ml/dlc/passes/prepare"
	"github.com/dlc-ml/dlc/passes/simplify"
	"github.com/dlc-ml/dlc/passes/tile"
)

// TestGolden runs each pass on recorded programs: "in.ir" is the tensor program, or for passes behind lower the loop functions; "out.ir" is
// the program after it, "notes" what --explain says, "error" the error.
func TestGolden(t *testing.T) {
	for _, p := range []pass.Pass{simplify.Pass, autodiff.Pass, lower.Pass, fusion.Pass, prepare.Pass, layout.Pass, tile.Pass, chain.Pass, memory.Pass} {
		t.Run(p.Name, func(t *testing.T) {
			golden.Run(t, "../golden/passes/"+p.Name, func(t *testing.T, in map[string]string) map[string]string {
				return runPass(t, p, in["in.ir"])
			})
		})
	}
}

func runPass(t *testing.T, p pass.Pass, text string) map[string]string {
	t.Helper()
	u := parseUnit(t, p, text)
	var notes strings.Builder
	cfg := &pass.Config{Note: func(pos diag.Pos, text string) { fmt.Fprintf(&notes, "%s: %s\n", pos, text) }}
	if err := p.Run(u, cfg); err != nil {
		return map[string]string{"error": err.Error()}
	}
	if err := verify(u); err != nil {
		t.Errorf("%s made an illegal program: %v", p.Name, err)
	}
	out := map[string]string{"out.ir": Text(u)}
	if notes.Len() > 0 {
		out["notes"] = notes.String()
	}
	return out
}

// parseUnit reads what pass p gets.
func parseUnit(t *testing.T, p pass.Pass, text string) *pass.Unit {
	t.Helper()
	if slices.Contains([]string{fusion.Pass.Name, prepare.Pass.Name, layout.Pass.Name, tile.Pass.Name, chain.Pass.Name, memory.Pass.Name}, p.Name) {
		f, err := loop.Parse("in.ir", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := loop.Verify(f); err != nil {
			t.Fatal(err)
		}
		return &pass.Unit{Loops: []*loop.Func{f}}
	}
	m, err := ir.Parse("in.ir", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := ops.Verify(m); err != nil {
		t.Fatal(err)
	}
	return &pass.Unit{Module: m}
}
