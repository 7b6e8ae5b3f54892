package kernel

import (
	"testing"

	"github.com/dlc-ml/dlc/ir/loop"
)

// TestCutSums checks how long sums over the batch are kept short: in blocks of examples where the sum can go on from what is stored, else by a cut, never by both, since
// whoever calls the kernel knows only one of them.
func TestCutSums(t *testing.T) {
	f, err := loop.Parse("sums.loop", []byte(`func train[N] {
  temp h: f32[N,128,100]
  temp g: f32[N,512,100]
  temp u: f32[N,100,128]
  temp v: f32[N,100,512]
  temp across: f32[128,512]
  temp along: f32[128,512]
  temp bias: f32[512]
  contract across (in:128, unit:512) sum (n:N, t:100) lanes 8 {
    value h[n, in, t] * g[n, unit, t]
    across[in, unit] = acc
  }
  contract along (in:128, unit:512) sum (n:N, t:100) {
    value u[n, t, in] * v[n, t, unit]
    along[in, unit] = acc
  }
  reduce bias (unit:512) sum (n:N, t:100) lanes 8 {
    value g[n, unit, t]
    bias[unit] = acc
  }
}
`))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ cut, blocks, rows bool }{{true, false, true}, {false, true, true}, {false, false, true}} {
		b, err := New(f.Nests[i], nil)
		if err != nil {
			t.Fatal(err)
		}
		if cut, blocks, rows := b.Cuts > 1, b.Block > 0, !b.Grid.None && b.Grid.Chunk < b.Grid.Extent; cut != want.cut || blocks != want.blocks || rows != want.rows {
			t.Errorf("%s: %d cuts, blocks of %d examples, grid %+v", b.Nest.Name, b.Cuts, b.Block, b.Grid)
		}
	}
}
