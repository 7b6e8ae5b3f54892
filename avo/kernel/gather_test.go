package kernel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/dlc-ml/dlc/avo/kernel"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/passes/pass"
)

// gathers are programs with indices of run time: the parts of a function behind its name and symbol. ordered says, for each gather, whether
// its pieces must run one after another; chunked, whether it is cut at all.
var gathers = []struct {
	name, src string
	ordered   []bool
	chunked   []bool
}{
	{"rows", `
  input table: f32[9,13]
  input id: i32[N,5]
  output row: f32[N,5,13]
  gather embed (n:N, t:5, j:13) {
    row[n, t, j] = table[@(id[n, t]), j] * 2.0 + 1.0
  }`, []bool{false}, []bool{true}},
	{"scatter_rows", `
  input dy: f32[N,5,300]
  input id: i32[N,5]
  output grad: f32[9,300]
  map zero (i:9, j:300) { grad[i, j] = 0.0 }
  gather embed.grad (n:N, t:5, j:300) {
    grad[@(id[n, t]), j] += dy[n, t, j]
  }`, []bool{false}, []bool{true}},
	{"scatter_narrow", `
  input dy: f32[N,5,3]
  input id: i32[N,5]
  output grad: f32[9,3]
  map zero (i:9, j:3) { grad[i, j] = 0.0 }
  gather embed.grad (n:N, t:5, j:3) {
    grad[@(id[n, t]), j] += dy[n, t, j]
  }`, []bool{true}, []bool{true}},
	{"elements", `
  input x: f32[N,11,7]
  input id: i32[N,4,7]
  output y: f32[N,4,7]
  gather pick (n:N, i:4, j:7) {
    y[n, i, j] = x[n, @(select(id[n, i, j] < 0, id[n, i, j] + 11, id[n, i, j])), j]
  }`, []bool{false}, []bool{true}},
	{"scatter_elements", `
  input dy: f32[N,4,7]
  input id: i32[N,4,7]
  output y: f32[N,11,7]
  map zero (n:N, i:11, j:7) { y[n, i, j] = 0.0 }
  gather put (n:N, i:4, j:7) {
    y[n, @(id[n, i, j]), j] += dy[n, i, j]
  }`, []bool{false}, []bool{true}},
	{"histogram", `
  input id: i32[N,300]
  output count: i32[17]
  output last: i32[17]
  map zero (i:17) { count[i] = 0
    last[i] = -1 }
  gather tally (n:N, i:300) {
    count[@(id[n, i])] += 1
    last[@(id[n, i])] = index(n+i)
  }`, []bool{true}, []bool{true}},
	{"products", `
  input x: f32[N,6]
  input id: i32[N,6]
  output y: f32[N,4]
  map one (n:N, i:4) { y[n, i] = 1.0 }
  gather times (n:N, i:6) {
    y[n, @(id[n, i])] = y[n, @(id[n, i])] * x[n, i]
  }`, []bool{false}, []bool{true}},
	{"shifted", `
  input x: f32[N,20,20]
  input id: i32[N,2]
  output y: f32[N,6,5]
  gather crop (n:N, i:6, j:5) {
    y[n, i, j] = x[n, 2*i-3+@(id[n, 0]), j+1+@(id[n, 1])]
  }`, []bool{false}, []bool{true}},
	{"bags", `
  input table: f32[9,24]
  input id: i32[N,5]
  input w: f32[N,5]
  output y: f32[N,24]
  gather bag (n:N, j:24) sum (t:5) {
    value w[n, t] * table[@(id[n, t]), j]
    y[n, j] = acc
  }`, []bool{false}, []bool{true}},
	{"splat", `
  input scale: f32[9]
  input id: i32[N]
  input x: f32[N,21]
  output y: f32[N,21]
  gather scaled (n:N, j:21) {
    y[n, j] = scale[@(id[n])] * x[n, j]
  }`, []bool{false}, []bool{true}},
	{"chained", `
  input next: i32[N,12]
  input x: f32[N,12]
  output y: f32[N,12]
  gather hop (n:N, i:12) {
    y[n, i] = x[n, @(next[n, @(next[n, i])])]
  }`, []bool{false}, []bool{true}},
	{"still", `
  input id: i32[1]
  input x: f32[6,50]
  output y: f32[50]
  output z: f32[6,50]
  gather row (j:50) {
    y[j] = x[@(id[0]), j]
  }
  copy all (i:6, j:50) { z[i, j] = x[i, j] }
  gather put (j:50) {
    z[@(id[0]), j] += x[0, j]
  }`, []bool{false, false}, []bool{false, false}},
}

// TestGather compares kernels of gathers with the interpreter, bit for bit, for indices of every kind: inside, at the border, far outside.
func TestGather(t *testing.T) {
	for _, g := range gathers {
		t.Run(g.name, func(t *testing.T) {
			f, err := loop.Parse("gather.loop", []byte("func f[N] {"+g.src+"\n}\n"))
			if err != nil {
				t.Fatal(err)
			}
			at := 0
			for _, n := range f.Nests {
				b, err := kernel.New(n, nil)
				if err != nil {
					t.Fatal(err)
				}
				if n.Form != loop.Gather {
					continue
				}
				if b.Grid.Ordered != g.ordered[at] || b.Grid.None == g.chunked[at] {
					t.Errorf("%s: grid %+v", n.Name, b.Grid)
				}
				t.Logf("%s: %s, %+v", n.Name, b.Tiling, b.Grid)
				at++
			}
			for _, batch := range []int{1, 2, 7} {
				sizes := map[string]int{"N": batch}
				want := gatherMemory(t, f, sizes)
				if err := loop.Run(f, sizes, want); err != nil {
					t.Fatal(err)
				}
				for _, target := range targets {
					got := gatherMemory(t, f, sizes)
					run(t, &pass.Unit{}, f, target, batch, got)
					for _, b := range visible(f) {
						differ(t, fmt.Sprintf("batch %d on %s", batch, target.Name), b, want[b], got[b], true)
					}
				}
			}
		})
	}
}

// gatherMemory is memory with inputs: small and extreme integers, and numbers of which no two sums are alike.
func gatherMemory(t *testing.T, f *loop.Func, sizes map[string]int) loop.Memory {
	t.Helper()
	mem, err := loop.NewMemory(f, sizes)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for _, b := range f.Buffers {
		if b.Space != loop.Input {
			continue
		}
		for i := range mem[b] {
			switch k := rng.IntN(12); {
			case b.Elem == ir.F32:
				mem[b][i] = math.Float32bits(float32(rng.NormFloat64()))
			case k == 0:
				mem[b][i] = 1 << 31
			case k == 1:
				mem[b][i] = 1<<31 - 1
			default:
				mem[b][i] = uint32(int32(rng.IntN(14) - 3))
			}
		}
	}
	return mem
}
