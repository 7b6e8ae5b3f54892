package codegen

import (
	"fmt"

	"github.com/dlc-ml/dlc/avo/kernel"
	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/passes/pass"
)

// Explain tells note of every kernel of a compiled model: what it computes, how it goes over the data on the reference target AVX2, how callers cut it, and
// what the cost model expects of it.
func Explain(u *pass.Unit, note func(pos diag.Pos, text string)) error {
	sizes := map[string]int{"P": u.Trainable}
	for _, f := range u.Loops {
		for _, n := range f.Nests {
			list, steps := []*loop.Nest{n}, []loop.Axis(nil)
			if n.Form == loop.Scan {
				list, steps = n.Body, n.Axes
				note(n.Pos, fmt.Sprintf("kernel: %s: %s: %d steps over %s, each of which runs:", f.Name, n.Name, n.Axes[0].Extent.Size, n.Axes[0].Name))
			}
			for _, n := range list {
				b, err := kernel.New(n, sizes, steps...)
				if err != nil {
					return fmt.Errorf("%s: error: %w", n.Pos, err)
				}
				note(n.Pos, fmt.Sprintf("kernel: %s: %s %s: %s; %s", f.Name, n.Form, n.Name, b.Tiling, b.Expected()))
			}
		}
	}
	return nil
}
