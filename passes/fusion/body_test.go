package fusion

import (
	"math"
	"slices"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/passes/pass"
)

// TestBody fuses the body of the golden scan: fewer nests, the same bits.
func TestBody(t *testing.T) {
	a, err := txtar.ParseFile("../../golden/passes/fusion/scan.txtar")
	if err != nil {
		t.Fatal(err)
	}
	text := a.Files[slices.IndexFunc(a.Files, func(f txtar.File) bool { return f.Name == "in.ir" })].Data
	run := func(fuse bool) (nests int, all []uint32) {
		f, err := loop.Parse("scan.loop", text)
		if err != nil {
			t.Fatal(err)
		}
		if fuse {
			Func(f, &pass.Config{})
		}
		sizes := map[string]int{"N": 3}
		mem, err := loop.NewMemory(f, sizes)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range f.Buffers {
			if b.Space == loop.Input || b.Space == loop.Weight {
				for i := range mem[b] {
					mem[b][i] = math.Float32bits(float32(math.Sin(float64(i))))
				}
			}
		}
		if err := loop.Run(f, sizes, mem); err != nil {
			t.Fatalf("%v\n%s", err, f)
		}
		for _, b := range f.Buffers {
			if b.Space == loop.Output {
				all = append(all, mem.Words(b, sizes)...)
			}
		}
		return len(f.Nests[1].Body), all
	}
	before, want := run(false)
	after, got := run(true)
	if !slices.Equal(got, want) {
		t.Errorf("fused it gives %v, not %v", got, want)
	}
	if after > 2 || before != 6 {
		t.Errorf("%d nests became %d; at most 2 should be left", before, after)
	}
}
