package passes

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/ir/ops"
	"github.com/dlc-ml/dlc/passes/memory"
	"github.com/dlc-ml/dlc/passes/pass"
)

// bench is the memory of a program outside of its temporaries: what a caller would hold. The same seed gives the same contents,
// whatever happened to the program's temporaries.
type bench struct {
	u       *pass.Unit
	f       *loop.Func
	sizes   map[string]int
	weights []uint32
	grads   []uint32
	mem     loop.Memory
}

// newBench fills inputs, parameters and state of f for a batch of n.
func newBench(t *testing.T, u *pass.Unit, f *loop.Func, n int, seed uint64) *bench {
	t.Helper()
	b := &bench{u: u, f: f, sizes: map[string]int{}, mem: loop.Memory{}}
	for _, s := range f.Symbols {
		b.sizes[s.Name] = n
	}
	b.sizes["P"] = u.Trainable
	for _, s := range f.Symbols {
		if s.Name == "N" {
			b.sizes["N"] = n
		}
	}
	r := rand.New(rand.NewPCG(seed, 1))
	b.weights = make([]uint32, u.ArenaLen)
	for _, p := range u.Places {
		for i := range p.Size {
			b.weights[p.At(i)] = math.Float32bits(float32(r.NormFloat64() * 0.3))
		}
	}
	b.grads = make([]uint32, u.Trainable)
	for _, buf := range f.Buffers {
		if words := b.fill(t, buf, r); words != nil {
			b.mem[buf] = words
		}
	}
	return b
}

// fill returns the storage of a buffer that the caller owns; nil for the others.
func (b *bench) fill(t *testing.T, buf *loop.Buffer, r *rand.Rand) []uint32 {
	t.Helper()
	switch buf.Space {
	case loop.Weight, loop.Grad:
		arena := b.weights
		if buf.Space == loop.Grad {
			arena = b.grads
		}
		if strings.HasPrefix(buf.Name, "$") {
			return arena[:b.u.Trainable]
		}
		p := b.u.Module.Param(strings.TrimSuffix(buf.Name, ".grad"))
		if p == nil {
			p = b.u.Module.Param(buf.Name)
		}
		pl, ok := b.u.Place(p)
		if !ok {
			t.Fatalf("no place for %s", buf.Name)
		}
		return arena[pl.Offset : pl.Offset+pl.Size]
	case loop.State:
		return make([]uint32, b.u.Trainable)
	case loop.Scalar:
		return []uint32{b.scalar(t, buf)}
	case loop.Input:
		// The contents depend on the name, so that they are the same whichever order the buffers have.
		r = rand.New(rand.NewPCG(uint64(len(buf.Name)), uint64(buf.Name[0])))
		words := make([]uint32, elems(buf.Shape, b.sizes))
		for i := range words {
			if buf.Elem == ir.I32 {
				words[i] = uint32(r.IntN(4))
			} else {
				words[i] = math.Float32bits(float32(r.NormFloat64()))
			}
		}
		return words
	}
	return nil
}

func (b *bench) scalar(t *testing.T, buf *loop.Buffer) uint32 {
	t.Helper()
	switch buf.Name {
	case "$batch":
		return math.Float32bits(float32(b.sizes["N"]))
	case "$lr":
		return math.Float32bits(0.05)
	case "$more", "$share":
		return math.Float32bits(0.5)
	case "$seed", "$step":
		return 7
	}
	for _, f := range b.u.Module.Funcs {
		for _, op := range f.Ops {
			o := ops.Lookup(op.Kind)
			if o.Scalars == nil {
				continue
			}
			for _, s := range o.Scalars(op.Attrs) {
				if "$"+s.Name == buf.Name {
					return math.Float32bits(float32(s.At(2, 0.9)))
				}
			}
		}
	}
	t.Fatalf("the run-time knows no scalar %s", buf.Name)
	return 0
}

// outcome is what a caller can see after a run: outputs in order, weights, gradients and state.
func (b *bench) outcome() [][]uint32 {
	list := [][]uint32{b.weights, b.grads}
	for _, buf := range b.f.Buffers {
		if buf.Space == loop.Output || buf.Space == loop.State {
			list = append(list, b.mem[buf])
		}
	}
	for i := range list {
		list[i] = slices.Clone(list[i])
	}
	return list
}

func elems(s ir.Shape, sizes map[string]int) int {
	n := 1
	for _, d := range s {
		n *= d.Size
		if !d.Static() {
			n *= sizes[d.Sym]
		}
	}
	return n
}

func value(bits uint32) float64 { return float64(math.Float32frombits(bits)) }

func abs(x float64) float64 { return math.Abs(x) }

// TestTogetherApart plans a layer in both directions: what the two scans use does not share storage, since they may run at the same time.
func TestTogetherApart(t *testing.T) {
	f, err := loop.Parse("scans.loop", []byte(`func infer[N] {
  input x: f32[N,4,64]
  output h: f32[N,64]
  temp z: f32[N,32]
  temp z_2: f32[N,32]
  scan one (t:4) {
    map one.sum (n:N, unit:32) {
      z[n, unit] = x[n, t, unit] + h[n, unit]
    }
    map one.state (n:N, unit:32) {
      h[n, unit] = z[n, unit]
    }
  }
  scan two (t:4) reverse {
    map two.sum (n:N, unit:32) {
      z_2[n, unit] = x[n, t, unit+32] + h[n, unit+32]
    }
    map two.state (n:N, unit:32) {
      h[n, unit+32] = z_2[n, unit]
    }
  }
}
`))
	if err != nil {
		t.Fatal(err)
	}
	if !f.Together(1) {
		t.Fatal("the scans are not together")
	}
	plan := memory.Plan(f)
	at := map[string]int{}
	for b, offset := range plan.At {
		at[b.Name] = offset
	}
	if d := at["z"] - at["z_2"]; d < 32 && d > -32 {
		t.Errorf("z lies at %d, z_2 at %d", at["z"], at["z_2"])
	}
}
