package codegen

import (
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/avo/kernel"
	"github.com/dlc-ml/dlc/golden"
	"github.com/dlc-ml/dlc/ir/loop"
)

// TestGoldenKernels prints the kernels of recorded loop programs for each back end.
func TestGoldenKernels(t *testing.T) {
	golden.Run(t, "../golden/kernel", func(t *testing.T, in map[string]string) map[string]string {
		f, err := loop.Parse("in.loop", []byte(in["in.loop"]))
		if err != nil {
			t.Fatal(err)
		}
		if err := loop.Verify(f); err != nil {
			t.Fatal(err)
		}
		ks := newKernelSet(nil)
		for _, n := range f.Nests {
			b, err := kernel.New(n, map[string]int{"P": 1 << 12})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ks.add(b); err != nil {
				t.Fatal(err)
			}
		}
		files, err := ks.print("p")
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for name, data := range files {
			if strings.HasPrefix(name, "kernels_") {
				out[name] = string(data)
			}
		}
		return out
	})
}
