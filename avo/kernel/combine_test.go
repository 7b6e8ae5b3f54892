package kernel_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/passes/pass"
)

// TestWholeFolds folds whole numbers in every way, over rows with and without tails, in one chain and in eight partial results, and sums of
// products that are fused with a factor that is computed.
func TestWholeFolds(t *testing.T) {
	for _, fold := range []string{"sum", "max", "min", "prod"} {
		for _, lanes := range []string{"", " lanes 8"} {
			for _, width := range []int{2, 5, 8, 27} {
				text := fmt.Sprintf(`func f[N] {
  input x: i32[N,3,%[1]d]
  input w: f32[N,3,%[1]d]
  output y: i32[N,3]
  output z: f32[N,3]
  reduce y (n:N, i:3) %[2]s (j:%[1]d)%[3]s {
    value x[n, i, j] * (x[n, i, j] - 3)
    y[n, i] = acc
  }
  reduce z (n:N, i:3) sum (j:%[1]d)%[3]s {
    value w[n, i, j] * (f32(x[n, i, j]) + 0.1)
    z[n, i] = acc
  }
}
`, width, fold, lanes)
				t.Run(fmt.Sprintf("%s%s/%d", fold, lanes, width), func(t *testing.T) { wholeFold(t, text) })
			}
		}
	}
}

func wholeFold(t *testing.T, text string) {
	f, err := loop.Parse("fold.loop", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := loop.Verify(f); err != nil {
		t.Fatal(err)
	}
	sizes := map[string]int{"N": 3}
	filled := func() loop.Memory {
		mem, err := loop.NewMemory(f, sizes)
		if err != nil {
			t.Fatal(err)
		}
		for i := range mem[f.Buffer("x")] {
			k := int32(i*i*7919%2003 - 1000)
			mem[f.Buffer("x")][i] = uint32(k)
			mem[f.Buffer("w")][i] = 0x3f800000 + uint32(i)*40503
		}
		return mem
	}
	want := filled()
	if err := loop.Run(f, sizes, want); err != nil {
		t.Fatal(err)
	}
	for _, target := range []vec.Target{vec.AVX2, vec.AVX512, vec.NEON, vec.Go} {
		got := filled()
		run(t, &pass.Unit{}, f, target, 3, got)
		for _, name := range []string{"y", "z"} {
			if b := f.Buffer(name); !slices.Equal(got[b], want[b]) {
				t.Errorf("%s on %s: %v, want %v", name, target.Name, got[b], want[b])
			}
		}
	}
}
